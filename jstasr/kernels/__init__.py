"""Compiled CPU kernels of the model and the alignment, behind one module of operations."""
