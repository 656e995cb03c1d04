"""Names of the consistency layers, and the length of their frames."""

from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.model.config import ModelConfig

FRAME_MS = 1000 * ENCODER_FRAME_SECONDS


def layer_names(config: ModelConfig) -> list[str]:
    """Names of the consistency layers by depth, as `Encoded.layers` holds them."""
    shared = [f"shared {i + 1}" for i in range(config.shared_layers)]
    return ["shared input", *shared, *(f"full {i + 1}" for i in range(config.full_layers))]
