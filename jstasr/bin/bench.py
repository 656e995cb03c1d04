"""Measure speed and memory beside other implementations."""

from argparse import ArgumentParser, Namespace

HELP = "measure speed and memory beside other implementations"


def add_arguments(parser: ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    align = what.add_parser("align", help="the alignment core; peers: pip install '.[bench]'")
    align.add_argument("--sizes", default="25x10 100x40 250x100 1000x400 3000x1200", help="frames x positions")
    align.add_argument("--threads", default="1 2", help="numbers of threads to measure with")
    align.add_argument("--repeats", type=int, default=15, help="rounds at most; the median counts")
    align.add_argument("--seconds", type=float, default=10, help="no new round after so long, beyond the third")
    align.add_argument("--tables", default="sizes lengths memory", help="tables to print")
    align.add_argument("--device", help="cpu or cuda: from embeddings on this device to paths, and nothing else")
    align.add_argument("--json", help="with --device: write the figures to this file")
    train = what.add_parser("train", help="a training step on the CPU; peer: ESPnet's modules")
    train.add_argument("--threads", type=int, default=1, help="threads of each implementation")
    train.add_argument("--precisions", default="fp32 bf16", help="fp32 and bf16 (autocast)")
    train.add_argument("--batch", type=int, default=16, help="utterances of 4 s in a step")
    train.add_argument("--rounds", type=int, default=7, help="measurements of each implementation; the median counts")
    train.add_argument(
        "--espnet-python", default=None, help="python that imports espnet2, where this one does not: PATH"
    )
    train.add_argument(
        "--device", help="cpu or cuda: instead, the training of --config on this device, with all losses and its loader"
    )
    train.add_argument("--config", help="with --device: training configuration, a YAML file")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="with --device: override a value of the configuration; repeatable",
    )
    train.add_argument("--batch-frames", default="", help="with --device: batch sizes (default: that of --config)")
    train.add_argument("--steps", type=int, default=30, help="with --device: steps that are measured")
    train.add_argument("--utterances", type=int, default=2000, help="with --device: of the synthetic set")
    train.add_argument("--json", help="with --device: write the figures to this file")
    data = what.add_parser("data", help="memory and time of a synthetic training set of many utterances")
    data.add_argument("--utterances", type=int, default=1_000_000)
    data.add_argument("--batch-frames", type=int, default=40_000, help="padded frames of a batch")
    shards = what.add_parser("shards", help="time to the first batches of a synthetic set in shards")
    shards.add_argument("--shards", type=int, default=1000, help="of the set, about")
    shards.add_argument("--utterances", type=int, default=8000)
    shards.add_argument("--batch-frames", type=int, default=40_000, help="padded frames of a batch")
    shards.add_argument("--batches", type=int, default=10, help="that are read")
    shards.add_argument("--workers", type=int, default=1, help="processes that read them; 0: this one")
    step = what.add_parser("step", help="what the consistency loss costs in a training step on the CPU")
    step.add_argument("--threads", type=int, default=1)
    step.add_argument("--batch", type=int, default=16, help="utterances of 4 s, beside twice as many texts")
    step.add_argument("--rounds", type=int, default=9, help="at most; the median counts")
    step.add_argument("--seconds", type=float, default=60, help="no new round after so long, beyond the third")
    score = what.add_parser("score", help="scoring with the whole report; peers: sclite, jiwer")
    score.add_argument("--utterances", type=int, default=100_000, help="of the synthetic test set")
    score.add_argument("--words", type=int, default=20, help="of each reference")
    score.add_argument("--script", choices=["latin", "cyrillic"], default="latin", help="letters of the words")
    score.add_argument("--cleaner", default="basic", help="of jstasr score on Kaldi texts; also measured without")
    decode = what.add_parser("decode", help="decoding and streams of a trained model; peer: sherpa-onnx on its export")
    decode.add_argument("model", help="exp/<tag> or a packed zip")
    decode.add_argument("--data-dir", help="Kaldi data directory (default: dump/audio/test beside exp)")
    decode.add_argument("--utterances", type=int, default=100, help="of the set, evenly chosen, at most")
    decode.add_argument("--threads", default="1", help='numbers of threads, as in "1 2" (default: 1)')
    decode.add_argument("--rounds", type=int, default=5, help="measurements of each row; the median counts")
    decode.add_argument("--word-times", help="CTM file with the times of words (default: those of the full decode)")
    decode.add_argument("--stream-minutes", type=float, default=5.0, help="of the long stream, 2 or more; 0: none")
    decode.add_argument("--json", help="write the figures to this file")
    decode.add_argument("--output", help="beginning of the names of the tables: PATH.csv, PATH.md")
    low = what.add_parser(
        "lowresource", help="a pretrained encoder with jstasr on top, beside a CTC head on it; in a recipe's folder"
    )
    low.add_argument("--lang", required=True, help="language of the recipe's data")
    low.add_argument("--pretrained", required=True, help="pretrained speech encoder, as in the recipe's stage 5")
    low.add_argument("--seeds", default="1", help='as in "1 2 3" (default: 1)')
    low.add_argument("--systems", default="", help="some of: ctc ctc-finetuned speech text consistency (default: all)")
    low.add_argument("--run-options", default="", help='further options of run.sh, as in "--asr_config conf/mine.yaml"')
    low.add_argument("--asr-args", default="", help='options of each training, as in "--set optim.max_steps=1000"')
    low.add_argument("--rates", default="1e-3 3e-3 1e-2", help="learning rates of the CTC head")
    low.add_argument("--tuned-rates", default="3e-5 1e-4 3e-4", help="likewise, with a fine-tuned encoder")
    low.add_argument(
        "--minutes",
        type=float,
        help="of each training of a CTC head (default: as jstasr's longest of a seed)",
    )
    low.add_argument("--threads", type=int, help="of a CTC training (default: the machine's cores)")
    low.add_argument("--output", required=True, help="beginning of the names of the tables: PATH.csv, PATH.md ...")


