"""What a pretrained encoder's config.json asks for, judged before it is built: the folder may be a stranger's."""

from pathlib import Path
from typing import Any

import torch

from jstasr.config import nested
from jstasr.errors import JstasrError
from jstasr.pretrained.store import CONFIG, weight_files

MOST_LAYERS, MOST = 200, 1_000_000  # what a number of layers, and any whole number, may be
FOREIGN = ("attn_implementation", "experts_implementation", "quantization_config")  # would load other code
NARROWEST = 4  # float32 values take at most this many times the bytes of the weights, which have 8 bits or more
SLACK = 1 << 20  # bytes, of constants that no file holds


def check_config(path: Path, config: dict[str, Any]) -> None:
    """Refuse a config.json that asks for code of others, or for numbers that no encoder has.

    Raises:
        JstasrError: names the key.
    """
    for name, value in nested(config):
        key = name.rpartition(".")[2].strip("_").removesuffix("_internal")
        if key in FOREIGN and value not in (None, "sdpa", "eager"):
            raise JstasrError(f"{path}: {name}: asks for code of others, which is not run")
        most = MOST_LAYERS if "layers" in key else MOST
        if isinstance(value, (int, float)) and not -MOST <= value <= most:
            raise JstasrError(f"{path}: {name}: {value}: is more than {most}, the most that an encoder may have")


def check_size(network: type[Any], folder: Path) -> None:
    """Refuse an encoder that is larger than its weights: what they lack would be allocated.

    network: the class of transformers, which is built without memory.

    Raises:
        JstasrError: names both sizes.
    """
    with torch.device("meta"):
        outline = network(network.config_class.from_pretrained(folder, local_files_only=True))
    wanted = sum(parameter.numel() for parameter in outline.parameters()) * 4
    found = sum(path.stat().st_size for path in weight_files(folder))
    if wanted > NARROWEST * found + SLACK:
        raise JstasrError(
            f"{folder}: {CONFIG} asks for {wanted / 1e6:.1f} MB of weights, and its files hold {found / 1e6:.1f} MB"
        )
