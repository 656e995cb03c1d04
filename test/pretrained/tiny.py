"""Encoders of every family with tiny random weights, in the layout of Hugging Face."""

from pathlib import Path

import torch
import transformers

WIDTH, LAYERS = 16, 2
SIZES = dict(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=32)
CONVOLUTIONS = dict(
    conv_dim=(8,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, num_feat_extract_layers=7
)


def configs() -> dict[str, transformers.PreTrainedConfig]:
    """Name -> configuration; both normalisations of wav2vec 2.0's convolutions."""
    return {
        "whisper": transformers.WhisperConfig(
            d_model=WIDTH, encoder_layers=LAYERS, encoder_attention_heads=2, encoder_ffn_dim=32,
            decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=32,
            vocab_size=20, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
        ),
        "wav2vec2": transformers.Wav2Vec2Config(**SIZES, **CONVOLUTIONS),
        "xls-r": transformers.Wav2Vec2Config(
            **SIZES, **CONVOLUTIONS, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True
        ),
        "hubert": transformers.HubertConfig(**SIZES, **CONVOLUTIONS),
        "wavlm": transformers.WavLMConfig(**SIZES, **CONVOLUTIONS),
        "data2vec": transformers.Data2VecAudioConfig(**SIZES, **CONVOLUTIONS, conv_pos_kernel_size=5),
        "w2v-bert": transformers.Wav2Vec2BertConfig(**SIZES, conv_depthwise_kernel_size=7),
    }  # fmt: skip


def save_encoder(folder: Path, family: str, seed: int = 0) -> Path:
    """Write a model of a family with random weights into a folder."""
    torch.manual_seed(seed)
    model = transformers.AutoModel.from_config(configs()[family])
    with torch.no_grad():
        for parameter in model.parameters():  # transformers begins with biases of 0, which hide faults on padding
            parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    return folder
