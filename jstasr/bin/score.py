"""Score hypotheses against references as NIST's sclite does, with intervals; or compare two scored systems."""

HELP = "score hypotheses as sclite does, with intervals; or compare two systems"


def add_arguments(parser):
    parser.add_argument("--ref-trn", metavar="FILE", help="references: lines `word word (speaker-utterance)`")
    parser.add_argument("--hyp-trn", metavar="FILE", help="hypotheses, likewise")
    parser.add_argument(
        "--ref-text", metavar="FILE", help="references: a Kaldi text file (instead of --ref-trn)"
    )
    parser.add_argument("--hyp-text", metavar="FILE", help="hypotheses: the decoder's text (TER: token) file")
    parser.add_argument("--utt2spk", metavar="FILE", help="speakers of --ref-text")
    parser.add_argument(
        "--utt2lang", metavar="FILE", help="languages: error rates by language, CER without spaces"
    )
    parser.add_argument(
        "--lang", metavar="CODE", help="language of all utterances, where there is no utt2lang"
    )
    parser.add_argument(
        "--token-type",
        choices=["word", "char", "token"],
        default="word",
        help="WER, CER or TER (default: word)",
    )
    parser.add_argument(
        "--token-list", metavar="FILE", help="tokens.txt: how references become tokens for TER"
    )
    parser.add_argument(
        "--bpe-model", metavar="FILE", help="sentencepiece model (default: beside --token-list)"
    )
    parser.add_argument(
        "--cleaner", default="none", metavar="NAME", help="none or basic: applied to both sides"
    )
    parser.add_argument(
        "--group", action="append", default=[], metavar="UTT2X", help="error rates by group; repeatable"
    )
    parser.add_argument("--wav-scp", metavar="FILE", help="audio paths for the list of the worst utterances")
    parser.add_argument("--allow-missing", action="store_true", help="score missing hypotheses as deletions")
    parser.add_argument(
        "--bootstrap", type=int, default=1000, metavar="N", help="replicates (default: 1000; 0: none)"
    )
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="compare two folders that score wrote")
    parser.add_argument("--outdir", metavar="DIR", help="where the reports go")


def run(args):
    from jstasr.errors import JstasrError

    if args.bootstrap < 0:
        raise JstasrError(f"--bootstrap {args.bootstrap}: must be 0 or more")
    if args.compare:
        return _compare(args)
    if not args.outdir:
        raise JstasrError("--outdir is missing: where should the reports go?")
    if bool(args.ref_trn) != bool(args.hyp_trn) or bool(args.ref_text) != bool(args.hyp_text):
        raise JstasrError(
            "references and hypotheses go together: --ref-trn with --hyp-trn, --ref-text with --hyp-text"
        )
    if bool(args.ref_trn) == bool(args.ref_text):
        raise JstasrError("give either --ref-trn and --hyp-trn, or --ref-text, --hyp-text and --utt2spk")
    if args.ref_text and not args.utt2spk:
        raise JstasrError("--utt2spk is missing: --ref-text needs the speakers")
    return _score_trn(args) if args.ref_trn else _score_text(args)


def _score_trn(args):
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.score.scoring import (
        align_transcripts,
        build_result,
        copy_transcripts,
        read_groups,
        write_report,
    )
    from jstasr.score.trn import read_bytes

    unused = [name for name in ("utt2spk", "token_list", "bpe_model") if getattr(args, name)]
    if unused or args.cleaner != "none":
        names = ["--" + name.replace("_", "-") for name in unused] + ["--cleaner"] * (args.cleaner != "none")
        raise JstasrError(f"{', '.join(names)}: only with --ref-text; a trn file is scored as it is")
    alignment, missing = align_transcripts(
        read_bytes(args.ref_trn), read_bytes(args.hyp_trn), args.ref_trn, args.hyp_trn, args.allow_missing
    )
    groups = read_groups([*([args.utt2lang] if args.utt2lang else []), *args.group], alignment)
    copy_transcripts(args.outdir, args.ref_trn, args.hyp_trn, missing)
    names = [name[1:-1].decode() for name in missing]
    result = build_result(
        alignment, args.token_type, "none", names, groups, None, _audio(args), args.bootstrap
    )
    write_report(args.outdir, alignment, result, Path(args.hyp_trn).name)
    _announce(result, args.outdir)


def _score_text(args):
    from pathlib import Path

    from jstasr.data.io import atomic_write
    from jstasr.score.prepare import prepare_kaldi
    from jstasr.score.scoring import align_transcripts, build_result, read_groups, write_report

    prepared = prepare_kaldi(
        args.ref_text,
        args.hyp_text,
        args.utt2spk,
        token_type=args.token_type,
        cleaner=args.cleaner,
        utt2lang=args.utt2lang,
        language=args.lang,
        token_list=args.token_list,
        bpe_model=args.bpe_model,
        allow_missing=args.allow_missing,
    )
    alignment, _ = align_transcripts(
        prepared.ref_trn, prepared.hyp_trn, args.ref_text, args.hyp_text, allow_alternations=True
    )
    paths = [*([args.utt2lang] if args.utt2lang else []), *args.group]
    groups = read_groups(paths, alignment, prepared.utterances)
    result = build_result(
        alignment,
        args.token_type,
        args.cleaner if args.token_type != "token" else "none",
        prepared.missing,
        groups,
        prepared.utterances,
        _audio(args),
        args.bootstrap,
    )
    files = {
        "ref.trn": prepared.ref_trn,
        "hyp.trn": prepared.hyp_trn,
        "ref.raw.trn": prepared.raw_ref_trn,
        "hyp.raw.trn": prepared.raw_hyp_trn,
    }
    for name, content in files.items():
        with atomic_write(Path(args.outdir) / name, "wb") as file:
            file.write(content)
    write_report(args.outdir, alignment, result, "hyp.trn")
    _announce(result, args.outdir)


def _audio(args):
    if not args.wav_scp:
        return None
    from jstasr.data.kaldi import read_table

    return read_table(args.wav_scp)


def _announce(result, outdir):
    total, interval = result["total"], result["intervals"]["utterance"]
    rate = "n/a" if total["error_rate"] is None else f"{total['error_rate']:.2f}%"
    sure = f" [{interval['low']:.2f}, {interval['high']:.2f}]" if interval else ""
    print(
        f"{result['measure']} {rate}{sure}, {total['sentences']} utterances, {total['words']} {result['unit']}: {outdir}"
    )
    if result["missing"]["count"]:
        from jstasr.score.analysis import missing_note

        print(missing_note(result["missing"]))


def _compare(args):
    from jstasr.score.compare import compare_folders, comparison_table, write_comparison

    result = compare_folders(*args.compare, replicates=args.bootstrap)
    comparison_table(result)
    if args.outdir:
        write_comparison(args.outdir, result)
