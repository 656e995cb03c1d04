#!/usr/bin/env python3
"""Measure an exported model in sherpa-onnx beside its experiment, in the folder of the recipe that trained it.

    python measure.py EXPDIR MODEL dump/audio/test dump/audio/test_rare ...
    python measure.py EXPDIR MODEL dump/audio/test --names NAMES --named dump/audio/test_rare

The first form prints in how many utterances the tokens are those of greedy search, and the WER, also with 8 bits. The
second prints which share of the names (a file, one a line) in the transcripts of a set is found with and without
hotwords, and the WER of that set and of the others.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
import sherpa_onnx
import soundfile
import torch

from jstasr.decode.transcriber import Transcriber
from jstasr.decode.vad import NONE
from jstasr.experiment.search import SearchConfig
from jstasr.export.layout import BEAM_JOINER, BPE_VOCAB, DECODER, ENCODER, ENCODER_INT8, FOLDERS, JOINER, TOKENS
from jstasr.kaldi.tables import read_table
from jstasr.model.joint import FULL, STREAMING

Set = dict[str, tuple[np.ndarray, str]]  # utterance -> samples, transcript


def read_set(folder: Path, silence: float) -> Set:
    """Samples, with seconds of silence behind them, and transcripts."""
    texts, found = read_table(folder / "text"), {}
    for utt, path in sorted(read_table(folder / "wav.scp").items()):
        samples, rate = soundfile.read(path, dtype="float32")
        found[utt] = np.concatenate([samples, np.zeros(int(silence * rate), dtype=np.float32)]), texts[utt]
    return found


def recogniser(model: Path, mode: str, transcriber: Transcriber, encoder: str = ENCODER, **options) -> Callable:
    """Samples -> tokens and text of sherpa-onnx."""
    kind = sherpa_onnx.OfflineRecognizer if mode == FULL else sherpa_onnx.OnlineRecognizer
    joiner = BEAM_JOINER if options else JOINER
    files = {"encoder": encoder, "decoder": DECODER, "joiner": joiner}
    rate = transcriber.sample_rate
    recognizer = kind.from_transducer(
        tokens=str(model / TOKENS),
        **{part: str(model / FOLDERS[mode] / name) for part, name in files.items()},
        num_threads=1,
        sample_rate=rate,
        feature_dim=transcriber.features.num_mel_bins,
        **options,
    )

    def run(samples: np.ndarray) -> tuple[list[str], str]:
        stream = recognizer.create_stream()
        stream.accept_waveform(rate, samples)
        if mode == FULL:
            recognizer.decode_stream(stream)
            return stream.result.tokens, " ".join(stream.result.text.split())
        stream.input_finished()
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        return recognizer.tokens(stream), " ".join(recognizer.get_result(stream).split())

    return run


def wer(found: dict[str, str], spoken: Set) -> str:
    """Word error rate of texts, per cent."""
    return f"{100 * jiwer.wer([text for _, text in spoken.values()], [found[utt] for utt in spoken]):.2f}%"


def compare(transcriber: Transcriber, model: Path, mode: str, spoken: Set) -> None:
    """Print equality with greedy search and error rates."""
    exact = recogniser(model, mode, transcriber)
    coarse = recogniser(model, mode, transcriber, ENCODER_INT8)
    texts: list[dict[str, str]] = [{}, {}, {}]
    same = 0
    for utt, (samples, _) in spoken.items():
        own = transcriber.transcribe(samples, mode=mode, config=SearchConfig(), vad=NONE)
        tokens, text = exact(samples)
        same += [token.replace("▁", " ") for token in own.tokens] == [token.replace("▁", " ") for token in tokens]
        for table, value in zip(texts, (own.text, text, coarse(samples)[1])):
            table[utt] = value
    print(mode, f"{same} of {len(spoken)}", *(wer(table, spoken) for table in texts), sep=",", flush=True)


def hotwords(
    transcriber: Transcriber, model: Path, mode: str, spoken: list[Set], named: Set, names: list[str], file: Path
) -> None:
    """Print the share of names that are found, and error rates."""
    beam = {"decoding_method": "modified_beam_search"}
    unit = {"modeling_unit": "bpe", "bpe_vocab": str(model / BPE_VOCAB)}
    inside = [(utt, name) for utt, (_, text) in named.items() for name in names if f" {name} " in f" {text} "]
    for paths in (4, 10):
        for score in (0.0, 0.5, 1.0):
            options = beam | {"max_active_paths": paths}
            if score:
                options |= unit | {"hotwords_file": str(file), "hotwords_score": score}
            run = recogniser(model, mode, transcriber, **options)
            found = [{utt: run(samples)[1] for utt, (samples, _) in part.items()} for part in (named, *spoken)]
            right = sum(f" {name} " in f" {found[0][utt]} " for utt, name in inside)
            rates = [wer(texts, part) for texts, part in zip(found, (named, *spoken))]
            print(mode, paths, score, f"{100 * right / len(inside):.1f}% of {len(inside)}", *rates, sep=",", flush=True)


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("expdir")
    parser.add_argument("model", type=Path, help="folder of `jstasr export`")
    parser.add_argument("sets", type=Path, nargs="+", help="dump/audio/<set>")
    parser.add_argument("--names", type=Path, help="file of names, one a line")
    parser.add_argument("--named", type=Path, help="set with the names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transcriber = Transcriber.from_pretrained(args.expdir, own_search=False)
    silence = transcriber.experiment.config.model.chunk_size * 0.04 + 0.1
    for mode in (FULL, STREAMING):
        sets = [read_set(folder, silence if mode == STREAMING else 0.0) for folder in args.sets]
        if args.names is None:
            compare(transcriber, args.model, mode, {utt: one for part in sets for utt, one in part.items()})
            continue
        names = args.names.read_text("utf-8").splitlines()
        named = read_set(args.named, silence if mode == STREAMING else 0.0)
        hotwords(transcriber, args.model, mode, sets, named, names, args.names)


if __name__ == "__main__":
    main()
