"""Train and compare systems over seeds and conditions."""

from argparse import ArgumentParser, Namespace

HELP = "train the cells of an experiment (systems x conditions x seeds) and compare them"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("plan", help="YAML file: recipe, systems, conditions, seeds, test sets, comparisons")
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder of the results, to be committed (default: that of the plan where it is called sweep.yaml, "
        "else <recipe>/sweep/<name>/results)",
    )
    parser.add_argument("--work", metavar="DIR", help="folder of data and experiments (default: <recipe>/sweep/<name>)")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="cells at a time (default: one for every 2 cores; with GPUs 1; on a cluster 8)",
    )
    parser.add_argument("--retries", type=int, default=1, metavar="N", help="of a job that fails")
    parser.add_argument("--dry-run", action="store_true", help="list the cells and their expected time; run nothing")
    parser.add_argument("--page-only", action="store_true", help="write the page from the results; run nothing")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="run with uncommitted changes; the rows' commits end in -dirty"
    )
    parser.add_argument(
        "--any-commit", action="store_true", help="take results of other commits as finished, not only of this one"
    )


def run(args: Namespace) -> int:
    import os
    import signal
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.sweep.cells import find_recipe
    from jstasr.sweep.check import check_overrides, check_package, repository
    from jstasr.sweep.digest import is_uncommitted
    from jstasr.sweep.listing import print_cells
    from jstasr.sweep.plan import read_plan
    from jstasr.sweep.progress import progress
    from jstasr.sweep.records import PLAN
    from jstasr.sweep.run import Settings, Sweep
    from jstasr.sweep.write import write_page, write_plan

    path = Path(args.plan)
    plan = read_plan(path)
    root = repository(path)
    recipe = find_recipe(root, plan.recipe)
    work = Path(args.work) if args.work else recipe / "sweep" / plan.name
    results = Path(args.output) if args.output else path.parent if path.name == PLAN else work / "results"
    if args.page_only:
        write_plan(path, results)
        print(f"written: {write_page(results)}")
        return 0
    check_package(root)
    check_overrides(plan)
    jobs = args.jobs
    if jobs is None:
        if os.environ.get("cmd_backend", "local") != "local":
            jobs = 8
        elif any(cell.options.get("ngpu", "0") != "0" for cell in plan.planned()):
            jobs = 1
        else:
            jobs = max(1, (os.cpu_count() or 1) // 2)
    for name, value, least in (("--jobs", jobs, 1), ("--retries", args.retries, 0)):
        if value < least:
            raise JstasrError(f"{name} {value}: must be {least} or more")
    sweep = Sweep(plan, root, recipe, work, results, Settings(jobs, args.retries, args.any_commit))
    if args.dry_run:
        print_cells(sweep)
        return 0
    if is_uncommitted(sweep.code) and not args.allow_dirty:
        raise JstasrError(
            f"{root}: has uncommitted changes, so that results could not be repeated: commit them, run the sweep in a "
            "clean checkout (git worktree add), or mark the rows with --allow-dirty"
        )
    write_plan(path, results)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt  # the jobs are ended before the sweep is

    signal.signal(signal.SIGTERM, stopped)
    with progress() as shown:
        complete = sweep.run(shown.update)
    if sweep.finished_rows():
        print(f"written: {write_page(results)}")
    return 0 if complete else 1
