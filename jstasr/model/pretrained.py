"""A pretrained encoder within the model: frozen with a learned sum of its layers, or trained with the model."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from jstasr.errors import JstasrError
from jstasr.features.text_input import span_mask
from jstasr.model.config import PretrainedConfig
from jstasr.pretrained.encoder import SpeechEncoder
from jstasr.pretrained.store import EXTRA


class PretrainedFrontEnd(nn.Module):
    """Samples in, normalised frames (20 ms) out; stands where `FrontEnd` does for log-mel features.

    One layer of the encoder, or a learned weighted sum of all; each is normalised in every frame. The state of this
    module holds what is trained: the encoder's frozen weights are those of its own files.
    """

    def __init__(self, config: PretrainedConfig, encoder: SpeechEncoder):
        super().__init__()
        self.width = encoder.width
        self.layer = range(encoder.num_layers + 1)[config.layer]
        self.encoder = encoder
        self.layer_weights = nn.Parameter(torch.zeros(encoder.num_layers + 1)) if config.weighted else None
        self.trains = config.train_layers != 0 or config.lora_rank > 0
        highest = encoder.num_layers if config.weighted else self.layer
        if config.lora_rank > 0:
            add_lora(encoder, config.lora_rank, highest)
        count = highest if config.train_layers < 0 else min(config.train_layers, highest)
        for block in encoder.blocks[highest - count : highest]:
            block.requires_grad_(True)
        self.mask_share, self.mask_span = config.mask_share, config.mask_span
        if config.recompute and self.trains:
            for block in encoder.blocks[:highest]:
                block.forward = partial(checkpoint, block.forward, use_reentrant=False)
        self.register_state_dict_post_hook(without_frozen)
        self.register_load_state_dict_pre_hook(with_frozen)

    def set_cmvn(self, mean: Any, std: Any) -> None:
        """Nothing: frames of an encoder are normalised by themselves."""

    def train(self, mode: bool = True) -> "PretrainedFrontEnd":
        """The encoder stays in evaluation mode: its own dropout and layer drop are not used."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode whole utterances.

        Args:
            samples: (N, T, S), S samples in a row, any padding; lengths: (N,) int, rows before padding.
        Returns:
            (N, T', width) and (N,) frames; T' is T, or a frame or two less.
        """
        counts = lengths * samples.shape[2]
        masked = self.draw_masks(counts, samples.shape[1] * samples.shape[2])
        with torch.set_grad_enabled(self.trains and torch.is_grad_enabled()):
            layers, frame_lengths = self.encoder(samples.flatten(1), counts, masked)
        if self.layer_weights is None:
            return F.layer_norm(layers[self.layer], (self.width,)), frame_lengths
        shares = self.layer_weights.softmax(dim=0)
        normal = torch.stack([F.layer_norm(layer, (self.width,)) for layer in layers], dim=-1)
        return normal @ shares.to(normal.dtype), frame_lengths

    def draw_masks(self, counts: Tensor, size: int) -> Tensor | None:
        """Frames that training masks: of utterances with (N,) int samples, padded to `size` -> (N, T) bool, or None."""
        if not self.training or self.mask_share == 0:
            return None
        frames = torch.tensor([self.encoder.num_frames(count) for count in counts.tolist()], device=counts.device)
        return span_mask(frames, self.encoder.num_frames(size), self.mask_share, self.mask_span)


def add_lora(encoder: SpeechEncoder, rank: int, highest: int) -> None:
    """Low-rank updates (Hu et al., arXiv 2106.09685) of the queries and values of the blocks below layer `highest`.

    Raises:
        JstasrError: the package peft is missing; a family whose attention does not call its projections.
    """
    if not encoder.attention:
        raise JstasrError(f"model.pretrained.lora_rank: does not work in {encoder.family}. Set train_layers instead")
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise JstasrError(f"model.pretrained.lora_rank: needs the package peft: {EXTRA}") from None
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(encoder.attention))
    for block in encoder.blocks[:highest]:
        inject_adapter_in_model(settings, block)
        for name, parameter in block.named_parameters():
            parameter.requires_grad_("lora_" in name)


def without_frozen(module: nn.Module, state: dict, prefix: str, metadata: Any) -> None:
    """Take the frozen weights of the encoder out of a state."""
    for name in frozen(module):
        state.pop(prefix + name, None)


def with_frozen(module: nn.Module, state: dict, prefix: str, *_: Any) -> None:
    """Put the frozen weights of the encoder, which `without_frozen` took out, into a state that is loaded."""
    for name, value in frozen(module).items():
        state.setdefault(prefix + name, value)


def frozen(module: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers of the encoder that no training changes, by their names in the front end."""
    assert isinstance(module, PretrainedFrontEnd)
    encoder = module.encoder
    trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    return {f"encoder.{name}": value for name, value in encoder.state_dict().items() if name not in trained}
