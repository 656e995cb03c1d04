"""From transcripts to tokens and phonemes, and back."""
