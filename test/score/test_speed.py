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
    command = [
        sys.executable,
        "-m",
        "jstasr",
        "score",
        "--ref-trn",
        "ref.trn",
        "--hyp-trn",
        "hyp.trn",
        "--outdir",
        "out",
    ]
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=big_set, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    ours, processor = time.perf_counter() - begin, usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss / 1024
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
    assert os.waitstatus_to_exitcode(status) == 0
    assert report == (big_set / "out/result.txt").read_bytes()
    assert memory < 1000
