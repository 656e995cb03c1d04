"""Check what the stages of a recipe need: its stage 0."""

from argparse import ArgumentParser, Namespace

HELP = "check every tool, module, disk space and GPU that the stages need"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stages", default="0 1 2 3 4 5 6 7 8 9 10 11", help="stages that will run")
    parser.add_argument("--token-type", choices=("bpe", "char", "word"), default="bpe")
    parser.add_argument("--g2p", default="auto", help="grapheme-to-phoneme method; see jstasr phonemize --help")
    parser.add_argument("--lexicon", help="file of --g2p lexicon")
    parser.add_argument("--cleaner", default="basic", help="normalisation of the text: none or basic")
    parser.add_argument("--langs", default="en", help="languages to phonemize, as in 'en es'")
    parser.add_argument("--sets", default="", help="sets of data/ to sum up, the training set first")
    parser.add_argument("--summary", action="store_true", help="sum up languages and sets only, check nothing")
    parser.add_argument("--measured", help="instead of --sets: what `jstasr import --measure` prints")
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs on each node")
    parser.add_argument("--num-nodes", type=int, default=1)
    parser.add_argument("--disk-gb", type=float, default=5, help="free space that must be here, GB")
    parser.add_argument("--dumpdir", default="", help="the recipe's; it, data and --expdir must be writable")
    parser.add_argument("--expdir", default="", help="the recipe's, with --dumpdir")
    parser.add_argument("--memory-gb", type=float, default=2, help="memory that must be free, GB")
    parser.add_argument("--speed-perturb-factors", default="", help="where there are any, sox is needed")
    parser.add_argument("--pretrained", default="", help="pretrained speech encoder; see docs/guide/pretrained.md")
    parser.add_argument("--local-dir", help="the recipe's local/: what data.sh and the scripts that it names need")
    parser.add_argument("--job-command", default="run.pl", help="run.pl, slurm.pl or queue.pl, with options")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.check import summary
    from jstasr.check.items import Recipe, all_items
    from jstasr.check.local_needs import local_items
    from jstasr.check.report import blocking, parse_stages, probe_all, table
    from jstasr.errors import JstasrError
    from jstasr.text.g2p import G2p
    from jstasr.text.language_codes import canonical_code

    given = args.langs.split()
    g2p = G2p(args.g2p, args.lexicon or None, args.cleaner)
    languages = tuple(dict.fromkeys(canonical_code(code, "--langs") for code in given))
    sets = summary.present_sets(Path("data", name) for name in args.sets.split())
    speech = [summary.measure_set(folder, languages[0] if languages else "") for folder in sets]
    if args.measured:
        speech = [summary.speech_of(args.measured)]
    rows = summary.language_rows(given, g2p)
    if speech:
        rows += summary.speech_rows(speech)
    elif args.sets:
        rows.append(("speech", "not there yet: stage 1 sums it up"))
    if args.summary:
        print(summary.block(rows))
        return
    factors = args.speed_perturb_factors.split()
    copies = max(1, len(factors))  # of the training set; of all, while nothing is divided
    perturbed = (*args.sets.split()[:1], "all")
    recipe = Recipe(
        token_type=args.token_type,
        g2p=g2p,
        languages=languages,
        ngpu=args.ngpu,
        num_nodes=args.num_nodes,
        disk_gb=args.disk_gb,
        memory_gb=args.memory_gb,
        speed_perturb=bool(factors),
        job_command=args.job_command,
        pretrained=args.pretrained,
        dumpdir=args.dumpdir,
        expdir=args.expdir,
        seconds=sum(sum(one.seconds.values()) * (copies if one.name in perturbed else 1) for one in speech),
    )
    items = all_items(recipe) + (local_items(Path(args.local_dir)) if args.local_dir else [])
    findings = probe_all(items, parse_stages(args.stages))
    print(table(findings))
    lines = blocking(findings)
    if lines:
        raise JstasrError(f"{len(lines)} of {len(findings)} requirements are not met:\n  " + "\n  ".join(lines))
    print(summary.block(rows))
    print(f"All that stages {args.stages} need is here.")
