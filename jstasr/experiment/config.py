"""The training configuration: YAML over dataclass defaults, then `--set a.b=c`; unknown keys are errors."""

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import OmegaConf

from jstasr.config import merge_config
from jstasr.errors import JstasrError
from jstasr.features.augment import AugmentConfig
from jstasr.features.specaug import SpecAugmentConfig
from jstasr.losses.config import LossConfig
from jstasr.losses.config import faults as loss_faults
from jstasr.model.config import ModelConfig

PRECISIONS = ("32-true", "bf16-mixed")
STRATEGIES = ("ddp", "fsdp")
SCHEDULES = ("cosine", "linear", "inverse_sqrt", "constant")


@dataclass
class DataConfig:
    """What goes into one step."""

    batch_frames: int = 6400  # padded feature frames (10 ms) of the paired batch
    text_batch_phones: int = 1000  # padded phonemes of the text batch, paired transcripts included
    text_ratio: float = 0.0  # >0: unpaired phonemes for each paired one, instead of what text_batch_phones leaves
    language_temperature: float = 1.0  # >1: languages are drawn ~ (share of the data)^(1 / temperature)
    num_workers: int = 0  # processes that read ahead; 0: read in the training process
    check_features: int = 20000  # utterances of each set whose features are read before the first step; 0: none


@dataclass
class OptimConfig:
    """AdamW with linear warm-up and a decay."""

    learning_rate: float = 2e-3  # at its peak, after the warm-up
    schedule: str = "cosine"  # decay after the warm-up: cosine | linear | inverse_sqrt | constant
    final_share: float = 0.0  # share of the learning rate at which the decay ends
    weight_decay: float = 0.01  # of matrices; not of biases, norms and embeddings
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])  # of Adam's two averages
    warmup_steps: int = 300  # steps of linear growth
    max_steps: int = 3000  # steps of the whole training
    clip_norm: float = 5.0  # largest norm of the gradient
    accumulate: int = 1  # batches whose gradients are added up in one step
    ema: float = 0.0  # >0: decay of an average over the weights, which is validated and kept, such as 0.999
    max_skipped: int = 10  # steps in a row that were not finite, which end the run


@dataclass
class ValidConfig:
    """Validation and checkpoints."""

    interval: int = 500  # steps between validations; each writes a checkpoint
    save_interval: int = 0  # steps between checkpoints without validation; 0: none
    utterances: int = 200  # dev utterances used for it, spread evenly; 0: all
    batch_frames: int = 20000  # padded feature frames evaluated together
    keep_best: int = 5  # checkpoints kept by dev WER (mean of both decoders), for averaging
    keep_last: int = 2  # newest checkpoints kept, for resuming


@dataclass
class TrainConfig:
    """Everything that `jstasr train` can be told in a file."""

    seed: int = 1  # of the weights, the order of the data and every random draw
    sample_rate: int = 16000  # Hz, of the features' audio; --fs sets it
    precision: str = "32-true"  # 32-true | bf16-mixed (autocast; fp16 is not offered)
    strategy: str = "ddp"  # of many processes: ddp | fsdp (each keeps a share of the weights and the optimiser)
    log_interval: int = 50  # steps between progress lines
    model: ModelConfig = field(default_factory=ModelConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    specaug: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    valid: ValidConfig = field(default_factory=ValidConfig)


def load_config(path: str | Path | None, overrides: list[str] = ()) -> TrainConfig:
    """Read a training configuration: a YAML file (None: the defaults), then `a.b=c` overrides.

    Raises:
        JstasrError: unreadable file, unknown key (names the nearest), wrong type or value.
    """
    config = merge_config(TrainConfig, path, overrides)
    check_values(config)
    return config


def check_values(config: TrainConfig) -> None:
    """Refuse values that would only fail, or silently do nothing, hours later."""
    optim = config.optim
    for fault in loss_faults(config.losses, config.model):
        raise JstasrError(fault)
    if config.precision not in PRECISIONS:
        raise JstasrError(f"precision: {config.precision} is not one of {' '.join(PRECISIONS)}")
    if config.strategy not in STRATEGIES:
        raise JstasrError(f"strategy: {config.strategy} is not one of {' '.join(STRATEGIES)}")
    if optim.schedule not in SCHEDULES:
        raise JstasrError(f"optim.schedule: {optim.schedule} is not one of {' '.join(SCHEDULES)}")
    if not 0 <= optim.ema < 1:
        raise JstasrError("optim.ema: must lie in [0, 1)")
    if not config.data.language_temperature >= 1:
        raise JstasrError("data.language_temperature: must be 1 or more")
    for name in ("max_steps", "accumulate", "max_skipped"):
        if getattr(optim, name) < 1:
            raise JstasrError(f"optim.{name}: must be 1 or more")
    if config.valid.interval < 1:
        raise JstasrError("valid.interval: must be 1 or more")


def config_yaml(config: TrainConfig) -> str:
    """The whole configuration as YAML, every value written out."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))
