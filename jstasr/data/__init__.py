"""Kaldi data directories, audio and feature files: reading, checking, writing."""
