"""How often a feature frame and an encoder frame come, for everything that converts between frames and seconds."""

FRAME_LENGTH_MS, FRAME_SHIFT_MS = 25, 10  # window of a feature frame; from one feature frame to the next
FRAMES_PER_SECOND = 1000 // FRAME_SHIFT_MS  # feature frames
SUBSAMPLING = 4  # feature frames per encoder frame
ENCODER_FRAME_SECONDS = SUBSAMPLING / FRAMES_PER_SECOND
