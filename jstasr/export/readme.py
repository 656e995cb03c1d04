"""The README of an exported folder: what the files are, and commands that run in it."""

from jstasr.experiment.load import Experiment
from jstasr.export.layout import BEAM_JOINER, BPE_VOCAB, DECODER, ENCODER, ENCODER_INT8, FOLDERS, JOINER, TOKENS
from jstasr.model.joint import FULL, STREAMING
from jstasr.text.tokens import WORD_START

PORT = 6006
DEFAULT_RATE, DEFAULT_BINS = 16000, 80  # of sherpa-onnx
HOTWORDS_SCORE, PATHS = 1.0, 10  # docs/measurements/export.md


def readme(experiment: Experiment, name: str, modes: list[str]) -> str:
    """The whole page; `name` of the experiment, `modes` that were exported."""
    sections = [HEAD.format(name=name, rows="\n".join(table_rows(experiment, modes)))]
    if FULL in modes:
        sections.append(offline_section(experiment))
    if STREAMING in modes:
        sections.append(streaming_section(experiment))
    sections.append(python_section(experiment, modes))
    sections.append(hotwords_section(experiment, modes))
    sections.append(NOTES.format(second=f"`{ENCODER_INT8}` in the place of `{ENCODER}`") + language_note(experiment))
    return "\n".join(sections)


HEAD = """\
# {name}, for sherpa-onnx

Written by `jstasr export --format sherpa-onnx`. `pip install sherpa-onnx sherpa-onnx-bin` brings the programs below;
the libraries for Android, iOS, WebAssembly, C, C#, Go, Java and Node take the same files.

| file | |
| --- | --- |
{rows}

The commands run in this folder, on a mono file `hello.wav`.
"""

NOTES = """\
## Good to know

- 8 bits: {second}.
- Joiners: `joiner.onnx` goes with greedy_search, `joiner-beam.onnx` with modified_beam_search. They do not go the other
  way: the first hands out what the encoder's own greedy search has found, whatever sherpa-onnx searches; with the
  second greedy_search leaves out many words. `--blank-penalty` is for modified_beam_search.
- A frame hands out one token, so that the time of a token may be some 40 ms late where several come at once.
- `<unk>`: sherpa-onnx leaves it out.
"""


def table_rows(experiment: Experiment, modes: list[str]) -> list[str]:
    """Rows of the table of files."""
    rows = []
    for mode in modes:
        what = "whole utterances" if mode == FULL else "audio as it arrives"
        rows.append(f"| `{FOLDERS[mode]}/` | the model for {what}: `{ENCODER}`, `{ENCODER_INT8}`, `{DECODER}` and |")
        rows.append(f"| | `{JOINER}` for greedy_search, `{BEAM_JOINER}` for modified_beam_search |")
    rows.append(f"| `{TOKENS}` | tokens and their numbers |")
    if experiment.tokenizer.kind == "bpe":
        rows.append(f"| `{BPE_VOCAB}` | sentencepiece's scores of these, for hotwords |")
    return rows


def files(mode: str, joiner: str = JOINER) -> list[str]:
    """The options that name the files of a decoder."""
    folder = FOLDERS[mode]
    parts = {"encoder": ENCODER, "decoder": DECODER, "joiner": joiner}
    return [f"--tokens={TOKENS}", *(f"--{part}={folder}/{file}" for part, file in parts.items())]


def feature_options(experiment: Experiment) -> list[str]:
    """Options of features that are not sherpa-onnx's default."""
    config = experiment.config
    options = []
    if config.sample_rate != DEFAULT_RATE:
        options.append(f"--sample-rate={config.sample_rate}")
    if config.model.num_mel_bins != DEFAULT_BINS:
        options.append(f"--feat-dim={config.model.num_mel_bins}")
    return options


def command(program: str, options: list[str], last: str = "") -> str:
    """A command in a code block, an option a line."""
    words = [program, *options, *([last] if last else [])]
    return "    " + " \\\n      ".join(words) + "\n"


def offline_section(experiment: Experiment) -> str:
    """Commands of the full-context decoder."""
    options = feature_options(experiment)
    return (
        "## Whole utterances\n\n"
        + command("sherpa-onnx-offline", [*files(FULL), *options], "hello.wav")
        + "\nA server, which takes whole utterances:\n\n"
        + command("sherpa-onnx-offline-websocket-server", [f"--port={PORT}", *files(FULL), *options])
        + "\nThe attention sees the whole utterance, in memory that grows with the square of its length: cut long\n"
        "recordings at pauses, as `sherpa-onnx-vad-with-offline-asr` does.\n"
    )


