"""The training configuration: YAML over dataclass defaults, then `--set a.b=c`; unknown keys are errors."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from omegaconf import OmegaConf

from jstasr.config import merge_config, nested
from jstasr.data.join_config import JoinConfig
from jstasr.data.join_config import faults as join_faults
from jstasr.errors import JstasrError
from jstasr.features.augment import AugmentConfig
from jstasr.features.settings import (
    FIRST_KIND,
    KINDS,
    PRETRAINED,
    WAVEFORM,
    FeatureConfig,
    FeatureSettings,
)
from jstasr.features.specaug import SpecAugmentConfig
from jstasr.kaldi.audio import MAX_RATE, MIN_RATE
from jstasr.losses.config import LossConfig
from jstasr.losses.config import faults as loss_faults
from jstasr.model.config import ENCODERS, ModelConfig
from jstasr.model.config import faults as model_faults
from jstasr.pretrained.encoder import SpeechEncoder, open_encoder

AUTO, FP32, BF16 = "auto", "32-true", "bf16-mixed"
PRECISIONS = (AUTO, FP32, BF16)
STRATEGIES = ("ddp", "fsdp")
WANDB, MLFLOW = SERVICES = ("wandb", "mlflow")
SCHEDULES = ("cosine", "linear", "inverse_sqrt", "constant")


@dataclass
class DataConfig:
    """The batches of one step."""

    batch_frames: int = 6400  # Padded feature frames (10 ms each) of the paired batch.
    text_batch_phones: int = 500  # Padded phonemes of unpaired text.
    text_ratio: float = 0.0  # Unpaired phonemes for each paired one; 0: text_batch_phones.
    language_temperature: float = 1.0  # Languages are drawn in proportion to (share of the data)^(1 / temperature).
    num_workers: int = 0  # Processes that load data ahead; 0: the training process loads it.
    join: JoinConfig = field(default_factory=JoinConfig)
    check_features: int = 20000  # Training utterances whose features are checked before the first step; 0: none.
    max_skipped: int = 100  # Utterances with unusable features that are left out, after which the run ends.
    window_shards: int = 0  # Shards that the utterances of a stretch of an epoch come from; 0: from all of the set.
    max_lost_shards: int = 0  # Missing or damaged shards that are left out, after which the run ends; 0: the first.


@dataclass
class OptimConfig:
    """AdamW with linear warm-up and decay of the learning rate."""

    learning_rate: float = 2e-3  # Learning rate at its peak, after the warm-up.
    schedule: str = "cosine"  # Decay of the learning rate after the warm-up: cosine | linear | inverse_sqrt | constant.
    final_share: float = 0.0  # Share of the peak learning rate at which the decay ends.
    weight_decay: float = 0.01  # Weight decay of matrices; biases, norms and embeddings have none.
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])  # Decay rates of Adam's two averages.
    warmup_steps: int = 300  # Steps over which the learning rate grows linearly.
    max_steps: int = 3000  # Steps of the whole training.
    clip_norm: float = 5.0  # Largest norm of the gradient; a longer gradient is scaled down to it.
    accumulate: int = 1  # Batches whose gradients are added up in one step.
    ema: float = 0.0  # Decay of the moving average of the weights that is validated and saved, such as 0.999; 0: none.
    max_skipped: int = 10  # Steps in a row with a loss or gradient that is not finite, after which the run ends.


@dataclass
class ValidConfig:
    """Validation and checkpoints."""

    interval: int = 500  # Steps between validations; each writes a checkpoint.
    save_interval: int = 0  # Steps between checkpoints without validation; 0: none.
    utterances: int = 200  # Dev utterances that are validated, evenly spread over the set; 0: all.
    batch_frames: int = 20000  # Padded feature frames (10 ms each) of a validation batch.
    keep_best: int = 5  # Checkpoints kept for averaging: those of the lowest dev WER, the mean of trained decoders.
    keep_last: int = 2  # Newest checkpoints kept for resuming.


@dataclass
class TrainConfig:
    """Everything that a training configuration holds."""

    seed: int = 1  # Seed of the initial weights, the order of the data and every random draw.
    sample_rate: int = 16000  # Sampling rate of the audio, Hz; the recipes set it by --fs.
    precision: str = AUTO  # Arithmetic: 32-true | bf16-mixed (bfloat16 autocast) | auto: the faster on this machine.
    strategy: str = "ddp"  # Data parallelism: ddp | fsdp (each process keeps a share of the weights and the optimiser).
    log_interval: int = 50  # Steps between log lines.
    log_to: list[str] = field(default_factory=list)  # Where curves go beside TensorBoard: wandb, mlflow, as [wandb].
    features: FeatureConfig = field(default_factory=FeatureConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    specaug: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    valid: ValidConfig = field(default_factory=ValidConfig)


RETIRED = {
    "losses.consistency.text_share": "transcripts ride beside the unpaired text of a batch; remove the key, and set "
    "data.text_batch_phones to the unpaired phonemes alone (with a share of 0.5, half of what it was)"
}


def load_config(path: str | Path | None, overrides: Sequence[str] = (), trained: bool = False) -> TrainConfig:
    """Read a training configuration: a YAML file (None: the defaults), then `a.b=c` overrides.

    trained: of a finished training, which keys that no longer exist leave as it is, and which wrote every value out.

    Raises:
        JstasrError: unreadable file, unknown key (names the nearest), wrong type or value.
    """
    config = merge_config(TrainConfig, path, overrides, retired=RETIRED, drop_retired=trained, plain=trained)
    try:
        check_values(config)
    except JstasrError as error:
        if not trained:
            raise
        raise JstasrError(f"{path}: {error}") from error
    return config


def check_values(config: TrainConfig) -> None:
    """Refuse values that would fail, or silently do nothing, after hours of training."""
    optim = config.optim
    for name, value in nested(asdict(config)):
        if isinstance(value, float) and not math.isfinite(value):
            raise JstasrError(f"{name}: must be a finite number")
    if not MIN_RATE <= config.sample_rate <= MAX_RATE:
        raise JstasrError(f"sample_rate: {config.sample_rate}: must lie in {MIN_RATE} to {MAX_RATE} Hz")
    for fault in model_faults(config.model):
        raise JstasrError(f"model.{fault}")
    for fault in loss_faults(config.losses, config.model):
        raise JstasrError(fault)
    if config.precision not in PRECISIONS:
        raise JstasrError(f"precision: {config.precision} is not one of {' '.join(PRECISIONS)}")
    if config.strategy not in STRATEGIES:
        raise JstasrError(f"strategy: {config.strategy} is not one of {' '.join(STRATEGIES)}")
    for name in config.log_to:
        if name not in SERVICES or config.log_to.count(name) > 1:
            raise JstasrError(f"log_to: {name}: takes each of {' '.join(SERVICES)} once; TensorBoard is always written")
    check_encoder(config)
    if optim.schedule not in SCHEDULES:
        raise JstasrError(f"optim.schedule: {optim.schedule} is not one of {' '.join(SCHEDULES)}")
    if not 0 <= optim.ema < 1:
        raise JstasrError("optim.ema: must lie in [0, 1)")
    if not config.data.language_temperature >= 1:
        raise JstasrError("data.language_temperature: must be 1 or more")
    for name in ("window_shards", "max_lost_shards"):
        if getattr(config.data, name) < 0:
            raise JstasrError(f"data.{name}: must be 0 or more")
    for fault in join_faults(config.data.join):
        raise JstasrError(f"data.join.{fault}")
    for name in ("max_steps", "accumulate", "max_skipped"):
        if getattr(optim, name) < 1:
            raise JstasrError(f"optim.{name}: must be 1 or more")
    if config.valid.interval < 1:
        raise JstasrError("valid.interval: must be 1 or more")


LOG_MEL_ONLY = ("edge_frames", "warp", "filter_db", "gain_db", "noise_share")  # of augment


def check_encoder(config: TrainConfig) -> None:
    """Refuse an unknown encoder or kind of features, and settings that go with log-mel features alone."""
    model, kind = config.model, config.features.kind
    if model.encoder not in ENCODERS:
        raise JstasrError(f"model.encoder: {model.encoder} is not one of {' '.join(ENCODERS)}")
    if model.encoder != PRETRAINED:
        if kind not in ("", *KINDS):
            raise JstasrError(f"features.kind: {kind} is not one of {' '.join(KINDS)}")
        if model.pretrained.name:
            raise JstasrError("model.pretrained.name: goes with model.encoder=pretrained. Give both: --pretrained NAME")
        return
    if kind not in ("", PRETRAINED, WAVEFORM):
        raise JstasrError(f"features.kind: {kind}: model.encoder=pretrained needs {PRETRAINED} or {WAVEFORM}")
    if model.pretrained.inside and config.strategy == "fsdp":
        raise JstasrError("strategy: fsdp does not work with a pretrained encoder in the model. Set ddp")
    if model.pretrained.train_layers and model.pretrained.lora_rank:
        raise JstasrError("model.pretrained: train_layers and lora_rank are two ways to train an encoder: set one")
    if not 0 <= model.pretrained.mask_share < 1:
        raise JstasrError("model.pretrained.mask_share: must lie in [0, 1)")
    if model.pretrained.mask_span < 1:
        raise JstasrError("model.pretrained.mask_span: must be 1 or more")
    if not model.pretrained.name:
        raise JstasrError("model.encoder=pretrained: names no encoder. Give one: --pretrained NAME")
    for name in LOG_MEL_ONLY:
        if getattr(config.augment, name):
            raise JstasrError(
                f"augment.{name}: is for log-mel features, not for those of a pretrained encoder. Set it to 0"
            )
    if model.cepstra:
        raise JstasrError("model.cepstra: is for log-mel features, not for those of a pretrained encoder. Set it to 0")


def feature_settings(config: TrainConfig) -> FeatureSettings:
    """The features that a model of this configuration sees."""
    model = config.model
    if model.encoder != PRETRAINED:
        return FeatureSettings(config.sample_rate, model.num_mel_bins, config.features.kind or FIRST_KIND)
    own = model.pretrained
    kind, layer = (WAVEFORM, 0) if own.inside else (PRETRAINED, own.layer)
    return FeatureSettings(config.sample_rate, model.num_mel_bins, kind, own.name, layer, own.digest)


def own_encoder(config: TrainConfig, folder: Path | None = None) -> SpeechEncoder | None:
    """The pretrained encoder that is part of a model of this configuration, or None; `folder`: where it lies.

    Raises:
        JstasrError: it is missing, damaged, or has other weights than those that the configuration names.
    """
    own = config.model.pretrained
    if config.model.encoder != PRETRAINED or not own.inside:
        return None
    return open_encoder(own.name, own.digest, own.layer, config.sample_rate, folder)[0]


def config_yaml(config: TrainConfig) -> str:
    """The whole configuration as YAML, every value written out."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))
