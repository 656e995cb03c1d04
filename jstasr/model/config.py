"""Dimensions and choices of the model, in one place."""

from dataclasses import dataclass, field


@dataclass
class TextInputConfig:
    """How phonemes are prepared for the text encoder."""

    repeat_min: int = 2  # fewest repetitions of a phoneme, whose number is drawn in training
    repeat_max: int = 2  # most repetitions of a phoneme; outside training it is repeated their rounded mean times
    mask_ratio: float = 0.15  # share of the positions that are masked in training
    mask_span: int = 4  # length of one masked span, in positions after the repetition
    mask_paired: bool = True  # mask the transcripts of paired speech too, so that they look like other text


@dataclass
class DecoderConfig:
    """One HAT decoder: stateless prediction network and joint network."""

    context: int = 2  # labels that the prediction network sees
    embed_dim: int = 128  # width of its label embedding
    joint_dim: int = 128  # width of its joint network


@dataclass
class ModelConfig:
    """The whole model. `vocab_size` and `phone_size` come from the token and phone lists."""

    vocab_size: int = 0
    phone_size: int = 0
    num_mel_bins: int = 80  # log-mel features of a frame
    online_cmn: int = 0  # >0: the mean follows the utterance, from this many frames at the global mean
    online_variance: bool = False  # and so does the variance: for voices and microphones of other dynamic ranges
    cepstra: int = 0  # >0: see so many cepstral coefficients instead of the mel bins: the voice without its pitch
    dim: int = 96  # width of every encoder layer
    heads: int = 4  # attention heads
    ff_dim: int = 384  # width inside the feed-forward modules
    kernel_size: int = 15  # frames of the depthwise convolutions
    dropout: float = 0.1  # dropout everywhere
    audio_layers: int = 2  # conformer layers of the audio encoder
    text_layers: int = 1  # of the text encoder
    shared_layers: int = 2  # of the shared streaming encoder
    full_layers: int = 2  # of the full-context encoder above it
    chunk_size: int = 16  # encoder frames (40 ms) of a chunk: the look-ahead is at most chunk_size - 1 frames
    left_chunks: int = 8  # chunks before its own that a streaming frame attends to; -1: all
    text: TextInputConfig = field(default_factory=TextInputConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    @property
    def num_consistency_layers(self) -> int:
        """Places where speech and text are compared: the shared input, every shared and full-context layer."""
        return 1 + self.shared_layers + self.full_layers
