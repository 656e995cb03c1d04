"""Dimensions and choices of the model, in one place."""

from dataclasses import dataclass, field

ALIGNMENTS = ("best", "framewise", "random", "forced", "soft_dtw", "sinkhorn", "none")


@dataclass
class TextInputConfig:
    """How phonemes are prepared for the text encoder."""

    repeat_min: int = 2  # each phoneme is repeated a number of times drawn from [repeat_min, repeat_max];
    repeat_max: int = 2  # equal values: a fixed repetition. Outside training: their rounded mean
    mask_ratio: float = 0.15  # share of the positions that are masked, while training
    mask_span: int = 4  # length of one masked span, in positions after the repetition
    mask_paired: bool = True  # the transcripts of paired speech too: else layers tell them by it, and keep them apart


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


@dataclass
class ConsistencyConfig:
    """The best-alignment consistency loss (arXiv 2308.06125, section 4) and its alternatives."""

    weight: float = 0.0  # of the loss in the sum; 0 switches it off
    alignment: str = "best"  # best | framewise | random | forced | soft_dtw | sinkhorn | none; see alignment.md
    topology: str = "skip"  # of `best`: skip | noskip | dtw
    distance: str = "sqeuclidean"  # sqeuclidean | euclidean | cosine
    layer_norm: bool = True  # compare layer-normalised vectors
    gamma: float = 0.1  # temperature of soft_dtw, regularisation of sinkhorn
    stop_gradient: str = "none"  # none | speech | text: the side that is held fixed
    layers: list[int] = field(default_factory=list)  # 0: shared input, 1..: after each layer; -1: last; empty: all
    start_step: int = 0  # the loss is off before this step
    warmup_steps: int = 0  # and grows linearly to its weight over this many steps
    text_share: float = 0.5  # share of the text batch given to transcripts of the paired batch


@dataclass
class LossConfig:
    """Weights of the losses; a weight of 0 switches the part off and saves its computation."""

    streaming: float = 0.5  # HAT loss of the streaming decoder
    full: float = 0.5  # HAT loss of the full-context decoder
    text: float = 0.3  # both HAT losses on masked text, relative to speech
    ctc_label: float = 0.1  # CTC on the labels, at the streaming encoder's output
    ctc_phone: float = 0.3  # CTC on the phonemes, at the audio encoder's output
    # loss -> [first step, steps of growth], as {text_full: [1000, 500]}; consistency has its own start_step
    warmup: dict[str, list[int]] = field(default_factory=dict)  # losses that begin later than at the first step
    consistency: ConsistencyConfig = field(default_factory=ConsistencyConfig)
