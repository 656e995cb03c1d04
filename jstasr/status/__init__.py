"""How far trainings are, read from exp/<tag> alone: nothing is written, locked or unpickled, and torch not imported."""
