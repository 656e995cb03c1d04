"""Decoding: greedy and beam search over HAT, streaming encoding, transcription of audio."""
