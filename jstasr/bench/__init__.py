"""Speed and memory of the parts of jstasr, measured beside their peers."""
