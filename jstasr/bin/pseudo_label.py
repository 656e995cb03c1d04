"""Choose hypotheses of untranscribed speech to train on: self-training."""

from argparse import ArgumentParser, Namespace

HELP = "choose the hypotheses of which the model is most confident, to train on"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--decoded", required=True, help="exp/<tag>/decode_<tag>/<set>/<mode> with text, token, score")
    parser.add_argument("--share", type=float, default=0.7, help="of the utterances with words to keep (default: 0.7)")
    parser.add_argument("--output", required=True, help="file for the transcripts that are kept, as Kaldi's text")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.corpus.pseudo_labels import choose_pseudo_labels
    from jstasr.kaldi.tables import write_table

    found = choose_pseudo_labels(Path(args.decoded), args.share)
    write_table(args.output, found.text)
    print(
        f"{args.output}: kept {len(found.text)} of {found.decoded} utterances ({found.empty} without words), "
        f"log-probability a label {found.lowest:.3f} or more"
    )
