"""How far trainings are."""

from argparse import ArgumentParser, Namespace

HELP = "show how far trainings are: step, dev WER, speed, time left, last fault"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "experiment", nargs="*", metavar="EXP", help="exp/<tag>, or folders above experiments (default: exp)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON array, an object for each experiment")
    parser.add_argument("--watch", type=float, metavar="SECONDS", help="show it again every so often, until Ctrl-C")


def run(args: Namespace) -> int:
    import json
    import math
    from dataclasses import asdict

    from jstasr.errors import JstasrError
    from jstasr.status.find import PROBLEMS, find_experiments
    from jstasr.status.record import Status, read_status

    if args.watch is not None and not (args.watch > 0 and math.isfinite(args.watch)):
        raise JstasrError(f"--watch {args.watch:g}: must be seconds, more than 0")
    if args.watch is not None and args.json:
        raise JstasrError("--watch is for the eye and --json for programs, which may ask again: give one of the two")
    roots = args.experiment or ["exp"]

    def read() -> list[Status]:
        return [read_status(found) for found in find_experiments(roots)]

    if args.watch is not None:
        from jstasr.status.table import watch

        watch(read, args.watch)
    statuses = read()
    if args.json:
        rows = [{key: None if value == "" else value for key, value in asdict(one).items()} for one in statuses]
        print("[" + ",\n ".join(map(json.dumps, rows)) + "]")
    else:
        from jstasr.status.table import show

        show(statuses)
    return int(any(one.state in PROBLEMS for one in statuses))
