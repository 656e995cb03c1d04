"""Compute log-mel features: stage 5 of a recipe."""

from argparse import ArgumentParser, Namespace

HELP = "compute log-mel features and their statistics"


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="folder of the formatted set, dump/audio/<set>")
    parser.add_argument("--outdir", required=True, help="folder of the features, dump/fbank/<set>")
    parser.add_argument("--fs", default="16k", help="sampling rate of the audio, as in 16k or 16000")
    parser.add_argument("--num-mel-bins", type=int, default=80, help="features per frame")
    parser.add_argument(
        "--feats-type",
        choices=("fbank", "fbank_compressed", "raw"),
        default="fbank",
        help="fbank: write them; fbank_compressed: as with --compress; raw: only check the audio and take statistics, "
        "training and decoding compute them",
    )
    parser.add_argument("--compress", action="store_true", help="one byte a value, as Kaldi's copy-feats")
    parser.add_argument("--cmvn-out", help="write the set's mean and variance statistics here")
    add_job_arguments(parser)


def run(args: Namespace) -> None:
    from jstasr.bin._job_options import check_job_arguments, lock_for_job

    check_job_arguments(args)
    with lock_for_job(args):
        extract(args)


def extract(args: Namespace) -> None:
    """Extract a part, or all, or join the parts."""
    import time

    from jstasr.errors import JstasrError
    from jstasr.features.extract import extract_part, merge_parts
    from jstasr.kaldi.files import first_few

    num_jobs = args.num_jobs
    raw, compress = args.feats_type == "raw", args.compress or args.feats_type == "fbank_compressed"
    if raw and compress:
        raise JstasrError("--compress is for features that are written, and --feats-type raw writes none")
    fbank = None
    if raw or not args.merge:
        import torch

        from jstasr.features.fbank import Fbank
        from jstasr.kaldi.audio import parse_rate

        torch.set_num_threads(1)  # the jobs share the machine
        fbank = Fbank(parse_rate(args.fs), args.num_mel_bins)
    if not args.merge:
        assert fbank is not None
        num_jobs = args.num_jobs if args.job else 1
        begin = time.perf_counter()
        count, seconds, silent = extract_part(
            args.data_dir, args.outdir, fbank, args.job or 1, num_jobs, compress, not raw
        )
        elapsed = max(time.perf_counter() - begin, 1e-3)
        part = f" part {args.job} of {num_jobs}," if args.job else ""
        speed = f"{seconds:.0f} s of audio, {seconds / elapsed:.0f}x real time"
        print(f"{args.data_dir}:{part} {count} utterances, {speed}")
        if silent:
            print(f"warning: nothing but digital silence in {len(silent)} utterance(s): {first_few(silent)}")
    if args.job is None:
        count, frames = merge_parts(args.data_dir, args.outdir, num_jobs, args.cmvn_out, fbank if raw else None)
        print(f"{args.outdir}: {count} utterances, {frames} frames")
