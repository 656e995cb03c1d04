"""The contents of exp/<tag>: configuration, token lists, checkpoints; loading and packing them."""
