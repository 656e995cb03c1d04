"""How often a feature frame and an encoder frame come, for everything that converts between frames and seconds."""

FRAME_LENGTH_MS, FRAME_SHIFT_MS = 25, 10  # window of a log-mel frame; from one log-mel frame to the next
PRETRAINED_SHIFT_MS = 20  # from one frame of a pretrained encoder to the next
FRAMES_PER_SECOND = 1000 // FRAME_SHIFT_MS  # log-mel frames; what settings count in, whatever the features are
SUBSAMPLING = 4  # log-mel frames per encoder frame
ENCODER_FRAME_SECONDS = SUBSAMPLING / FRAMES_PER_SECOND
