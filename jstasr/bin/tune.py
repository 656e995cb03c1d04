"""Choose the weights of language model fusion on the dev set."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_lm_options, add_setting_options
from jstasr.experiment.files import AVERAGED

COARSE_UTTERANCES = 100  # for the neighbourhood of the best weights, before all decide
HELP = "choose the weights of a language model, and the length bonus, by the errors on a dev set"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> or a packed zip")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--data-dir", required=True, help="dump/fbank/<dev set>; never a test set")
    add_lm_options(parser)
    add_setting_options(parser, "the defaults; weights are not used")
    parser.add_argument("--lang", help="as for `jstasr decode`")
    parser.add_argument("--mode", default="streaming,full", help="decoders, by comma (default: streaming,full)")
    parser.add_argument(
        "--utterances", type=int, default=300, metavar="N", help="only N, evenly spread; 0: all (default: 300)"
    )
    parser.add_argument("--nj", type=int, default=1, help="processes that share decoders and batches (default: 1)")
    parser.add_argument("--output", required=True, help="YAML file to write, for `jstasr decode --config`")
    parser.add_argument("--ngpu", type=int, default=0, help="1: decode on the GPU")


def run(args: Namespace) -> None:
    import sys
    from pathlib import Path

    from omegaconf import OmegaConf

    from jstasr.bin._search_options import given_languages, given_modes
    from jstasr.data.subset import spread_subset
    from jstasr.decode.decode_set import read_batches
    from jstasr.decode.tune import TUNED, EncodedBatch, shown_weights, tune
    from jstasr.errors import JstasrError
    from jstasr.experiment.language_model import load_external_lm
    from jstasr.experiment.load import Experiment, require_modes
    from jstasr.experiment.search import BEAM, load_search_config
    from jstasr.kaldi.files import atomic_write
    from jstasr.kaldi.locks import locked_file
    from jstasr.kaldi.tables import read_table

    folder, output = Path(args.data_dir), Path(args.output)
    modes = given_modes(args.mode)
    if args.utterances < 0:
        raise JstasrError(f"--utterances {args.utterances}: must be 0 or more")
    if args.nj < 1 or (args.nj > 1 and args.ngpu):
        raise JstasrError(f"--nj {args.nj}: must be 1 or more, and 1 with --ngpu 1")
    config = load_search_config(args.config, [*args.overrides, f"search={BEAM}", *(f"{name}=0" for name in TUNED)])
    config.lang = args.lang or config.lang
    references = {utt: text for utt, text in read_table(folder / "text", allow_empty=True).items() if text}
    ids = sorted(references.keys() & read_table(folder / "utt2num_frames").keys())
    if not ids:
        raise JstasrError(f"{folder}: holds no utterance with features and a transcript")
    ids = [ids[i] for i in spread_subset(len(ids), args.utterances)]
    device = "cuda" if args.ngpu else "cpu"
    experiment = Experiment.load(args.expdir, args.model, device, own_search=False)
    language_model = load_external_lm(args.lm, args.nnlm, experiment.tokenizer.token_list.tokens, device)
    if language_model is None:
        raise JstasrError("no language model whose weight could be chosen: give --lm lm.arpa, --nnlm nnlm.pt, or both")
    languages = given_languages(config.lang, folder, ids)
    require_modes(experiment, modes)
    coarse = [ids[i] for i in spread_subset(len(ids), COARSE_UTTERANCES)]
    others = sorted(set(ids) - set(coarse))

    def encoded(part: list[str]) -> list[EncodedBatch]:
        read = read_batches(experiment, folder, part, config.batch_frames, languages)
        return [EncodedBatch(batch.ids, batch.encode(experiment.model), batch.start) for batch in read]

    first, rest = encoded(coarse), encoded(others) if others else []

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    tuned = tune(
        experiment.model,
        experiment.tokenizer,
        [*first, *rest],
        references,
        modes,
        config,
        language_model,
        progress,
        num_coarse=len(first),
        processes=args.nj,
    )
    best = ", ".join(f"{name} {getattr(tuned.config, name)}" for name in shown_weights(language_model))
    figures = f"{tuned.measure} {tuned.without:.1f}% without the language model, {tuned.with_lm:.1f}% with it"
    with locked_file(output), atomic_write(output) as file:
        file.write(f"# {best}, chosen on {len(ids)} utterances of {folder}: {figures} ({', '.join(modes)})\n")
        file.write(OmegaConf.to_yaml(OmegaConf.structured(tuned.config)))
    print(f"{output}: {best}; {folder.name}: {figures}")
