"""Training: configuration, batches, the loop, validation, checkpoints."""
