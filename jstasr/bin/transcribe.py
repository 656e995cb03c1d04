"""Transcribe audio files."""

from argparse import ArgumentParser, Namespace

HELP = "transcribe audio files with a trained model"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", help="exp/<tag> or a packed zip")
    parser.add_argument("audio", nargs="+", help="audio files that soundfile reads: wav, flac, ogg, opus, mp3")
    parser.add_argument("--mode", default="full", choices=["full", "streaming"], help="decoder (default: full)")
    parser.add_argument("--config", help="YAML file of the search")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a value of the search configuration; repeatable",
    )
    parser.add_argument("--lm", help="ARPA language model over the model's tokens; see `jstasr lm`")
    parser.add_argument("--lang", help="language given to a multilingual model")
    parser.add_argument("--channel", help="channel of files that have several, from 1; mix: their mean")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with tokens and timestamps")
    parser.add_argument("--ngpu", type=int, default=0, help="1: use the GPU")


def run(args: Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    from jstasr.decode.config import load_search_config
    from jstasr.decode.transcriber import Transcriber
    from jstasr.errors import JstasrError
    from jstasr.kaldi.audio import parse_channel

    config = load_search_config(args.config, args.overrides, args.lm)
    transcriber = Transcriber.from_pretrained(args.model, device="cuda" if args.ngpu else "cpu", lm=args.lm)
    transcriber.start_label(args.lang)  # an unknown language ends the command before the first file
    channel = parse_channel(args.channel) if args.channel else None
    failed = 0
    for path in args.audio:
        try:
            transcript = transcriber.transcribe(path, mode=args.mode, config=config, lang=args.lang, channel=channel)
        except JstasrError as error:  # the other files are transcribed all the same
            print(f"jstasr transcribe: {error}", file=sys.stderr)
            failed += 1
            continue
        print(
            json.dumps({"audio": path, **asdict(transcript)}, ensure_ascii=False)
            if args.json
            else f"{path} {transcript.text}"
        )
    return 1 if failed else 0
