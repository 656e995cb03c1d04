"""Dimensions and choices of the model."""

from dataclasses import dataclass, field

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
