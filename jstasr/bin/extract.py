"""Compute log-mel features: stage 5 of a recipe."""

from argparse import REMAINDER, ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.features.settings import FbankSettings

HELP = "compute log-mel features and their statistics"


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="folder of the formatted set, dump/audio/<set>")
    parser.add_argument("--outdir", required=True, help="folder of the features, dump/fbank/<set>")
    parser.add_argument("--fs", default="16k", help="sampling rate of the audio, as in 16k or 16000")
    parser.add_argument("--num-mel-bins", type=int, help="features per frame (default: model.num_mel_bins)")
    parser.add_argument("--kind", help="lhotse or kaldi (default: features.kind of the configuration, else lhotse)")
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
    parser.add_argument(
        "--train-options",
        nargs=REMAINDER,
        default=[],
        help="all that follows are options of `jstasr train`; of these, --config and --set give the defaults above",
    )


def settings_of(args: Namespace) -> "FbankSettings":
    """How the features are computed: by the options, else by the training configuration."""
    from jstasr.experiment.config import load_config
    from jstasr.features.settings import DEFAULT_KIND, FbankSettings
    from jstasr.kaldi.audio import parse_rate

    parser = ArgumentParser(prog="jstasr extract --train-options", add_help=False, allow_abbrev=False)
    parser.add_argument("--config")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    of_training, _ = parser.parse_known_args(args.train_options)
    config = load_config(of_training.config, of_training.overrides)
    num_mel_bins = config.model.num_mel_bins if args.num_mel_bins is None else args.num_mel_bins
    return FbankSettings(parse_rate(args.fs), num_mel_bins, args.kind or config.features.kind or DEFAULT_KIND)


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
    settings = settings_of(args)
    if not args.merge:
        import torch

        from jstasr.features.fbank import Fbank

        torch.set_num_threads(1)  # the jobs share the machine
        fbank = Fbank(*settings)
        num_jobs = args.num_jobs if args.job else 1
        begin = time.perf_counter()
        count, seconds, _ = extract_part(args.data_dir, args.outdir, fbank, args.job or 1, num_jobs, compress, not raw)
        elapsed = max(time.perf_counter() - begin, 1e-3)
        part = f" part {args.job} of {num_jobs}," if args.job else ""
        speed = f"{seconds:.0f} s of audio, {seconds / elapsed:.0f}x real time"
        print(f"{args.data_dir}:{part} {count} utterances, {speed}")
    if args.job is None:
        count, frames, silent = merge_parts(args.data_dir, args.outdir, num_jobs, settings, args.cmvn_out, not raw)
        print(f"{args.outdir}: {count} utterances, {frames} frames, features of the kind {settings.kind}")
        if silent:
            print(f"warning: nothing but digital silence in {len(silent)} utterance(s): {first_few(silent)}")
