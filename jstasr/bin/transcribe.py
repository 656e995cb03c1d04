"""Transcribe recordings."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_search_options

HELP = "transcribe recordings of any length with a trained model"
FORMATS = "txt json srt vtt ctm stm TextGrid"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", help="exp/<tag> or a packed zip")
    parser.add_argument(
        "audio",
        nargs="+",
        help="files that soundfile or an installed ffmpeg reads, folders, globs, wav.scp; -: standard input",
    )
    parser.add_argument("--mode", default="full", choices=["full", "streaming"], help="decoder (default: full)")
    add_search_options(parser, "that of the recipe that trained the model")
    parser.add_argument(
        "--nbest", type=int, metavar="N", help="the N most probable texts of each segment, in the results of --json"
    )
    parser.add_argument("--lang", help="language given to a multilingual model (default: the recipe's, if any)")
    parser.add_argument(
        "--channel", help="channel of files that have several, from 1; mix: their mean; each: all, kept apart"
    )
    parser.add_argument(
        "--format", default="txt", help=f"comma-separated formats of the results, of {FORMATS} (default: txt)"
    )
    parser.add_argument("--json", action="store_true", help="--format json: one JSON object a line")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder for a file of each recording and format; what it holds is not done again (default: print)",
    )
    parser.add_argument("--overwrite", action="store_true", help="do again what the folder of --output holds")
    parser.add_argument(
        "--vad",
        default="auto",
        choices=["auto", "silero", "energy", "none"],
        help="what finds speech; auto: silero if installed, else energy; none: never cut (default: auto)",
    )
    parser.add_argument("--max_segment", type=float, default=20.0, help="seconds of the longest segment")
    parser.add_argument("--nj", type=int, default=1, help="recordings that are transcribed at the same time")
    parser.add_argument("--ngpu", type=int, default=0, help="1: use the GPU")


def run(args: Namespace) -> int:
    from dataclasses import replace

    from jstasr.bin._search_options import search_settings, use_beam
    from jstasr.decode.formats import FORMATS, LISTS
    from jstasr.decode.jobs import Settings, transcribe_all
    from jstasr.decode.sources import find_sources
    from jstasr.decode.transcriber import Transcriber
    from jstasr.decode.vad import best_vad
    from jstasr.errors import JstasrError
    from jstasr.kaldi.audio import parse_channel

    formats = ["json"] if args.json else list(dict.fromkeys(args.format.split(",")))
    for name in formats:
        if name not in FORMATS:
            raise JstasrError(f"--format {name}: must be one or more of {','.join(FORMATS)}")
    if args.nbest is not None and "json" not in formats:
        raise JstasrError(f"--nbest {args.nbest}: several texts are in results of the format json only. Add --json")
    if args.nj < 1:
        raise JstasrError(f"--nj {args.nj}: must be 1 or more")
    sources = find_sources(args.audio)
    if args.output is None and (len(formats) > 1 or (len(sources) > 1 and formats[0] not in LISTS)):
        raise JstasrError(f"--format {','.join(formats)}: several files would be printed. Give --output DIR")
    transcriber = Transcriber.from_pretrained(
        args.model,
        device="cuda" if args.ngpu else "cpu",
        lm=args.lm,
        own_search=args.config is None,
        nnlm=args.nnlm,
    )
    config = search_settings(args, transcriber.experiment.search)
    if args.nbest is not None:
        config = replace(use_beam(config, "--nbest"), nbest=args.nbest)
    settings = Settings(
        model=args.model,
        lm=args.lm,
        nnlm=args.nnlm,
        mode=args.mode,
        config=config,
        channel="each" if args.channel == "each" else parse_channel(args.channel) if args.channel else None,
        vad=best_vad() if args.vad == "auto" else args.vad,
        max_segment=args.max_segment,
    )
    # an unknown language, or settings that do not fit, end the command before the first recording
    transcriber.checked(settings.mode, settings.config, None, settings.vad, settings.max_segment)
    return transcribe_all(transcriber, sources, settings, formats, args.output, args.overwrite, args.nj)
