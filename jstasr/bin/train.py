"""Train a joint speech-text model."""

from argparse import ArgumentParser, Namespace

HELP = "train a model on paired speech and unpaired text; continues a run that was stopped"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", help="YAML file over the defaults; see docs/reference/config.md")
    parser.add_argument("--train-dir", required=True, help="dump/fbank/<set> of the paired speech")
    parser.add_argument("--valid-dir", required=True, help="dump/fbank/<set> of the dev set, to choose checkpoints")
    parser.add_argument("--text-dir", action="append", default=[], help="dump/text/<set> of unpaired text; repeatable")
    parser.add_argument("--token-list", required=True, help="tokens.txt")
    parser.add_argument("--bpe-model", help="sentencepiece model of a bpe token list")
    parser.add_argument("--phone-list", required=True, help="phones.txt")
    parser.add_argument("--cmvn", required=True, help="cmvn.ark of the training set")
    parser.add_argument("--fs", default="16k", help="sampling rate of the features' audio: 8k, 16k, 44100 ...")
    parser.add_argument("--expdir", required=True, help="exp/<tag>, created if missing")
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs of this node; 0: the CPU")
    parser.add_argument(
        "--num-procs",
        type=int,
        default=1,
        help="without a GPU: data-parallel processes, each with its share of the cores",
    )
    parser.add_argument("--num-nodes", type=int, default=1, help="nodes, each with --ngpu GPUs")
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
    from pathlib import Path

    from jstasr.train.signals import REQUEUE_CODE, StoppedBySignal, mark_outcome

    try:
        with mark_outcome(Path(args.expdir)):
            return train_or_search(args)
    except StoppedBySignal:
        return REQUEUE_CODE


def train_or_search(args: Namespace) -> int:
    """Train, or find the batch size with --find-batch; the exit code."""
    from pathlib import Path

    import torch

    from jstasr.data.refusals import Refusals
    from jstasr.data.speech_set import SpeechSet
    from jstasr.data.text_set import TextSet
    from jstasr.errors import JstasrError
    from jstasr.experiment.config import load_config
    from jstasr.experiment.files import IMAGES
    from jstasr.experiment.folder import prepare_folder
    from jstasr.features.cmvn import load_cmvn
    from jstasr.kaldi.audio import parse_rate
    from jstasr.report.pictures import AlignmentPictures
    from jstasr.text.tokens import PhoneList, build_tokenizer
    from jstasr.train.find_batch import find_batch
    from jstasr.train.loop import train
    from jstasr.train.processes import init_group_after_restart, on_first, parallel_fabric

    if args.ngpu > 0 and not torch.cuda.is_available():
        raise JstasrError(f"--ngpu {args.ngpu}: PyTorch sees no GPU here. Use --ngpu 0, or look at `nvidia-smi`")
    tokenizer = build_tokenizer(args.token_list, args.bpe_model)
    phone_list = PhoneList.load(args.phone_list)
    config = load_config(args.config, args.overrides)
    config.sample_rate = parse_rate(args.fs)
    config.model.vocab_size, config.model.phone_size = len(tokenizer), len(phone_list)
    cmvn = load_cmvn(args.cmvn)
    refusals = Refusals()
    speech = SpeechSet(Path(args.train_dir), tokenizer, phone_list, refusals)
    dev = SpeechSet(Path(args.valid_dir), tokenizer, phone_list, refusals)
    text = None
    if args.text_dir:
        text = TextSet.load([Path(folder) for folder in args.text_dir], tokenizer, phone_list, refusals)
    fabric = parallel_fabric(config, text is not None, args.ngpu, args.num_procs, args.num_nodes)
    init_group_after_restart(args.ngpu)
    fabric.launch()
    # the first process alone reads features
    checked = config.data.check_features if fabric.is_global_zero else 0
    for part in (speech, dev):
        part.check(config.model.num_mel_bins, checked, refusals, headers=fabric.is_global_zero)
    on_first(fabric, refusals.raise_all)
    refusals.raise_all()
    if len(cmvn[0]) != config.model.num_mel_bins:
        raise JstasrError(
            f"{args.cmvn}: statistics of {len(cmvn[0])} dimensions, and model.num_mel_bins is "
            f"{config.model.num_mel_bins}. Extract the features again: --stage 5 --stop_stage 5"
        )
    expdir = Path(args.expdir)
    if args.find_batch:
        find_batch(config, speech, text, cmvn, fabric, args.memory_gb)
        return 0

    def prepare() -> None:
        data = {"paired speech": speech.fingerprint, "unpaired text": text.fingerprint if text else "none"}
        if config.data.join.share > 0:
            data["speakers"] = speech.speakers_fingerprint
        prepare_folder(expdir, config, args.token_list, args.bpe_model, args.phone_list, data)

    on_first(fabric, prepare)
    pictures = AlignmentPictures(dev, phone_list, expdir / IMAGES)
    train(config, speech, text, dev, tokenizer, cmvn, expdir, fabric, pictures.draw)
    return 0
