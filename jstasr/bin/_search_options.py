"""Options of the search, which the commands that decode, that tune and that pack have in common."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from jstasr.kaldi.data_dir import UTT2LANG

if TYPE_CHECKING:
    from pathlib import Path

    from jstasr.experiment.search import SearchConfig


def add_search_options(parser: ArgumentParser, own: str) -> None:
    """--config, --set, --lm, --nnlm and --hotwords; own: what the settings are without --config."""
    add_setting_options(parser, own)
    add_lm_options(parser)
    parser.add_argument(
        "--hotwords",
        metavar="FILE",
        help="names and phrases to be expected, one a line, ` :BOOST` behind it if it has one",
    )


def add_lm_options(parser: ArgumentParser) -> None:
    """--lm and --nnlm."""
    parser.add_argument("--lm", help="ARPA language model over the model's tokens; see `jstasr lm`")
    parser.add_argument("--nnlm", help="neural language model over them, beside --lm or alone; see `jstasr nnlm`")


def add_setting_options(parser: ArgumentParser, own: str) -> None:
    """--config and --set; own: what the settings are without --config."""
    parser.add_argument("--config", help=f"YAML file of the search: search, beam_size, ... (default: {own})")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a value of the search configuration; repeatable",
    )


def search_settings(args: Namespace, own: "SearchConfig | None" = None) -> "SearchConfig":
    """The settings that these options and --lang give; without --config they change `own`, or else the defaults."""
    import sys
    from dataclasses import replace

    from jstasr.decode.hotwords import read_hotwords
    from jstasr.experiment.search import external_weight, load_search_config, with_hotwords

    config = load_search_config(args.config, args.overrides, args.lm, own, args.nnlm)
    if 0 < config.internal_lm_weight >= external_weight(config):
        print(
            f"warning: internal_lm_weight {config.internal_lm_weight} is not below the external weight, "
            f"{external_weight(config):g}: the search may prefer words that no text holds; about half is usual",
            file=sys.stderr,
        )
    if args.hotwords:
        config = with_hotwords(use_beam(config, "--hotwords"), read_hotwords(args.hotwords))
    return replace(config, lang=args.lang) if args.lang else config


def use_beam(config: "SearchConfig", option: str) -> "SearchConfig":
    """The settings with beam search; says so where that is another search, and which option asks for it."""
    import sys
    from dataclasses import replace

    from jstasr.experiment.search import BEAM

    if config.search != BEAM:
        print(f"{option}: beam search in the place of {config.search} search", file=sys.stderr)
    return replace(config, search=BEAM)


def given_languages(lang: str, folder: "Path", ids: list[str]) -> dict[str, str] | None:
    """Utterance -> the language that --lang gives it, "utt2lang" its own; None: the model recognises the language.

    Raises:
        JstasrError: utt2lang of the folder is asked for, and cannot be read.
    """
    from jstasr.kaldi.tables import read_table

    if lang == UTT2LANG:
        return read_table(folder / UTT2LANG)
    return dict.fromkeys(ids, lang) if lang else None


def given_modes(mode: str) -> list[str]:
    """The decoders of --mode, each once.

    Raises:
        JstasrError: a name that is no decoder's.
    """
    from jstasr.errors import JstasrError

    modes = list(dict.fromkeys(mode.split(",")))
    for name in modes:
        if name not in ("streaming", "full"):
            raise JstasrError(f"--mode {name}: must be streaming or full, or both by comma")
    return modes
