"""Stage 0: does this machine have what the later stages need?"""
