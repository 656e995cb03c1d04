"""What lies in exp/<tag>: configuration, token lists, checkpoints; loading and packing them."""
