"""The joint speech-text model: encoders and HAT decoders."""
