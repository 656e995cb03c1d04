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
    from pathlib import Path

    from jstasr.bin._job_options import check_job_arguments
    from jstasr.corpus.format_audio import DROPPED, FormatPlan, format_part, merge_parts
    from jstasr.kaldi.audio import parse_channel, parse_rate
    from jstasr.kaldi.data_dir import DataDir
    from jstasr.text.nlsyms import read_symbols, take_out_of
    from jstasr.text.normalize import clean_table, describe_left_out, left_out_signs

    check_job_arguments(args)
    data = DataDir(args.data_dir, allow_empty_text=args.allow_empty_text)
    data.check()
    channel = parse_channel(args.channel) if args.channel else None
    plan = FormatPlan(Path(args.outdir), parse_rate(args.fs), channel, args.audio_format)
    words, wordless = take_out_of(data.text, read_symbols(args.nlsyms))
    # Before hours of audio work: transcripts that the cleaner leaves empty are refused here.
    spoken = {utterance: text for utterance, text in words.items() if utterance not in wordless}
    texts = clean_table(spoken, args.cleaner, data.utt2lang, args.lang, str(data.path), args.allow_empty_text)
    texts |= dict.fromkeys(wordless, "")
    num_jobs = args.num_jobs
    lost = describe_left_out(left_out_signs(words, args.cleaner, data.utt2lang, args.lang))
    if lost and args.job is None:
        print(f"{args.data_dir}: {lost}")
    if args.job is not None:
        count = format_part(plan, data, args.job, num_jobs, args.nj)
        print(f"{args.data_dir}: part {args.job} of {num_jobs}, {count} utterances")
        return
    if not args.merge:
        num_jobs = 1
        format_part(plan, data, 1, 1, args.nj)
    kept, dropped = merge_parts(plan, data, texts, num_jobs, args.min_seconds, args.max_seconds, args.max_rate)
    print(f"{args.outdir}: {kept} utterances at {plan.rate} Hz")
    if wordless and not args.allow_empty_text:
        print(f"left out {len(wordless)} without a word beside non-linguistic symbols")
    dropped = dropped.keys() - (set() if args.allow_empty_text else wordless)
    if dropped:
        print(f"left out {len(dropped)} too short, too long or too fast, listed in {args.outdir}/{DROPPED}")