def streaming_section(experiment: Experiment) -> str:
    """Commands of the streaming decoder."""
    options = feature_options(experiment)
    seconds = experiment.config.model.chunk_size * 0.04
    rate = experiment.config.sample_rate
    server, client = [f"--port={PORT + 1}"], [f"--server-port={PORT + 1}"]
    if rate != DEFAULT_RATE:
        server.append(f"--input-sample-rate={rate}")
        client.append(f"--sample-rate={rate}")
    return (
        "## Audio as it arrives\n\n"
        + command("sherpa-onnx", [*files(STREAMING), *options], "hello.wav")
        + "\nThe microphone, and a server with its client:\n\n"
        + command("sherpa-onnx-microphone", [*files(STREAMING), *options])
        + "\n"
        + command("sherpa-onnx-online-websocket-server", [*server, *files(STREAMING), *options])
        + "\n"
        + command("sherpa-onnx-online-websocket-client", client, "hello.wav")
        + f"\nThe model encodes chunks of {seconds:.2f} s, and only complete ones: give {seconds + 0.1:.2f} s of "
        "silence behind the end of a\nrecording (`accept_waveform` with zeros, `--end-tail-padding` of the server).\n"
    )


def python_section(experiment: Experiment, modes: list[str]) -> str:
    """The same from Python."""
    mode = modes[0]
    config = experiment.config
    arguments = [f'    tokens="{TOKENS}",']
    arguments += [
        f'    {part}="{FOLDERS[mode]}/{file}",'
        for part, file in (("encoder", ENCODER), ("decoder", DECODER), ("joiner", JOINER))
    ]
    arguments.append(f"    sample_rate={config.sample_rate},\n    feature_dim={config.model.num_mel_bins},")
    lines = ["import sherpa_onnx, soundfile"]
    kind = "Offline" if mode == FULL else "Online"
    lines += [f"recognizer = sherpa_onnx.{kind}Recognizer.from_transducer(", *arguments, ")"]
    lines += ['samples, rate = soundfile.read("hello.wav", dtype="float32")', "stream = recognizer.create_stream()"]
    lines.append("stream.accept_waveform(rate, samples)")
    if mode == FULL:
        lines += ["recognizer.decode_stream(stream)", "print(stream.result.text)"]
    else:
        silence = config.model.chunk_size * 4 + 10
        lines += [f"stream.accept_waveform(rate, [0.0] * (rate * {silence} // 100))", "stream.input_finished()"]
        lines += ["while recognizer.is_ready(stream):", "    recognizer.decode_stream(stream)"]
        lines.append("print(recognizer.get_result(stream))")
    return "## From Python\n\n" + "".join(f"    {line}\n" for text in lines for line in text.split("\n"))


def hotwords_section(experiment: Experiment, modes: list[str]) -> str:
    """How to give names that matter."""
    if experiment.tokenizer.kind == "word":
        return "## Names that matter\n\nThis model's tokens are words, with which sherpa-onnx cannot spell hotwords.\n"
    mode = modes[0]
    if experiment.tokenizer.kind == "bpe":
        unit = ["--modeling-unit=bpe", f"--bpe-vocab={BPE_VOCAB}"]
        example = "`reykjavik :3.0`"
    else:
        unit = ["--modeling-unit=cjkchar"]
        example = f"`n e w {WORD_START} y o r k :3.0`: characters apart, and `{WORD_START}` for a space"
    options = [*files(mode, BEAM_JOINER), *feature_options(experiment), "--decoding-method=modified_beam_search"]
    options += [f"--max-active-paths={PATHS}", "--hotwords-file=names.txt", f"--hotwords-score={HOTWORDS_SCORE}", *unit]
    program = "sherpa-onnx-offline" if mode == FULL else "sherpa-onnx"
    return (
        "## Names that matter\n\n`names.txt` holds a name or phrase a line, written as in the training transcripts, "
        f"with a score of its\nown behind it where it shall have one ({example}).\n\n"
        + command(program, options, "hello.wav")
    )


def language_note(experiment: Experiment) -> str:
    """What a multilingual model writes in front."""
    languages = experiment.tokenizer.token_list.languages
    if not languages:
        return ""
    return f"- A text begins with the token of its language, as in `<lang:{languages[0]}>`.\n"
