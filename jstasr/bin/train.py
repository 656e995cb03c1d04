"""Train a joint speech-text model."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jstasr.experiment.config import TrainConfig
    from jstasr.kaldi.locks import Lock
    from jstasr.train.signals import StopRequest

INSIDE_ONLY = ("weighted", "train_layers", "lora_rank", "mask_share", "recompute")  # of model.pretrained
HELP = "train a model on paired speech and unpaired text; continues a run that was stopped"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", help="YAML file over the defaults; see docs/reference/config.md")
    parser.add_argument(
        "--train-dir", required=True, help="dump/fbank/<set> of the paired speech, or its shards: a folder or URL"
    )
    parser.add_argument("--valid-dir", required=True, help="likewise the dev set, to choose checkpoints")
    parser.add_argument("--text-dir", action="append", default=[], help="dump/text/<set> of unpaired text; repeatable")
    parser.add_argument("--token-list", required=True, help="tokens.txt")
    parser.add_argument("--bpe-model", help="sentencepiece model of a bpe token list")
    parser.add_argument("--phone-list", required=True, help="phones.txt")
    parser.add_argument("--cmvn", required=True, help="cmvn.ark of the training set")
    parser.add_argument("--fs", default="16k", help="sampling rate of the features' audio: 8k, 16k, 44100 ...")
    parser.add_argument("--expdir", required=True, help="exp/<tag>, created if missing")
    parser.add_argument("--init", help="weights to start from: a model file, exp/<tag> or a packed zip")
    parser.add_argument(
        "--ignore-init-mismatch", action="store_true", help="take the weights of --init that fit, and those alone"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs of this node; 0: the CPU")
    parser.add_argument(
        "--num-procs",
        type=int,
        default=1,
        help="without a GPU: data-parallel processes, each with its share of the cores",
    )
    parser.add_argument("--num-nodes", type=int, default=1, help="nodes, each with as many GPUs or processes")
    parser.add_argument(
        "--find-batch",
        action="store_true",
        help="do not train: find the largest data.batch_frames that the memory holds, with the longest utterances",
    )
    parser.add_argument(
        "--memory-gb",
        type=float,
        help="memory that --find-batch may use (default: all of the GPU, or all that is free)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a value of the configuration, such as optim.max_steps=1000; repeatable",
    )


def run(args: Namespace) -> int:
    import sys
    from pathlib import Path

    from jstasr.experiment.place import check_place
    from jstasr.kaldi.locks import locked
    from jstasr.train.signals import REQUEUE_CODE, StoppedBySignal, StopRequest, is_first_process, mark_outcome

    together = True
    try:
        with StopRequest().listening() as stop:
            if args.find_batch:
                code = train_or_search(args, stop)
            else:
                expdir = Path(args.expdir)
                check_place(args.expdir)
                notes: list[str] = []
                held = locked(expdir, notes.append) if is_first_process() else nullcontext()
                with held as lock, mark_outcome(expdir):
                    code = train_or_search(args, stop, lock, notes)
    except StoppedBySignal as stopped:
        print(f"jstasr train: {stopped}", file=sys.stderr)
        code, together = REQUEUE_CODE, stopped.together
    if together:
        from jstasr.train.processes import leave_group

        leave_group()
    return code


def use_encoder(config: "TrainConfig", train_dir: "Path") -> None:
    """Put the pretrained encoder of the training features into the configuration, which names it.

    Raises:
        JstasrError: features of another encoder or layer.
    """
    from jstasr.errors import JstasrError
    from jstasr.experiment.config import feature_settings
    from jstasr.features.settings import EXTRACT_AGAIN, KINDS, WAVEFORM, settings_of

    found, own = settings_of(train_dir), config.model.pretrained
    if found.kind not in KINDS and found.encoder != own.name:
        raise JstasrError(
            f"{train_dir}: holds features of {found.encoder}, and model.pretrained.name is {own.name}. {EXTRACT_AGAIN}"
        )
    own.inside = found.kind == WAVEFORM
    inside_only = [name for name in INSIDE_ONLY if getattr(own, name)]
    if not own.inside and inside_only:
        raise JstasrError(f"model.pretrained.{inside_only[0]}: needs audio, not features on disk: --feats_type raw")
    if own.inside and config.augment.tempo:
        raise JstasrError("augment.tempo: is for features, not for audio (--feats_type raw). Set it to 0")
    config.features.kind = feature_settings(config).kind
    config.model.num_mel_bins = found.num_mel_bins
    own.digest = own.digest or found.digest


def train_or_search(args: Namespace, stop: "StopRequest", lock: "Lock | None" = None, notes: Sequence[str] = ()) -> int:
    """Train, or find the batch size with --find-batch; the exit code.

    Args:
        lock: of the experiment, held by the first process; notes: lines for the log.
    """
    from functools import partial
    from pathlib import Path

    import torch

    from jstasr.data.refusals import Refusals
    from jstasr.data.speech_set import SpeechSet
    from jstasr.data.text_set import TextSet
    from jstasr.errors import JstasrError
    from jstasr.experiment.config import feature_settings, load_config
    from jstasr.experiment.data_record import DEV, PAIRED, UNPAIRED, describe
    from jstasr.experiment.files import IMAGES
    from jstasr.experiment.folder import prepare_folder
    from jstasr.experiment.initial import initial_weights
    from jstasr.features.cmvn import load_cmvn
    from jstasr.features.settings import PRETRAINED, kind_of, require_features
    from jstasr.kaldi.audio import parse_rate
    from jstasr.report.pictures import AlignmentPictures
    from jstasr.shards.index import local_folder
    from jstasr.text.tokens import PhoneList, build_tokenizer
    from jstasr.train.find_batch import find_batch
    from jstasr.train.loop import train
    from jstasr.train.precision import settle_precision
    from jstasr.train.processes import init_group_after_restart, on_first, parallel_fabric
    from jstasr.train.trackers import check_trackers

    if args.ngpu > 0 and not torch.cuda.is_available():
        raise JstasrError(f"--ngpu {args.ngpu}: PyTorch sees no GPU here. Use --ngpu 0, or look at `nvidia-smi`")
    train_dir, valid_dir = local_folder(args.train_dir), local_folder(args.valid_dir)
    tokenizer = build_tokenizer(args.token_list, args.bpe_model)
    phone_list = PhoneList.load(args.phone_list)
    config = load_config(args.config, args.overrides)
    check_trackers(config)
    config.sample_rate = parse_rate(args.fs)
    config.model.vocab_size, config.model.phone_size = len(tokenizer), len(phone_list)
    if config.model.encoder == PRETRAINED:
        use_encoder(config, train_dir)
    config.features.kind = config.features.kind or kind_of(train_dir)
    for folder in (train_dir, valid_dir):
        require_features(folder, feature_settings(config), "this training")
    cmvn = load_cmvn(args.cmvn)
    refusals = Refusals()
    speech = SpeechSet(train_dir, tokenizer, phone_list, refusals)
    dev = SpeechSet(valid_dir, tokenizer, phone_list, refusals)
    text = None
    if args.text_dir:
        text = TextSet.load([Path(folder) for folder in args.text_dir], tokenizer, phone_list, refusals)
    fabric = parallel_fabric(config, text is not None, args.ngpu, args.num_procs, args.num_nodes)
    init_group_after_restart(args.ngpu)
    fabric.launch()
    # the first process alone reads features; of dev all, as a validation that fails would fail at every restart
    checked = config.data.check_features if fabric.is_global_zero else 0
    for part, count in ((speech, checked), (dev, len(dev) if checked else 0)):
        part.check(config.model.num_mel_bins, count, refusals, headers=fabric.is_global_zero)
        if fabric.is_global_zero and not config.data.max_lost_shards:
            part.check_shards(refusals)
    on_first(fabric, refusals.raise_all)
    refusals.raise_all()
    if len(cmvn[0]) != config.model.num_mel_bins:
        raise JstasrError(
            f"{args.cmvn}: statistics of {len(cmvn[0])} dimensions, and model.num_mel_bins is "
            f"{config.model.num_mel_bins}. Extract the features again: --stage 5 --stop_stage 5"
        )
    expdir = Path(args.expdir)
    notes = [*notes, *settle_precision(config, expdir, speech, text, fabric)]
    if args.find_batch:
        find_batch(config, speech, text, cmvn, fabric, args.memory_gb)
        return 0

    def prepare() -> None:
        data = {PAIRED: describe(speech), UNPAIRED: describe(text), DEV: describe(dev)}
        if config.data.join.share > 0:
            data["speakers"] = speech.speakers_fingerprint
        prepare_folder(expdir, config, args.token_list, args.bpe_model, args.phone_list, data)

    on_first(fabric, prepare)
    pictures = AlignmentPictures(dev, phone_list, expdir / IMAGES)
    initial = (
        partial(initial_weights, source=args.init, ignore_mismatch=args.ignore_init_mismatch) if args.init else None
    )
    check_lock = lock.check if lock is not None else None
    train(config, speech, text, dev, tokenizer, cmvn, expdir, fabric, pictures.draw, initial, stop, check_lock, notes)
    return 0
