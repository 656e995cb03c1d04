"""Pretrained speech encoders: where they are, what they are, and their layers for given samples."""
