"""Training data: paired and unpaired sets, batches under a frame budget, padding."""
