"""The ground: Kaldi tables and archives, audio files, files that are either whole or absent."""
