"""The oracle, NIST's sclite and sc_stats of Debian's sctk, and noisy transcripts in five scripts."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from jstasr import cli

WORDS = {
    "latin": "the of and To In a is you It he was for on are As with his they I at be this have".split(),
    "cyrillic": "и в не на Я быть он с что а по это Она этот к но они мы весь который Из у то за".split(),
    "devanagari": "और का है में की यह को से कि हम पर वह भी नहीं तो कर एक था ने जब".split(),
    "arabic": "من في على أن إلى هذا التي كان عن مع كل قال لا ما بعد هو".split(),
    "chinese": list("的一是不了人我在有他这中大来上国个到说们为子"),
}
# What a word may be made of that sclite reads in its own way, and white space that is none to it
ODD_WORDS = [
    *["a", "A", "b", "@", "@", "a;x", "b*", "*", "foo\\bar", "a\u00a0b", "\u3000", "É", "é", "ß", "ẞ", "İ"],
    *["x" * 39, "-a", "a-", "(b)", "a;", ";b", "\\", "\\;a", "%hes", "a/b", "}", "\ufeff", "\u2028"],
]


def noisy_pair(rng, words):
    """A random sentence and what a bad recogniser makes of it: lists of words."""
    choice = rng.sample(words, min(len(words), rng.choice([2, 3, 8, 30])))
    ref = [rng.choice(choice) for _ in range(rng.choice([0, 1, 2, 3, 5, 12]))]
    if rng.random() < 0.1:
        return ref, [rng.choice(choice) for _ in range(rng.randrange(12))]
    hyp, noise = [], rng.choice([0.1, 0.3, 0.6])
    for word in ref:
        fate = rng.random() / noise
        if fate > 1 / 3:
            hyp.append(rng.choice(choice) if fate < 2 / 3 else word)
        if rng.random() < noise / 3:
            hyp.append(rng.choice(choice))
    return ref, hyp


def noisy_set(seed, words, size, speakers=4):
    """The text of ref.trn and hyp.trn; the hypotheses in another order, ids and speakers of all kinds."""
    rng = random.Random(seed)
    mark = rng.choice("-_")
    refs, hyps = [], []
    for number in range(size):
        ref, hyp = noisy_pair(rng, words)
        name = f"({rng.choice('abXY')}{rng.randrange(speakers)}{mark}u-{number})"
        refs.append(" ".join([*ref, name]))
        # a line that begins with `;;` or `**` is a comment
        hyps.append(" " + " ".join([*hyp, name]))
    rng.shuffle(hyps)
    return "".join(f" {line}\n" for line in refs), "".join(f"{line}\n" for line in hyps)


def run_sctk(folder, *command, stdin=None):
    """Output of an sctk program, bytes."""
    if not shutil.which("sctk"):
        pytest.fail("the oracle is missing: apt-get install sctk")
    done = subprocess.run(["sctk", *command], cwd=folder, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-500:].decode(errors="replace")
    return done.stdout


def sclite(folder, output="all"):
    """What sclite says of ref.trn and hyp.trn in a folder."""
    options = ["-i", "rm", "-o", output, "stdout"]
    return run_sctk(folder, "sclite", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", *options)


def without_padding(report):
    """A report (bytes) with runs of spaces and of stars made one: what is left when columns are not aligned."""
    return re.sub(rb" +", b" ", re.sub(rb"\*+", b"*", report))


@pytest.fixture
def jstasr(capsys):
    """Run `jstasr VERB ...` in this process: (exit code, stdout, stderr)."""

    def run(*words):
        code = cli.main([str(word) for word in words])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def write_set(folder, refs, hyps):
    """Write ref.trn and hyp.trn."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ref.trn").write_text(refs, encoding="utf-8", newline="\n")
    (folder / "hyp.trn").write_text(hyps, encoding="utf-8", newline="\n")
    return folder


class Oracle:
    """The helpers above, for test modules, which cannot import this file."""

    WORDS = WORDS
    ODD_WORDS = ODD_WORDS
    noisy_pair = staticmethod(noisy_pair)
    noisy_set = staticmethod(noisy_set)
    write_set = staticmethod(write_set)
    sclite = staticmethod(sclite)
    run_sctk = staticmethod(run_sctk)
    without_padding = staticmethod(without_padding)


@pytest.fixture(scope="session")
def oracle():
    return Oracle
