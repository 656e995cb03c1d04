"""N-gram language models over tokens: estimation, ARPA files, look-up."""
