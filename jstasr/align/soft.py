"""Soft alignments: a soft minimum over all alignments, and optimal transport."""
