"""The joint speech-text model: encoders, HAT decoders, losses. Knows no file formats."""
