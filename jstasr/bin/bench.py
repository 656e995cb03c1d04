"""Speed and memory beside peers."""

HELP = "measure speed and memory beside other implementations"


def add_arguments(parser):
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    align = what.add_parser("align", help="the alignment core; peers: pip install '.[bench]'")
    align.add_argument("--sizes", default="25x10 100x40 250x100 1000x400 3000x1200", help="frames x positions")
    align.add_argument("--threads", default="1 2", help="numbers of threads to measure with")
    align.add_argument("--repeats", type=int, default=15, help="rounds at most; the median counts")
    align.add_argument("--seconds", type=float, default=10, help="no new round after so long, beyond the third")


def run(args):
    from jstasr.bench import align
    from jstasr.errors import JstasrError

    try:
        sizes = [tuple(int(k) for k in size.split("x")) for size in args.sizes.split()]
        threads = [int(count) for count in args.threads.split()]
        if any(len(size) != 2 or not size[0] >= size[1] >= 1 for size in sizes) or min(threads) < 1:
            raise ValueError
    except ValueError:
        raise JstasrError(
            f"--sizes '{args.sizes}' --threads '{args.threads}': expected sizes such as '250x100', with at least "
            "as many frames as positions, and numbers of threads"
        ) from None
    align.check_peers()
    align.run(sizes, threads, args.repeats, args.seconds, lambda line: print(line, flush=True))
