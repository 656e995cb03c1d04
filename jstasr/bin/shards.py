"""Write a set into shards, features or audio, for data that does not fit one disk."""

from argparse import ArgumentParser, Namespace

HELP = (
    "write a set, features or audio, into tar files (WebDataset), on a disk or at a URL, that training reads from there"
)


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="folder of the set, dump/<features>/<set>")
    parser.add_argument("--outdir", required=True, help="folder of the shards, or a URL that fsspec opens: s3://...")
    parser.add_argument("--shard-mb", type=float, default=200.0, help="size of a shard in megabytes, about")
    parser.add_argument(
        "--audio", action="store_true", help="write the audio of dump/raw/<set>, from which features are computed"
    )
    parser.add_argument("--half", action="store_true", help="write two bytes a value (float16), not four")
    add_job_arguments(parser)


def run(args: Namespace) -> None:
    from contextlib import nullcontext

    from jstasr.bin._job_options import check_job_arguments, lock_for_job
    from jstasr.errors import JstasrError
    from jstasr.shards.store import is_url

    check_job_arguments(args)
    if args.audio and args.half:
        raise JstasrError("--half is of features; leave it out with --audio")
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
    from jstasr.features.on_the_fly import ComputedFeatures, open_features
    from jstasr.features.settings import EXTRACT_AGAIN, SETTINGS
    from jstasr.features.shard_content import audio_of, features_of
    from jstasr.kaldi.data_dir import UTT2NUM_FRAMES, WAV_SCP
    from jstasr.kaldi.files import first_few
    from jstasr.kaldi.indexed_table import IndexedTable
    from jstasr.shards.index import AUDIO, FEATURES
    from jstasr.shards.store import Store
    from jstasr.shards.writer import merge_parts, plan_shards, write_part

    data_dir, store = Path(args.data_dir), Store(args.outdir)
    if not store.remote and data_dir.resolve() == Path(args.outdir).resolve():
        raise JstasrError(f"--outdir {args.outdir}: is the folder of the features itself; give another one")
    lacking = [name for name in (WAV_SCP, SETTINGS, UTT2NUM_FRAMES) if not (data_dir / name).exists()]
    if args.audio and lacking:
        raise JstasrError(
            f"{data_dir}: has no {lacking[0]}; --audio writes dump/raw/<set> into shards, after stages 2 to 5 with "
            "--feats_type raw"
        )
    table = IndexedTable(data_dir / UTT2NUM_FRAMES)
    if not len(table):
        raise JstasrError(f"{table.path}: no utterances. {EXTRACT_AGAIN}")
    num_frames = num_frames_of(table)
    reader = ComputedFeatures(data_dir) if args.audio else open_features(data_dir)
    rows = reader.table.rows_of(table)
    lost = [table.key(int(row)) for row in np.flatnonzero(rows < 0)]
    if lost:
        raise JstasrError(f"{reader.name}: lacks {len(lost)} utterance(s): {first_few(lost)}. {EXTRACT_AGAIN}")
    wanted = reader.read(int(rows[0])).shape[1]
    if isinstance(reader, ComputedFeatures) and args.audio:
        content, frame_bytes = audio_of(reader, rows, num_frames)
    else:
        content, frame_bytes = features_of(reader, rows, num_frames, wanted, args.half)
    holds = AUDIO if args.audio else FEATURES
    plan = plan_shards(table, num_frames, max(1, int(args.shard_mb * 1e6 / frame_bytes)), holds)
    if not args.merge:
        job, num_jobs = args.job or 1, args.num_jobs if args.job else 1
        write_part(data_dir, store, table, plan, content, job, num_jobs, lambda line: print(line, flush=True))
    if args.job is None:
        kind = np.float16 if args.half else np.float32  # of what the shards hold
        summary = feature_summary(len(table), lambda row: reader.read(int(rows[row])).astype(kind))
        num_jobs = args.num_jobs if args.merge else 1
        index = merge_parts(data_dir, store, table, plan, num_jobs, wanted, SETTINGS, summary, holds)
        print(f"{args.outdir}: {len(index.shards)} shards, {index.utterances} utterances")
