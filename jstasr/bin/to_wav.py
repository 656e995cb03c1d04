"""Write any audio that jstasr reads as WAV, for programs that read nothing else."""

from argparse import ArgumentParser, Namespace

HELP = "write an audio file of any kind that jstasr reads as 16-bit WAV to standard output"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="wav, flac, ogg, opus, mp3, aiff, au, ...")
    parser.add_argument(
        "--lengths",
        action="store_true",
        help="write no audio: for each path on standard input its seconds, or what is wrong with it",
    )


def run(args: Namespace) -> int | None:
    import sys

    from jstasr.errors import JstasrError
    from jstasr.kaldi.audio import audio_info, wav_bytes

    if args.lengths == (args.file is not None):
        raise JstasrError("give a file, or --lengths and paths on standard input")
    if args.file is not None:
        sys.stdout.buffer.write(wav_bytes(args.file))
        return None
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            info = audio_info(path)
            print(f"{info.frames / info.rate:.9g}" if info.frames else f"{path}: no samples", flush=True)
        except JstasrError as error:
            print(" ".join(str(error).split()), flush=True)
    return None
