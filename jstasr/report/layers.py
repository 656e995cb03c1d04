"""What the places where speech and text are compared are called, and how long their frames are."""

from jstasr.data.dataset import SUBSAMPLING
from jstasr.model.config import ModelConfig

FRAME_MS = 10 * SUBSAMPLING  # from one encoder frame to the next: 10 ms feature frames, subsampled


def layer_names(config: ModelConfig) -> list[str]:
    """Names of the consistency layers by depth, as `Encoded.layers` holds them."""
    shared = [f"shared {i + 1}" for i in range(config.shared_layers)]
    return ["shared input", *shared, *(f"full {i + 1}" for i in range(config.full_layers))]
