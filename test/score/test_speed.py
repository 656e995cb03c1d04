"""100,000 utterances of 20 words: the report is sclite's, in under 1 GB; the times of both and of jiwer are shown."""

import os
import random
import subprocess
import sys
import time

import jiwer
import pytest

UTTERANCES = 100_000


@pytest.fixture(scope="module")
def big_set(tmp_path_factory, oracle):
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(20_000)]
    refs, hyps = [], []
    for number in range(UTTERANCES):
        ref = rng.choices(words, k=20)
        hyp = [rng.choice(words) if rng.random() < 0.07 else word for word in ref if rng.random() > 0.03]
        refs.append(f"{' '.join(ref)} (s{number % 500}-{number})\n")
        hyps.append(f"{' '.join(hyp)} (s{number % 500}-{number})\n")
    return oracle.write_set(tmp_path_factory.mktemp("big"), "".join(refs), "".join(hyps))


@pytest.mark.slow
def test_full_report_of_100000_utterances(big_set, oracle, capsys):
    # VmHWM is the child's own; ru_maxrss would count what this process held when it forked
    code = (
        "import pathlib, time; from jstasr import cli\n"
        "assert cli.main('score --ref-trn ref.trn --hyp-trn hyp.trn --outdir out'.split()) == 0\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "pathlib.Path('used').write_text(f\"{status.split('VmHWM:')[1].split()[0]} {time.process_time()}\")"
    )
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=big_set,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    ours = time.perf_counter() - begin
    memory, processor = map(float, (big_set / "used").read_text().split())
    memory /= 1024
    begin = time.perf_counter()
    report = oracle.sclite(big_set)
    theirs = time.perf_counter() - begin
    refs, hyps = (
        [line.rsplit(" (", 1)[0] for line in (big_set / f"{name}.trn").read_text().splitlines()]
        for name in ("ref", "hyp")
    )
    begin = time.perf_counter()
    jiwer.wer(refs, hyps)
    jiwers = time.perf_counter() - begin
    with capsys.disabled():
        print(
            f"\n100,000 utterances of 20 words: jstasr {ours:.1f} s ({processor:.1f} s of processor, "
            f"{memory:.0f} MiB), "
            f"sclite {theirs:.1f} s, jiwer (no report) {jiwers:.1f} s"
        )
    assert report == (big_set / "out/result.txt").read_bytes()
    assert memory < 1000
