"""Log-mel features and their normalisation."""
