"""Transcribe audio files."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_search_options

HELP = "transcribe audio files with a trained model"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", help="exp/<tag> or a packed zip")
    parser.add_argument("audio", nargs="+", help="audio files that soundfile reads: wav, flac, ogg, opus, mp3")
    parser.add_argument("--mode", default="full", choices=["full", "streaming"], help="decoder (default: full)")
    add_search_options(parser, "that of the recipe that trained the model")
    parser.add_argument("--lang", help="language given to a multilingual model (default: the recipe's, if any)")
    parser.add_argument("--channel", help="channel of files that have several, from 1; mix: their mean")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with tokens and timestamps")
    parser.add_argument("--ngpu", type=int, default=0, help="1: use the GPU")


def run(args: Namespace) -> int:
    import json
    import sys
    from dataclasses import asdict

    import torch

    from jstasr.bin._search_options import search_settings
    from jstasr.decode.transcriber import Transcriber
    from jstasr.errors import JstasrError
    from jstasr.kaldi.audio import parse_channel

    if args.mode == "streaming":
        torch.set_num_threads(1)  # a chunk is too little to share: threads would only wait for each other
    transcriber = Transcriber.from_pretrained(
        args.model, device="cuda" if args.ngpu else "cpu", lm=args.lm, own_search=args.config is None
    )
    config = search_settings(args, transcriber.experiment.search)
    transcriber.start_label(config.lang)  # an unknown language ends the command before the first file
    channel = parse_channel(args.channel) if args.channel else None
    failed = 0
    for path in args.audio:
        try:
            transcript = transcriber.transcribe(path, mode=args.mode, config=config, channel=channel)
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
