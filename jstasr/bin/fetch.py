"""Download a corpus, as the recipes do."""

from argparse import ArgumentParser, Namespace

HELP = "download a file, resuming and checking it; unpack it"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", help="http(s), ftp or file URL")
    parser.add_argument("file", help="where the download goes; it appears complete, or not at all")
    parser.add_argument("--size", type=int, metavar="N", help="bytes that it must have")
    parser.add_argument("--sha256", metavar="HEX", help="checksum that it must have")
    parser.add_argument("--md5", metavar="HEX", help="likewise, where no better one is published")
    parser.add_argument("--md5-list", metavar="FILE", help="list, as md5sum writes it, that must name the URL's file")
    parser.add_argument("--unpack", metavar="DIR", help="unpack the archive to DIR, then delete it")
    parser.add_argument("--member", metavar="PATTERN", help="part of the archive that becomes DIR (default: all)")
    parser.add_argument("--keep", action="store_true", help="keep the archive after --unpack")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.corpus.fetch import REMEDY, Checksum, fetch, listed_md5
    from jstasr.corpus.unpack import BrokenArchive, unpack
    from jstasr.errors import JstasrError

    if sum(map(bool, (args.sha256, args.md5, args.md5_list))) > 1:
        raise JstasrError("give one of --sha256, --md5 and --md5-list")
    if not args.unpack and (args.member or args.keep):
        raise JstasrError("--member and --keep go with --unpack")
    if args.unpack and Path(args.unpack).exists():
        return
    md5 = listed_md5(args.md5_list, args.url.rsplit("/", 1)[-1]) if args.md5_list else args.md5
    checksum = Checksum("sha256", args.sha256) if args.sha256 else Checksum("md5", md5) if md5 else None
    if not args.unpack and Path(args.file).exists() and args.size is None and checksum is None:
        return
    fetch(args.url, args.file, args.size, checksum)
    if not args.unpack:
        print(f"{args.file}: {Path(args.file).stat().st_size} bytes, complete")
        return
    try:
        unpack(args.file, args.unpack, args.member)
    except BrokenArchive as error:
        Path(args.file).unlink(missing_ok=True)
        raise JstasrError(f"{error}; it came from {args.url} and is removed: {REMEDY}") from None
    if not args.keep:
        Path(args.file).unlink()
    print(f"{args.unpack}: unpacked")
