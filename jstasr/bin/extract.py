"""Compute features: stage 5 of a recipe."""

from argparse import REMAINDER, ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.features.settings import FeatureSettings

HELP = "compute log-mel features, or those of a pretrained encoder, and their statistics"


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="folder of the formatted set, dump/audio/<set>")
    parser.add_argument("--outdir", required=True, help="folder of the features, dump/<features>/<set>")
    parser.add_argument("--fs", default="16k", help="sampling rate of the audio, as in 16k or 16000")
    parser.add_argument("--num-mel-bins", type=int, help="features per frame (default: model.num_mel_bins)")
    parser.add_argument("--kind", help="lhotse or kaldi (default: features.kind of the configuration, else lhotse)")
    parser.add_argument(
        "--feats-type",
        choices=("fbank", "fbank_compressed", "raw", "pretrained"),
        default="fbank",
        help="fbank: write them; fbank_compressed: as with --compress; raw: only check the audio and take statistics, "
        "training and decoding compute them; pretrained: write the layer model.pretrained.layer of the encoder "
        "model.pretrained.name, two bytes a value",
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


def settings_of(args: Namespace) -> "FeatureSettings":
    """How the features are computed: by the options, else by the training configuration."""
    from jstasr.errors import JstasrError
    from jstasr.experiment.config import load_config
    from jstasr.features.frames import PRETRAINED_SHIFT_MS
    from jstasr.features.settings import DEFAULT_KIND, PRETRAINED, WAVEFORM, FeatureSettings
    from jstasr.kaldi.audio import parse_rate
    from jstasr.pretrained.encoder import open_encoder

    parser = ArgumentParser(prog="jstasr extract --train-options", add_help=False, allow_abbrev=False)
    parser.add_argument("--config")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    of_training, _ = parser.parse_known_args(args.train_options)
    config = load_config(of_training.config, of_training.overrides)
    num_mel_bins = config.model.num_mel_bins if args.num_mel_bins is None else args.num_mel_bins
    own, rate = config.model.pretrained, parse_rate(args.fs)
    fits = (PRETRAINED, "raw") if config.model.encoder == PRETRAINED else ("fbank", "fbank_compressed", "raw")
    if args.feats_type not in fits:
        raise JstasrError(
            f"--feats-type {args.feats_type} does not go with model.encoder={config.model.encoder}: a pretrained "
            "encoder is named by --pretrained of asr.sh, or by model.encoder=pretrained and model.pretrained.name"
        )
    if args.feats_type == PRETRAINED:
        return FeatureSettings(rate, num_mel_bins, PRETRAINED, own.name, own.layer, own.digest)
    if config.model.encoder == PRETRAINED:
        _, digest = open_encoder(own.name, own.digest, own.layer, rate)
        return FeatureSettings(rate, rate * PRETRAINED_SHIFT_MS // 1000, WAVEFORM, own.name, 0, digest)
    return FeatureSettings(parse_rate(args.fs), num_mel_bins, args.kind or config.features.kind or DEFAULT_KIND)


def run(args: Namespace) -> None:
    from jstasr.bin._job_options import check_job_arguments, lock_for_job

    check_job_arguments(args)
    with lock_for_job(args):
        extract(args)


def extract(args: Namespace) -> None:
    """Extract a part, or all, or join the parts."""
    import time

    from jstasr.errors import JstasrError
    from jstasr.features.compute import feature_computer
    from jstasr.features.extract import ONE_BYTE, TWO_BYTES, extract_part, merge_parts
    from jstasr.features.settings import PRETRAINED
    from jstasr.kaldi.files import first_few

    num_jobs = args.num_jobs
    raw, compress = args.feats_type == "raw", args.compress or args.feats_type == "fbank_compressed"
    if raw and compress:
        raise JstasrError("--compress is for features that are written, and --feats-type raw writes none")
    pretrained = args.feats_type == PRETRAINED
    compression = ONE_BYTE if compress else TWO_BYTES if pretrained else None
    computer = feature_computer(settings_of(args))
    settings = computer.settings

    def show(line: str) -> None:
        print(line, flush=True)

    if not args.merge:
        import torch

        torch.set_num_threads(1)  # the jobs share the machine
        num_jobs = args.num_jobs if args.job else 1
        begin = time.perf_counter()
        job = args.job or 1
        count, seconds, _ = extract_part(
            args.data_dir, args.outdir, computer, job, num_jobs, compression, not raw, show
        )
        elapsed = max(time.perf_counter() - begin, 1e-3)
        part = f" part {args.job} of {num_jobs}," if args.job else ""
        speed = f"{seconds:.0f} s of audio, {seconds / elapsed:.0f}x real time"
        print(f"{args.data_dir}:{part} {count} utterances, {speed}")
    if args.job is None:
        count, frames, silent = merge_parts(args.data_dir, args.outdir, num_jobs, settings, args.cmvn_out, not raw)
        print(f"{args.outdir}: {count} utterances, {frames} frames, features of the kind {settings.kind}")
        if silent:
            print(f"warning: nothing but digital silence in {len(silent)} utterance(s): {first_few(silent)}")