def run(args: Namespace) -> None:
    runs = {
        "align": run_align,
        "train": run_train,
        "data": run_data,
        "shards": run_shards,
        "step": run_step,
        "score": run_score,
        "decode": run_decode,
    }
    runs["lowresource"] = run_lowresource
    runs[args.what](args)


def print_line(line: str) -> None:
    print(line, flush=True)


def run_train(args: Namespace) -> None:
    import sys

    from jstasr.bench import train
    from jstasr.bench.train_job import TrainJob
    from jstasr.errors import JstasrError

    precisions = args.precisions.split()
    if not precisions or not set(precisions) <= set(train.PRECISIONS):
        raise JstasrError(f"--precisions '{args.precisions}': expected some of {' '.join(train.PRECISIONS)}")
    if min(args.threads, args.batch, args.rounds) < 1:
        raise JstasrError("--threads, --batch and --rounds are at least 1")
    if args.device is not None:
        run_train_on_device(args, precisions)
        return
    train.run(
        TrainJob(batch=args.batch),
        args.threads,
        precisions,
        args.rounds,
        args.espnet_python or sys.executable,
        print_line,
    )


def run_train_on_device(args: Namespace, precisions: list[str]) -> None:
    from jstasr.bench import train_device
    from jstasr.errors import JstasrError

    if not args.config:
        raise JstasrError("--device: name a training configuration too, as in --config conf/train_base.yaml")
    sizes = args.batch_frames.split()
    if not all(size.isdigit() and int(size) > 0 for size in sizes) or min(args.steps, args.utterances) < 1:
        raise JstasrError("--batch-frames, --steps and --utterances are numbers, at least 1")
    found = train_device.run(
        args.config,
        args.overrides,
        args.device,
        precisions,
        [int(size) for size in sizes],
        args.steps,
        args.utterances,
        print_line,
    )
    write_json(args.json, found)


def write_json(path: str | None, found: object) -> None:
    """Write the figures to a file, where one is wanted."""
    import json

    from jstasr.kaldi.files import atomic_write

    if path:
        with atomic_write(path) as file:
            json.dump(found, file, indent=1)


def run_data(args: Namespace) -> None:
    from jstasr.bench import data
    from jstasr.errors import JstasrError

    if min(args.utterances, args.batch_frames) < 1:
        raise JstasrError("--utterances and --batch-frames are at least 1")
    data.run(args.utterances, args.batch_frames, print_line)


def run_shards(args: Namespace) -> None:
    from jstasr.bench import shards
    from jstasr.errors import JstasrError

    if min(args.shards, args.utterances, args.batch_frames, args.batches) < 1 or args.workers < 0:
        raise JstasrError("--shards, --utterances, --batch-frames and --batches are at least 1, --workers at least 0")
    shards.run(args.shards, args.utterances, args.batch_frames, args.batches, args.workers, print_line)


def parse_size(text: str) -> tuple[int, int]:
    """ "250x100" -> (250, 100), frames and positions; ValueError where these make no sense."""
    frames, positions = (int(count) for count in text.split("x"))
    if not frames >= positions >= 1:
        raise ValueError(text)
    return frames, positions


