"""Training: the loop, its processes and signals, validation and the log."""
