"""Dimensions and choices of the model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from jstasr.features.settings import PRETRAINED

CONFORMER = "conformer"
ENCODERS = (CONFORMER, PRETRAINED)


@dataclass
class TextInputConfig:
    """How phonemes are prepared for the text encoder."""

    repeat_min: int = 2  # Fewest repetitions of a phoneme; their number is drawn in training.
    repeat_max: int = 2  # Most repetitions of a phoneme; outside training it is the rounded mean of both.
    mask_ratio: float = 0.15  # Share of the text positions that are masked in training.
    mask_span: int = 4  # Length of a masked span, in positions after repetition.
    mask_paired: bool = True  # Mask the transcripts of paired speech like unpaired text.


@dataclass
class DecoderConfig:
    """One HAT decoder: stateless prediction network and joint network."""

    context: int = 2  # Number of last labels that the prediction network sees.
    embed_dim: int = 128  # Width of the label embedding of the prediction network.
    joint_dim: int = 128  # Width of the joint network.


@dataclass
class PretrainedConfig:
    """The pretrained speech encoder below the audio encoder."""

    name: str = ""  # Folder in $JSTASR_MODELS, path of a folder, or id of the Hugging Face Hub; --pretrained sets it.
    layer: int = -1  # Layer whose output the audio encoder sees: 0 is what enters the first, -1 is the last.
    digest: str = ""  # Digest of its weights; training fills it in.
    inside: bool = False  # Part of the model, which sees audio (--feats_type raw); training fills it in.
    weighted: bool = False  # See a learned weighted sum of all layers; with --feats_type raw.
    train_layers: int = 0  # Transformer layers to train, below the one that is seen; -1: all; with --feats_type raw.
    lora_rank: int = 0  # Rank of LoRA updates of queries and values, which are trained; 0: none; with --feats_type raw.
    rate: float = 0.05  # Learning rate of the encoder's weights, as a share of optim.learning_rate.
    start_step: int = 0  # Steps before the encoder's weights are trained.
    mask_share: float = 0.0  # Share of the frames that training masks at the encoder's input; with --feats_type raw.
    mask_span: int = 10  # Frames (20 ms each) of one of these masks.
    recompute: bool = False  # Gradient checkpointing: the encoder's layers once more in the backward pass, for memory.


@dataclass
class ModelConfig:
    """The whole model. `vocab_size` and `phone_size` come from the token and phone lists."""

    vocab_size: int = 0
    phone_size: int = 0
    encoder: str = CONFORMER  # Below the audio encoder: conformer (nothing: log-mel features) | pretrained.
    pretrained: PretrainedConfig = field(default_factory=PretrainedConfig)
    num_mel_bins: int = 80  # Number of log-mel features of a frame; of a pretrained encoder its width, set by training.
    online_cmn: int = 0  # Weight of the global mean in online mean normalisation, in frames; 0: normalise by it alone.
    online_variance: bool = False  # Normalise the variance online too, against other dynamic ranges.
    cepstra: int = 0  # Number of cepstral coefficients to see instead of the mel bins, without pitch; 0: mel bins.
    dim: int = 96  # Width of every encoder layer.
    heads: int = 4  # Number of attention heads.
    ff_dim: int = 384  # Width inside the feed-forward modules.
    kernel_size: int = 15  # Kernel size of the depthwise convolutions, in encoder frames (40 ms).
    dropout: float = 0.1  # Dropout probability of all layers.
    audio_layers: int = 2  # Conformer layers of the audio encoder.
    text_layers: int = 1  # Conformer layers of the text encoder.
    shared_layers: int = 2  # Conformer layers of the shared streaming encoder.
    full_layers: int = 2  # Conformer layers of the full-context encoder.
    chunk_size: int = 16  # Encoder frames (40 ms) of a chunk, the look-ahead is below it; 0: whole utterances.
    left_chunks: int = 8  # Number of earlier chunks that a streaming frame attends to; -1: all.
    text: TextInputConfig = field(default_factory=TextInputConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    @property
    def num_consistency_layers(self) -> int:
        """Places where speech and text are compared: the shared input, every shared and full-context layer."""
        return 1 + self.shared_layers + self.full_layers

    @property
    def streams(self) -> bool:
        """Can audio be transcribed as it arrives? A pretrained encoder sees the whole utterance."""
        return self.encoder == CONFORMER and self.chunk_size > 0


RANGES: dict[str, tuple[float, float]] = {  # what a value may be; far beyond what anybody trains
    "vocab_size": (0, 1_000_000),
    "phone_size": (0, 1_000_000),
    "num_mel_bins": (1, 16384),
    "online_cmn": (0, 1_000_000),
    "cepstra": (0, 1024),
    "dim": (1, 16384),
    "heads": (1, 1024),
    "ff_dim": (1, 65536),
    "kernel_size": (1, 1001),
    "dropout": (0.0, 1.0),
    "audio_layers": (0, 100),
    "text_layers": (0, 100),
    "shared_layers": (0, 100),
    "full_layers": (0, 100),
    "chunk_size": (0, 10_000),
    "left_chunks": (-1, 1_000_000),
    "text.repeat_min": (1, 100),
    "text.repeat_max": (1, 100),
    "text.mask_ratio": (0.0, 1.0),
    "text.mask_span": (1, 10_000),
    "decoder.context": (1, 100),
    "decoder.embed_dim": (1, 16384),
    "decoder.joint_dim": (1, 16384),
    "pretrained.layer": (-201, 200),
    "pretrained.train_layers": (-1, 200),
    "pretrained.lora_rank": (0, 1024),
    "pretrained.start_step": (0, 1_000_000_000),
}
MOST_MEL_BINS = 1024  # of log-mel features


def faults(config: ModelConfig) -> Iterator[str]:
    """One sentence for each value that is out of range, or does not go with another."""
    for name, (low, high) in RANGES.items():
        value = attrgetter(name)(config)
        if not low <= value <= high:
            yield f"{name}: {value}: must lie in {low} to {high}"
    if config.heads > 0 and config.dim % (2 * config.heads):
        yield f"dim: {config.dim}: must be a multiple of twice the number of heads ({config.heads})"
    if config.full_layers > 0 or config.chunk_size == 0:
        if config.kernel_size % 2 == 0:
            yield f"kernel_size: {config.kernel_size}: must be odd, so that a window of the full context has a centre"
    if config.text.repeat_min > config.text.repeat_max:
        yield f"text.repeat_min: {config.text.repeat_min}: must not be above repeat_max ({config.text.repeat_max})"
    if config.encoder == CONFORMER and config.num_mel_bins > MOST_MEL_BINS:
        yield f"num_mel_bins: {config.num_mel_bins}: must lie in 1 to {MOST_MEL_BINS}"
    if config.cepstra > config.num_mel_bins:
        yield f"cepstra: {config.cepstra}: must not be above num_mel_bins ({config.num_mel_bins})"
