"""Experiments as a table: systems, conditions and seeds, trained by a recipe and compared."""
