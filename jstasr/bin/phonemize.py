"""`jstasr phonemize`: stage 3 of a recipe."""

HELP = "turn transcripts into phonemes, or make the list of all phonemes"


def add_arguments(parser):
    parser.add_argument("--data-dir", help="folder with text [utt2lang]")
    parser.add_argument("--outdir", help="folder for phones text [utt2lang]; may be --data-dir")
    parser.add_argument("--text", help="instead of folders: one table of transcripts ...")
    parser.add_argument("--utt2lang", help="... the languages of its utterances ...")
    parser.add_argument("--output", help="... and where its phones (or the list of --make-list) go")
    parser.add_argument("--lang", help="language of utterances that utt2lang does not name")
    parser.add_argument(
        "--g2p",
        default="auto",
        help="what speaks: auto (espeak where it knows the language, else letters), espeak, grapheme, lexicon (an "
        "error lists words outside it), or lexicon+grapheme, lexicon+espeak (these are read otherwise)",
    )
    parser.add_argument("--lexicon", help="file of --g2p lexicon: lines `word phone phone ...`")
    parser.add_argument("--cleaner", default="none", help="normalisation of the transcripts: none or basic")
    parser.add_argument(
        "--drop-unspoken", action="store_true", help="leave out utterances without a phoneme (text sets)"
    )
    parser.add_argument("--nj", type=int, default=1, help="processes")
    parser.add_argument("--make-list", nargs="+", metavar="PHONES", help="list all phones of these files in --output")


def run(args):
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.kaldi.tables import read_table, write_table
    from jstasr.text.g2p import G2p, choose_method
    from jstasr.text.normalize import clean_table
    from jstasr.text.phone_files import languages_of, phone_list_of, phonemize_table, refuse_unspoken

    if bool(args.data_dir) + bool(args.text) + bool(args.make_list) != 1:
        raise JstasrError("give one of --data-dir (with --outdir), --text or --make-list (with --output)")
    if args.make_list:
        phone_list = phone_list_of(args.make_list)
        phone_list.save(_needed(args.output, "--output"))
        print(f"{args.output}: {len(phone_list)} symbols")
        return

    if args.data_dir:
        source, target = Path(args.data_dir), Path(_needed(args.outdir, "--outdir"))
        text_path, lang_path, phones_path = source / "text", source / "utt2lang", target / "phones"
    else:
        text_path, lang_path = Path(args.text), Path(args.utt2lang) if args.utt2lang else None
        phones_path = Path(_needed(args.output, "--output"))
    if lang_path and (args.utt2lang or lang_path.exists()):
        utt2lang = read_table(lang_path)
    else:
        utt2lang = None

    raw = read_table(text_path, allow_empty=args.drop_unspoken)
    texts = clean_table(raw, args.cleaner, utt2lang, args.lang, text_path, args.drop_unspoken)
    languages = languages_of(texts, utt2lang, args.lang)
    g2p = G2p(args.g2p, args.lexicon or None, args.cleaner)
    for language in sorted(set(languages.values())):
        choice = choose_method(g2p, language)
        print(f"{text_path}: phonemes of {language}: {choice.method} ({choice.reason})")
    phones = phonemize_table(texts, languages, args.nj, g2p, text_path)
    if not args.drop_unspoken:
        refuse_unspoken(phones, texts, text_path)
    kept = {utterance: line for utterance, line in phones.items() if line}
    if not kept:
        raise JstasrError(f"{text_path}: no utterance has a phoneme")
    if args.data_dir:
        _write_texts(source, target, {utterance: texts[utterance] for utterance in kept}, raw, utt2lang)
    write_table(phones_path, kept)
    print(f"{phones_path}: {len(kept)} utterances")
    if len(kept) < len(phones):
        print(f"left out {len(phones) - len(kept)} without phonemes")


def _needed(value, option):
    from jstasr.errors import JstasrError

    if not value:
        raise JstasrError(f"{option} is missing")
    return value


def _write_texts(source, target, texts, raw, utt2lang):
    """The transcripts that have phones, beside them; nothing where that would change nothing."""
    from jstasr.errors import JstasrError
    from jstasr.kaldi.tables import write_table

    if target.resolve() == source.resolve():
        if texts == {utterance: " ".join(text.split()) for utterance, text in raw.items()}:
            return
        if (source / "wav.scp").exists():
            raise JstasrError(f"{source}: would change the transcripts of recordings; use another --outdir")
    write_table(target / "text", texts)
    if utt2lang is not None:
        write_table(target / "utt2lang", {utterance: utt2lang[utterance] for utterance in texts})
