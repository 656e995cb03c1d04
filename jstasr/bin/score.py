"""Score hypotheses against references as NIST's sclite does; or compare two scored systems."""

from argparse import ArgumentParser, Namespace

HELP = "score hypotheses as sclite does, with intervals; or compare two systems"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ref-trn", metavar="FILE", help="references: lines `word word (speaker-utterance)`")
    parser.add_argument("--hyp-trn", metavar="FILE", help="hypotheses, likewise")
    parser.add_argument("--ref-text", metavar="FILE", help="references: a Kaldi text file (instead of --ref-trn)")
    parser.add_argument("--hyp-text", metavar="FILE", help="hypotheses: the decoder's text (TER: token) file")
    parser.add_argument("--utt2spk", metavar="FILE", help="speakers of --ref-text")
    parser.add_argument("--utt2lang", metavar="FILE", help="languages: error rates by language, CER without spaces")
    parser.add_argument("--lang", metavar="CODE", help="language of all utterances, where there is no utt2lang")
    parser.add_argument(
        "--token-type",
        choices=["word", "char", "token"],
        default="word",
        help="WER, CER or TER (default: word)",
    )
    parser.add_argument("--token-list", metavar="FILE", help="tokens.txt: how references become tokens for TER")
    parser.add_argument("--bpe-model", metavar="FILE", help="sentencepiece model (default: beside --token-list)")
    parser.add_argument("--cleaner", default="none", metavar="NAME", help="none or basic: applied to both sides")
    parser.add_argument(
        "--group", action="append", default=[], metavar="UTT2X", help="error rates by group; repeatable"
    )
    parser.add_argument("--wav-scp", metavar="FILE", help="audio paths for the list of the worst utterances")
    parser.add_argument("--allow-missing", action="store_true", help="score missing hypotheses as deletions")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="replicates (default: 1000; 0: none)")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="compare two folders that score wrote")
    parser.add_argument("--outdir", metavar="DIR", help="where the reports go")


def run(args: Namespace) -> None:
    from jstasr.errors import JstasrError

    if args.bootstrap < 0:
        raise JstasrError(f"--bootstrap {args.bootstrap}: must be 0 or more")
    if args.compare:
        return _compare(args)
    if not args.outdir:
        raise JstasrError("--outdir is missing: where should the reports go?")
    for one, other in (("ref_trn", "hyp_trn"), ("ref_text", "hyp_text"), ("ref_text", "utt2spk")):
        if bool(getattr(args, one)) != bool(getattr(args, other)):
            raise JstasrError(f"{_option(one)} and {_option(other)} go together; give both or neither")
    if bool(args.ref_trn) == bool(args.ref_text):
        raise JstasrError("give --ref-trn and --hyp-trn, or --ref-text, --hyp-text and --utt2spk")
    return _score_trn(args) if args.ref_trn else _score_text(args)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _groups(args: Namespace) -> list[str]:
    return [*([args.utt2lang] if args.utt2lang else []), *args.group]


def _score_trn(args: Namespace) -> None:
    from jstasr.errors import JstasrError
    from jstasr.score.scoring import headline, score_trn

    unused = [_option(name) for name in ("token_list", "bpe_model", "lang") if getattr(args, name)]
    unused += ["--cleaner"] if args.cleaner != "none" else []
    if unused:
        raise JstasrError(f"{', '.join(unused)}: only with --ref-text; a trn file is scored as it is")
    result = score_trn(
        args.ref_trn,
        args.hyp_trn,
        args.outdir,
        token_type=args.token_type,
        group_paths=_groups(args),
        wav_scp=args.wav_scp,
        allow_missing=args.allow_missing,
        replicates=args.bootstrap,
    )
    print(headline(result, args.outdir))


def _score_text(args: Namespace) -> None:
    from jstasr.score.prepare import prepare_kaldi
    from jstasr.score.scoring import headline, score_prepared
    from jstasr.text.language_codes import canonical_code

    prepared = prepare_kaldi(
        args.ref_text,
        args.hyp_text,
        args.utt2spk,
        token_type=args.token_type,
        cleaner=args.cleaner,
        utt2lang=args.utt2lang,
        language=canonical_code(args.lang, "--lang") if args.lang else None,
        token_list=args.token_list,
        bpe_model=args.bpe_model,
        allow_missing=args.allow_missing,
    )
    result = score_prepared(
        prepared,
        args.outdir,
        args.token_type,
        "none" if args.token_type == "token" else args.cleaner,
        group_paths=_groups(args),
        wav_scp=args.wav_scp,
        replicates=args.bootstrap,
    )
    print(headline(result, args.outdir))


def _compare(args: Namespace) -> None:
    from jstasr.score.compare import compare_folders, print_comparison, write_comparison

    result = compare_folders(*args.compare, replicates=args.bootstrap)
    print_comparison(result)
    if args.outdir:
        write_comparison(args.outdir, result)
