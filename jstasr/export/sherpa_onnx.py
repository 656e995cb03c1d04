"""A folder that sherpa-onnx runs: encoder, decoder and joiners as ONNX, lists of tokens, and a README."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

import jstasr
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.load import Experiment
from jstasr.export.graphs import Decoder, FullEncoder, GreedyJoiner, Joiner, StreamingEncoder
from jstasr.export.layout import BEAM_JOINER, BPE_VOCAB, DECODER, ENCODER, ENCODER_INT8, FOLDERS, JOINER, README, TOKENS
from jstasr.export.onnx_files import write_graph, write_quantised
from jstasr.export.readme import readme
from jstasr.features.settings import LHOTSE, PRETRAINED
from jstasr.kaldi.files import cannot_write
from jstasr.model.hat import HatDecoder
from jstasr.model.joint import FULL, STREAMING
from jstasr.text.tokens import SPACE, WORD_START, Tokenizer


def export(experiment: Experiment, name: str, outdir: Path, modes: list[str], progress: Callable[[str], None]) -> None:
    """Write the folder; it appears complete, or not at all.

    Args:
        experiment: in evaluation mode, on the CPU.
        name: stands for the experiment in messages and in the README.
        outdir: a folder that is empty or does not exist.
        modes: decoders to export, "full" and "streaming".
        progress: called with a line for each part.
    Raises:
        JstasrError: sherpa-onnx cannot run this model, or the folder cannot be written.
    """
    refuse_unsuitable(experiment, name, modes)
    refuse_filled(outdir)
    outdir = outdir.resolve()
    temporary = outdir.parent / f".{outdir.name}.{os.getpid()}.tmp"
    try:
        temporary.mkdir(parents=True)
        write_tokens(temporary, experiment.tokenizer)
        for mode in modes:
            (temporary / FOLDERS[mode]).mkdir()
            write_mode(temporary / FOLDERS[mode], experiment, mode, progress)
        (temporary / README).write_text(readme(experiment, name, modes), "utf-8")
        temporary.rename(outdir)
    except OSError as error:
        raise cannot_write(outdir, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_unsuitable(experiment: Experiment, name: str, modes: list[str]) -> None:
    """Refuse models whose features or state sherpa-onnx does not have.

    Raises:
        JstasrError: says which, and what to do.
    """
    config = experiment.config
    kind = feature_settings(config).kind
    if config.model.encoder == PRETRAINED:
        raise JstasrError(
            f"{name}: stands on a pretrained encoder (model.encoder=pretrained), and sherpa-onnx computes log-mel "
            "features only. Train a model without --pretrained"
        )
    if kind != LHOTSE:
        raise JstasrError(
            f"{name}: was trained on features of the kind {kind} (features.kind), and sherpa-onnx computes those of "
            f"the kind {LHOTSE}, whose mel filters are others. Train on these, from stage 5: "
            f"--asr_args '--set features.kind={LHOTSE}'"
        )
    if STREAMING in modes and (reason := no_stream(experiment)):
        raise JstasrError(f"{name}: {reason}. Export the full-context decoder alone: --mode {FULL}")


def no_stream(experiment: Experiment) -> str:
    """Why the streaming decoder cannot be exported; empty where it can."""
    model = experiment.config.model
    if not model.streams:
        return "sees whole utterances (model.chunk_size=0) and cannot stream"
    if model.left_chunks < 0:
        return "attends to all earlier chunks (model.left_chunks=-1), and a stream of sherpa-onnx keeps a fixed number"
    return ""


def refuse_filled(outdir: Path) -> None:
    """Refuse a folder that holds something, or a file.

    Raises:
        JstasrError: it does, or it cannot be read.
    """
    try:
        if outdir.is_dir():
            if any(outdir.iterdir()):
                raise JstasrError(f"{outdir}: exists and is not empty. Give a new folder, or remove it first")
        elif outdir.exists():
            raise JstasrError(f"{outdir}: exists and is not a folder. Give another name")
    except OSError as error:
        raise cannot_write(outdir, error) from error


def write_tokens(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the tokens as sherpa-onnx reads them, and for its hotwords the scores of sentencepiece's pieces."""
    lines = [f"{token} {index}\n" for index, token in enumerate(spelled(tokenizer))]
    (folder / TOKENS).write_text("".join(lines), "utf-8")
    if tokenizer.kind == "bpe":
        processor = tokenizer._processor
        assert processor is not None
        rows = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
        (folder / BPE_VOCAB).write_text("".join(f"{piece}\t{score}\n" for piece, score in rows), "utf-8")


