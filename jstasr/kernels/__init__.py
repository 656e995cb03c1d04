"""Compiled CPU kernels, behind two modules of plain functions: ops.py for the model, alignment.py for alignments."""
