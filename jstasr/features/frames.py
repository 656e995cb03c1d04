"""How often a feature frame and an encoder frame come, for everything that converts between frames and seconds."""

FRAMES_PER_SECOND = 100  # feature frames, every 10 ms
SUBSAMPLING = 4  # feature frames of one encoder frame
ENCODER_FRAME_SECONDS = SUBSAMPLING / FRAMES_PER_SECOND