def spelled(tokenizer: Tokenizer) -> list[str]:
    """The tokens with sentencepiece's mark for each space."""
    tokens = tokenizer.token_list.tokens
    if tokenizer.kind == "char":
        return [WORD_START if token == SPACE else token for token in tokens]
    if tokenizer.kind == "word":
        specials = 2 + len(tokenizer.token_list.languages)
        return [token if index < specials else WORD_START + token for index, token in enumerate(tokens)]
    return list(tokens)


def write_mode(folder: Path, experiment: Experiment, mode: str, progress: Callable[[str], None]) -> None:
    """Write the files of one decoder of the model."""
    model, decoder = experiment.model, experiment.model.decoder(mode)
    if mode == FULL:
        metadata = about() | {"model_type": "conformer"}
        write_full_encoder(folder / ENCODER, experiment, metadata)
    else:
        encoder = StreamingEncoder(model, experiment.search.max_symbols)
        metadata = about() | streaming_metadata(encoder)
        write_streaming_encoder(folder / ENCODER, encoder, metadata)
    progress(f"{folder.name}/{ENCODER}")
    write_quantised(folder / ENCODER, folder / ENCODER_INT8, metadata)
    progress(f"{folder.name}/{ENCODER_INT8}")
    write_decoder(folder / DECODER, decoder)
    write_joiner(folder / JOINER, GreedyJoiner(decoder), decoder)
    write_joiner(folder / BEAM_JOINER, Joiner(decoder), decoder)
    progress(f"{folder.name}/{{{DECODER},{JOINER},{BEAM_JOINER}}}")


def about() -> dict[str, object]:
    """Metadata of every file."""
    return {"version": "1", "model_author": "jstasr", "comment": f"jstasr {jstasr.__version__}"}


def streaming_metadata(encoder: StreamingEncoder) -> dict[str, object]:
    """What sherpa-onnx's online conformer reads: sizes of a chunk and of the state."""
    layers, frames, _, dim = encoder.layout.attention_shape
    chunk = encoder.feature_frames
    return {
        "model_type": "conformer",
        "T": chunk,
        "decode_chunk_len": chunk,
        "pad_length": 0,
        "num_encoder_layers": layers,
        "left_context": frames,
        "encoder_dim": dim,
        "cnn_module_kernel": encoder.layout.values_shape[1] + 1,
    }


def write_full_encoder(path: Path, experiment: Experiment, metadata: dict[str, object]) -> None:
    encoder = FullEncoder(experiment.model, experiment.search.max_symbols)
    features = torch.zeros(2, 203, experiment.config.model.num_mel_bins)
    lengths = torch.tensor([203, 151])
    names = ("x", "x_lens"), ("encoder_out", "encoder_out_lens")
    write_graph(encoder, (features, lengths), names, ((0, 1), (0,)), metadata, path)


def write_streaming_encoder(path: Path, encoder: StreamingEncoder, metadata: dict[str, object]) -> None:
    layout, batch = encoder.layout, 2
    states = []
    for layers, rows, _, dim in (layout.attention_shape, layout.values_shape):
        states.append(torch.zeros(layers, rows, batch, dim))
    features = torch.zeros(batch, encoder.feature_frames, encoder.model.config.num_mel_bins)
    example = features, *states, torch.zeros(batch, dtype=torch.long)
    inputs = "x", "attention_state", "values_state", "processed_frames"
    outputs = "encoder_out", "next_attention_state", "next_values_state"
    write_graph(encoder, example, (inputs, outputs), ((0,), (2,), (2,), (0,)), metadata, path)


def write_decoder(path: Path, decoder: HatDecoder) -> None:
    metadata = about() | {"vocab_size": decoder.labels.out_features + 1, "context_size": decoder.context}
    labels = torch.zeros(2, decoder.context, dtype=torch.long)
    write_graph(Decoder(decoder), (labels,), (("y",), ("decoder_out",)), ((0,),), metadata, path)


def write_joiner(path: Path, joiner: Joiner | GreedyJoiner, decoder: HatDecoder) -> None:
    size = decoder.encoder_projection.out_features
    example = torch.zeros(2, joiner.frame_size), torch.zeros(2, size)
    names = ("encoder_out", "decoder_out"), ("logit",)
    write_graph(joiner, example, names, ((0,), (0,)), about() | {"joiner_dim": size}, path)
