"""Write audio at one rate, cut into utterances: stage 2 of a recipe."""

from argparse import ArgumentParser, Namespace

HELP = "write the audio of a data directory as mono files at one rate, cut into utterances"


def add_arguments(parser: ArgumentParser) -> None:
    from jstasr.bin._job_options import add_job_arguments

    parser.add_argument("--data-dir", required=True, help="Kaldi data directory")
    parser.add_argument("--outdir", required=True, help="folder of the formatted set")
    parser.add_argument("--fs", default="16k", help="sampling rate, as in 16k or 16000")
    parser.add_argument("--min-seconds", type=float, help="leave out shorter utterances (not of test sets)")
    parser.add_argument("--max-seconds", type=float, help="leave out longer utterances (not of test sets)")
    parser.add_argument("--max-rate", type=float, help="leave out utterances with more characters a second")
    parser.add_argument("--channel", help="channel to take, from 1, where a recording has several; mix: their mean")
    parser.add_argument("--cleaner", default="none", help="normalisation of the transcripts: none or basic")
    parser.add_argument(
        "--nlsyms", nargs="+", default=[], help="non-linguistic symbols to take out: files, or with commas between"
    )
    parser.add_argument("--audio-format", choices=("wav", "flac"), default="wav", help="of the files that are written")
    parser.add_argument("--lang", help="language for the cleaner where there is no utt2lang")
    parser.add_argument("--allow-empty-text", action="store_true", help="accept empty transcripts")
    parser.add_argument("--nj", type=int, default=1, help="processes")
    add_job_arguments(parser)


def run(args: Namespace) -> None:
    from jstasr.bin._job_options import check_job_arguments, lock_for_job

    check_job_arguments(args)
    with lock_for_job(args):
        format_audio(args)


def format_audio(args: Namespace) -> None:
    """Format a part, or all, or join the parts."""
    from pathlib import Path

    from jstasr.corpus.format_audio import DROPPED, FormatPlan, format_part, merge_parts
    from jstasr.kaldi.audio import parse_channel, parse_rate
    from jstasr.kaldi.data_dir import UTT2LANG, DataDir
    from jstasr.kaldi.data_share import data_share
    from jstasr.text.language_codes import canonical_code, canonical_table
    from jstasr.text.nlsyms import read_symbols, take_out_of
    from jstasr.text.normalize import clean_table, describe_left_out, left_out_signs

    if args.job is not None:
        data = data_share(args.data_dir, args.job, args.num_jobs, args.allow_empty_text)
    else:
        data = DataDir(args.data_dir, allow_empty_text=args.allow_empty_text)
        data.check()
    channel = parse_channel(args.channel) if args.channel else None
    plan = FormatPlan(Path(args.outdir), parse_rate(args.fs), channel, args.audio_format)
    # Before the audio work: what is no language, and transcripts that the cleaner leaves empty are refused here, by a
    # job those of its share.
    language = canonical_code(args.lang, "--lang") if args.lang else None
    utt2lang = canonical_table(data.utt2lang, str(data.path / UTT2LANG)) if data.utt2lang is not None else None
    words, wordless = take_out_of(data.text, read_symbols(args.nlsyms))
    spoken = {utterance: text for utterance, text in words.items() if utterance not in wordless}
    texts = clean_table(spoken, args.cleaner, utt2lang, language, str(data.path), args.allow_empty_text)
    texts |= dict.fromkeys(wordless, "")
    if args.job is not None:
        count = format_part(plan, data, args.job, args.nj)
        print(f"{args.data_dir}: part {args.job} of {args.num_jobs}, {count} utterances")
        return
    lost = describe_left_out(left_out_signs(words, args.cleaner, utt2lang, language))
    if lost:
        print(f"{args.data_dir}: {lost}")
    if not args.merge:
        format_part(plan, data, 1, args.nj)
    num_jobs = args.num_jobs if args.merge else 1
    kept, dropped = merge_parts(plan, data, texts, num_jobs, args.min_seconds, args.max_seconds, args.max_rate)
    print(f"{args.outdir}: {kept} utterances at {plan.rate} Hz")
    if wordless and not args.allow_empty_text:
        print(f"left out {len(wordless)} without a word beside non-linguistic symbols")
    dropped = dropped.keys() - (set() if args.allow_empty_text else wordless)
    if dropped:
        print(f"left out {len(dropped)} too short, too long or too fast, listed in {args.outdir}/{DROPPED}")
