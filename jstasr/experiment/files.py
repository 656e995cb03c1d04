"""File names in exp/<tag>."""

import re

from jstasr.text.tokens import BPE_FILE, PHONES_FILE, TOKENS_FILE

CONFIG = "config.yaml"  # the whole training configuration
DATA = "data.yaml"  # digests of the training data
TOKENS, BPE, PHONES = TOKENS_FILE, BPE_FILE, PHONES_FILE  # copies of the lists of the recipe
CHECKPOINTS = "checkpoints"  # folder: step<N>.pth and the dev scores
SCORES = "scores.json"  # in it: step -> dev WER in per cent, mean of the trained decoders
TRAIN_LOG, TENSORBOARD, IMAGES = (
    "train.log",
    "tensorboard",
    "images",
)  # log, curves and pictures of a run
TRACKERS = "trackers.json"  # the runs of Weights & Biases and MLflow that a resumed training continues
DECODE, LM = "decode.yaml", "lm.arpa"  # search settings of the recipe, and the language model that they use
NNLM = "nnlm.pt"  # the neural language model that they use
AVERAGED = "valid.wer.ave.pth"  # the average of the best checkpoints, used for decoding
MANIFEST = "manifest.json"  # of a packed model: sizes and digests of its parts
ENCODER = "encoder"  # folder of a packed model: its pretrained encoder, where it was packed too
REPORT, REPORT_PAGE = "report", "index.html"  # folder of stage 10, and the page in it
PROBE_CSV = "probe.csv"  # in it: what the layers tell about speaker, sex and language
ALIGNMENT_JSON, ALIGNMENT_TEXT = "alignment.json", "alignment.txt"  # in it: how speech and text align


def step_of(name: str) -> int | None:
    """The step of a checkpoint by the name of its file; None: it is another file."""
    match = re.fullmatch(r"step(\d+)\.pth", name)
    return int(match[1]) if match else None
