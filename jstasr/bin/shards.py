"""Write a set of features into shards, for data that does not fit one disk."""

from argparse import ArgumentParser, Namespace

HELP = "write a set of features into tar files (WebDataset), on a disk or at a URL, that training reads from there"


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="folder of the features, dump/<features>/<set>")
    parser.add_argument("--outdir", required=True, help="folder of the shards, or a URL that fsspec opens: s3://...")
    parser.add_argument("--shard-mb", type=float, default=200.0, help="size of a shard in megabytes, about")
    parser.add_argument("--half", action="store_true", help="write two bytes a value (float16), not four")
    add_job_arguments(parser)


def run(args: Namespace) -> None:
    from contextlib import nullcontext

    from jstasr.bin._job_options import check_job_arguments, lock_for_job
    from jstasr.errors import JstasrError
    from jstasr.shards.store import is_url

    check_job_arguments(args)
    if not args.shard_mb > 0:
        raise JstasrError(f"--shard-mb must be above 0, not {args.shard_mb}")
    with nullcontext() if is_url(args.outdir) else lock_for_job(args):
        write(args)


def write(args: Namespace) -> None:
    """Write a part, or all, or join the parts."""
    from pathlib import Path

    import numpy as np

    from jstasr.data.speech_set import num_frames_of
    from jstasr.errors import JstasrError
    from jstasr.experiment.data_record import feature_summary
    from jstasr.features.on_the_fly import open_features
    from jstasr.features.settings import EXTRACT_AGAIN, SETTINGS
    from jstasr.kaldi.data_dir import UTT2NUM_FRAMES
    from jstasr.kaldi.files import first_few
    from jstasr.kaldi.indexed_table import IndexedTable
    from jstasr.shards.store import Store
    from jstasr.shards.writer import merge_parts, plan_shards, write_part

    data_dir, store = Path(args.data_dir), Store(args.outdir)
    if not store.remote and data_dir.resolve() == Path(args.outdir).resolve():
        raise JstasrError(f"--outdir {args.outdir}: is the folder of the features itself; give another one")
    table = IndexedTable(data_dir / UTT2NUM_FRAMES)
    if not len(table):
        raise JstasrError(f"{table.path}: no utterances. {EXTRACT_AGAIN}")
    num_frames = num_frames_of(table)
    reader = open_features(data_dir)
    rows = reader.table.rows_of(table)
    lost = [table.key(int(row)) for row in np.flatnonzero(rows < 0)]
    if lost:
        raise JstasrError(f"{reader.name}: lacks {len(lost)} utterance(s): {first_few(lost)}. {EXTRACT_AGAIN}")
    wanted, kind = reader.read(int(rows[0])).shape[1], np.float16 if args.half else np.float32
    plan = plan_shards(table, num_frames, max(1, int(args.shard_mb * 1e6 / (wanted * np.dtype(kind).itemsize))))

    def read(row: int) -> np.ndarray:
        features = reader.read(int(rows[row]))
        if features.shape != (num_frames[row], wanted):
            raise JstasrError(
                f"{table.key(row)}: its features in {reader.name} are {features.shape}, expected "
                f"{(int(num_frames[row]), wanted)} (frames, dimensions). {EXTRACT_AGAIN}"
            )
        written = features.astype(kind)
        if not np.isfinite(written).all():
            raise JstasrError(f"{table.key(row)}: its features are too large for --half; leave that out")
        return written

    if not args.merge:
        job, num_jobs = args.job or 1, args.num_jobs if args.job else 1
        write_part(data_dir, store, table, plan, read, job, num_jobs, lambda line: print(line, flush=True))
    if args.job is None:
        summary = feature_summary(len(table), read)
        num_jobs = args.num_jobs if args.merge else 1
        index = merge_parts(data_dir, store, table, plan, num_jobs, wanted, SETTINGS, summary)
        print(f"{args.outdir}: {len(index.shards)} shards, {index.utterances} utterances")
