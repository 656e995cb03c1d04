"""Decode a data set with the streaming and the full-context decoder."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_search_options
from jstasr.experiment.files import AVERAGED

HELP = "decode a set with the streaming and the full-context decoder"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> or a packed zip")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--data-dir", required=True, help="dump/fbank/<set>, or a folder or URL of shards")
    add_search_options(parser, "as `jstasr transcribe` searches")
    parser.add_argument(
        "--lang", help="language given to a multilingual model: its code, or utt2lang for the file of the data folder"
    )
    parser.add_argument("--mode", default="streaming,full", help="decoders, by comma (default: streaming,full)")
    parser.add_argument("--outdir", required=True, help="writes <outdir>/<mode>/logdir/{text,token,score}.<job>")
    parser.add_argument("--job", type=int, default=1, help="part of the set to decode, from 1")
    parser.add_argument("--num-jobs", type=int, default=1, help="number of parts of the set")
    parser.add_argument("--ngpu", type=int, default=0, help="1: decode on the GPU")
    parser.add_argument(
        "--keep-search", action="store_true", help="leave these search settings in exp/<tag> for `jstasr transcribe`"
    )


def run(args: Namespace) -> None:
    from contextlib import ExitStack

    from jstasr.bin._search_options import given_modes
    from jstasr.errors import JstasrError
    from jstasr.kaldi.locks import locked_part

    modes = given_modes(args.mode)
    if not 1 <= args.job <= args.num_jobs:
        raise JstasrError(f"--job {args.job}: must lie in 1 .. {args.num_jobs} (--num-jobs)")
    with ExitStack() as locks:
        for mode in modes:
            locks.enter_context(locked_part(args.outdir, f"{mode}-{args.job}"))
        decode(args, modes)


def decode(args: Namespace, modes: list[str]) -> None:
    """Decode one part of a set."""
    import sys
    from pathlib import Path

    from jstasr.bin._search_options import given_languages, search_settings
    from jstasr.decode.decode_set import decode_set, write_hypotheses
    from jstasr.errors import JstasrError
    from jstasr.experiment.language_model import load_external_lm
    from jstasr.experiment.load import Experiment
    from jstasr.experiment.search import write_recipe_search
    from jstasr.kaldi.tables import read_table
    from jstasr.shards.index import local_folder

    folder, outdir = local_folder(args.data_dir), Path(args.outdir)
    if args.keep_search and not Path(args.expdir).is_dir():
        raise JstasrError(
            f"--keep-search: {args.expdir} is not a folder; `jstasr pack` makes a zip with other settings"
        )
    ids = sorted(read_table(folder / "utt2num_frames"))[args.job - 1 :: args.num_jobs]
    if not ids:
        raise JstasrError(f"{folder}: part {args.job} of {args.num_jobs} is empty. Use fewer --inference_nj")
    device = "cuda" if args.ngpu else "cpu"
    experiment = Experiment.load(args.expdir, args.model, device, own_search=args.config is None)
    config = search_settings(args, experiment.search)
    if config.nbest > 1:
        raise JstasrError(
            f"nbest: {config.nbest}: `jstasr decode` writes one text an utterance; use `jstasr transcribe`"
        )
    tokens = experiment.tokenizer.token_list.tokens
    language_model = load_external_lm(args.lm, args.nnlm, tokens, device) or experiment.language_model
    languages = given_languages(config.lang, folder, ids)

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    found, speed = decode_set(experiment, folder, ids, modes, config, progress, language_model, languages)
    for mode in modes:
        write_hypotheses(outdir / mode / "logdir", f".{args.job}", experiment, found[mode])
    if args.keep_search and args.job == 1:
        write_recipe_search(Path(args.expdir), config, args.lm, args.nnlm)
    progress(
        f"{len(ids)} utterances, {speed.audio:.0f} s of audio in {speed.elapsed:.1f} s, "
        f"real-time factor {speed.real_time_factor:.4f} ({', '.join(modes)} together)"
    )