def run_align(args: Namespace) -> None:
    from jstasr.bench import align
    from jstasr.errors import JstasrError

    try:
        sizes = [parse_size(size) for size in args.sizes.split()]
        threads = [int(count) for count in args.threads.split()]
        if min(threads) < 1:
            raise ValueError
    except ValueError:
        raise JstasrError(
            f"--sizes '{args.sizes}' --threads '{args.threads}': expected sizes such as '250x100', with at least "
            "as many frames as positions, and numbers of threads"
        ) from None
    tables = args.tables.split()
    if not tables or not set(tables) <= set(align.TABLES):
        raise JstasrError(f"--tables '{args.tables}': expected some of {' '.join(align.TABLES)}")
    if args.device is not None:
        from jstasr.bench import align_device

        write_json(args.json, align_device.run(sizes, args.device, args.repeats, args.seconds, print_line))
        return
    align.check_peers()
    align.run(sizes, threads, args.repeats, args.seconds, print_line, tables)


def run_step(args: Namespace) -> None:
    from jstasr.bench import step
    from jstasr.errors import JstasrError

    if min(args.threads, args.batch, args.rounds) < 1:
        raise JstasrError("--threads, --batch and --rounds are at least 1")
    job = step.ConsistencyJob(batch=args.batch, texts=2 * args.batch)
    step.run(job, args.threads, args.rounds, args.seconds, print_line)


def run_score(args: Namespace) -> None:
    from jstasr.bench import score
    from jstasr.errors import JstasrError

    if min(args.utterances, args.words) < 1:
        raise JstasrError("--utterances and --words are at least 1")
    score.run(args.utterances, args.words, args.script, args.cleaner, print_line)


def run_decode(args: Namespace) -> None:
    import sys
    from dataclasses import asdict

    from jstasr.bench import decode
    from jstasr.errors import JstasrError

    threads = args.threads.split()
    if not threads or not all(count.isdigit() and int(count) > 0 for count in threads):
        raise JstasrError(f"--threads '{args.threads}': expected numbers of threads, as in '1 2'")
    if min(args.utterances, args.rounds) < 1:
        raise JstasrError("--utterances and --rounds are at least 1")
    if args.stream_minutes and not 2 <= args.stream_minutes < float("inf"):
        raise JstasrError(f"--stream-minutes {args.stream_minutes:g}: expected 2 or more, or 0 for no long stream")
    job = decode.DecodeJob(
        args.model,
        args.data_dir,
        args.utterances,
        [int(count) for count in threads],
        args.rounds,
        args.word_times,
        args.stream_minutes,
    )
    found = decode.run(job, print_line, lambda line: print(line, file=sys.stderr, flush=True))
    write_json(args.json, {**found, "rows": [asdict(figures) for figures in found["rows"]]})
    if args.output:
        decode.write(found, args.output, ["jstasr", *sys.argv[1:]])


def run_lowresource(args: Namespace) -> None:
    import os
    import shlex
    import sys

    import torch

    from jstasr.bench import lowresource, lowresource_tables
    from jstasr.errors import JstasrError

    systems = args.systems.split() or list(lowresource.SYSTEMS)
    if not set(systems) <= set(lowresource.SYSTEMS):
        raise JstasrError(f"--systems '{args.systems}': expected some of {' '.join(lowresource.SYSTEMS)}")
    try:
        seeds = [int(seed) for seed in args.seeds.split()]
        rates, tuned_rates = (tuple(float(rate) for rate in text.split()) for text in (args.rates, args.tuned_rates))
    except ValueError:
        raise JstasrError("--seeds, --rates and --tuned-rates are lists of numbers") from None
    if not (seeds and rates and tuned_rates) or min(*rates, *tuned_rates) <= 0:
        raise JstasrError("--seeds, --rates and --tuned-rates: name at least one, rates above 0")
    if args.minutes is not None and args.minutes <= 0:
        raise JstasrError("--minutes: must be above 0")
    torch.set_num_threads(args.threads or os.cpu_count() or 1)
    job = lowresource.Comparison(
        args.pretrained,
        args.lang,
        seeds,
        systems,
        shlex.split(args.run_options),
        args.asr_args,
        rates,
        tuned_rates,
        args.minutes,
    )
    lowresource.run(job, print_line)
    print(lowresource_tables.write(job, args.output, ["jstasr", *sys.argv[1:]]), end="")
