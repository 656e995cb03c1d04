"""Recordings with transcripts, in the layouts that people have, as Kaldi data directories."""
