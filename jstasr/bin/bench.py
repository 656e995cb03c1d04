"""Measure speed and memory beside other implementations."""

from argparse import ArgumentParser, Namespace

HELP = "measure speed and memory beside other implementations"


def add_arguments(parser: ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    align = what.add_parser("align", help="the alignment core; peers: pip install '.[bench]'")
    align.add_argument("--sizes", default="25x10 100x40 250x100 1000x400 3000x1200", help="frames x positions")
    align.add_argument("--threads", default="1 2", help="numbers of threads to measure with")
    align.add_argument("--repeats", type=int, default=15, help="rounds at most; the median counts")
    align.add_argument("--seconds", type=float, default=10, help="no new round after so long, beyond the third")
    align.add_argument("--tables", default="sizes lengths memory", help="tables to print")
    train = what.add_parser("train", help="a training step on the CPU; peer: ESPnet's modules")
    train.add_argument("--threads", type=int, default=1, help="threads of each implementation")
    train.add_argument("--precisions", default="fp32 bf16", help="fp32 and bf16 (autocast)")
    train.add_argument("--batch", type=int, default=16, help="utterances of 4 s in a step")
    train.add_argument("--rounds", type=int, default=7, help="measurements of each implementation; the median counts")
    train.add_argument(
        "--espnet-python", default=None, help="python that imports espnet2, where this one does not: PATH"
    )
    data = what.add_parser("data", help="memory and time of a synthetic training set of many utterances")
    data.add_argument("--utterances", type=int, default=1_000_000)
    data.add_argument("--batch-frames", type=int, default=40_000, help="padded frames of a batch")
    step = what.add_parser("step", help="what the consistency loss costs in a training step on the CPU")
    step.add_argument("--threads", type=int, default=1)
    step.add_argument("--batch", type=int, default=16, help="utterances of 4 s, beside twice as many texts")
    step.add_argument("--rounds", type=int, default=9, help="at most; the median counts")
    step.add_argument("--seconds", type=float, default=60, help="no new round after so long, beyond the third")
    score = what.add_parser("score", help="scoring with the whole report; peers: sclite, jiwer")
    score.add_argument("--utterances", type=int, default=100_000, help="of the synthetic test set")
    score.add_argument("--words", type=int, default=20, help="of each reference")
    score.add_argument("--script", choices=["latin", "cyrillic"], default="latin", help="letters of the words")
    score.add_argument("--cleaner", default="basic", help="of jstasr score on Kaldi texts; also measured without")


def run(args: Namespace) -> None:
    runs = {"align": run_align, "train": run_train, "data": run_data, "step": run_step, "score": run_score}
    runs[args.what](args)


def print_line(line: str) -> None:
    print(line, flush=True)


def run_train(args: Namespace) -> None:
    import sys

    from jstasr.bench import train
    from jstasr.bench.train_job import TrainJob
    from jstasr.errors import JstasrError

    precisions = args.precisions.split()
    if not precisions or not set(precisions) <= set(train.PRECISIONS):
        raise JstasrError(f"--precisions '{args.precisions}': expected some of {' '.join(train.PRECISIONS)}")
    if min(args.threads, args.batch, args.rounds) < 1:
        raise JstasrError("--threads, --batch and --rounds are at least 1")
    train.run(
        TrainJob(batch=args.batch),
        args.threads,
        precisions,
        args.rounds,
        args.espnet_python or sys.executable,
        print_line,
    )


def run_data(args: Namespace) -> None:
    from jstasr.bench import data
    from jstasr.errors import JstasrError

    if min(args.utterances, args.batch_frames) < 1:
        raise JstasrError("--utterances and --batch-frames are at least 1")
    data.run(args.utterances, args.batch_frames, print_line)


def parse_size(text: str) -> tuple[int, int]:
    """ "250x100" -> (250, 100), frames and positions; ValueError where these make no sense."""
    frames, positions = (int(count) for count in text.split("x"))
    if not frames >= positions >= 1:
        raise ValueError(text)
    return frames, positions


def run_align(args: Namespace) -> None:
    from jstasr.bench import align
    from jstasr.errors import JstasrError

    try:
        sizes = [parse_size(size) for size in args.sizes.split()]
        threads = [int(count) for count in args.threads.split()]
        if min(threads) < 1:
            raise ValueError
    except ValueError:
        raise JstasrError(
            f"--sizes '{args.sizes}' --threads '{args.threads}': expected sizes such as '250x100', with at least "
            "as many frames as positions, and numbers of threads"
        ) from None
    tables = args.tables.split()
    if not tables or not set(tables) <= set(align.TABLES):
        raise JstasrError(f"--tables '{args.tables}': expected some of {' '.join(align.TABLES)}")
    align.check_peers()
    align.run(sizes, threads, args.repeats, args.seconds, print_line, tables)


def run_step(args: Namespace) -> None:
    from jstasr.bench import step
    from jstasr.errors import JstasrError

    if min(args.threads, args.batch, args.rounds) < 1:
        raise JstasrError("--threads, --batch and --rounds are at least 1")
    job = step.ConsistencyJob(batch=args.batch, texts=2 * args.batch)
    step.run(job, args.threads, args.rounds, args.seconds, print_line)


def run_score(args: Namespace) -> None:
    from jstasr.bench import score
    from jstasr.errors import JstasrError

    if min(args.utterances, args.words) < 1:
        raise JstasrError("--utterances and --words are at least 1")
    score.run(args.utterances, args.words, args.script, args.cleaner, print_line)
