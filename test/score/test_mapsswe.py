"""The matched-pairs test against NIST's sc_stats."""

import math
import random
import re

import pytest

from jstasr.score.mapsswe import error_segments, matched_pairs, z_test
from jstasr.score.scoring import align_transcripts

RESULT = re.compile(
    r"# segs: (\d+)\).*?% Error: +([\d.]+) +([\d.]+)\) \(mean: (\S+)\) \(std dev: (\S+)\) \(Z Stat: (\S+)\) "
    r"\(Stat Diff: (\w+)\)"
)


def two_systems(oracle, seed, size):
    """The text of ref, A and B, whose error rates differ by chance."""
    rng = random.Random(seed)
    vocabulary = oracle.WORDS["latin"]
    files = ["", "", ""]
    rates = rng.choice([(0.1, 0.1), (0.1, 0.2), (0.3, 0.3), (0.02, 0.1), (0.5, 0.6)])
    for number in range(size):
        ref = [rng.choice(vocabulary) for _ in range(rng.randrange(15))]
        sentences = [ref]
        for rate in rates:
            hyp = []
            for word in ref:
                fate = rng.random() / rate
                if fate > 1 / 3:
                    hyp.append(rng.choice(vocabulary) if fate < 2 / 3 else word)
                if rng.random() < rate / 3:
                    hyp.append(rng.choice(vocabulary))
            sentences.append(hyp)
        for k, sentence in enumerate(sentences):
            files[k] += " ".join([*sentence, f"(s{number % 4}-{number})"]) + "\n"
    return files


def sc_stats(oracle, folder, ref, a, b):
    for name, content in (("ref", ref), ("a", a), ("b", b)):
        (folder / f"{name}.trn").write_text(content)
    systems = ["-h", "a.trn", "trn", "a", "-h", "b.trn", "trn", "b"]
    options = ["-i", "rm", "-o", "sgml", "stdout", "-f", "0"]
    alignments = oracle.run_sctk(folder, "sclite", "-r", "ref.trn", "trn", *systems, *options)
    detailed = oracle.run_sctk(folder, "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-", stdin=alignments)
    table = oracle.run_sctk(folder, "sc_stats", "-p", "-t", "mapsswe", "-u", "-n", "-", stdin=alignments)
    cell = re.search(r"MP +\|\| +a +\|[^|]*\|([^|]*)\|\|", table.decode(errors="replace"))[1]
    return RESULT.search(detailed.decode(errors="replace")).groups(), re.search(r"<?\d+\.\d+", cell)[0]


@pytest.mark.parametrize("seed", range(8))
def test_segments_z_and_p_are_those_of_sc_stats(oracle, tmp_path, seed):
    ref, a, b = two_systems(oracle, seed, [20, 60, 150][seed % 3])
    aligned = [align_transcripts(ref.encode(), hyp.encode(), "ref", "hyp")[0] for hyp in (a, b)]
    ours = matched_pairs(*aligned)
    (segments, percent_a, percent_b, mean, deviation, z, different), p = sc_stats(oracle, tmp_path, ref, a, b)
    assert ours.segments == int(segments)
    assert f"{100 * ours.errors_a / ours.words:.2f}" == percent_a
    assert f"{100 * ours.errors_b / ours.words:.2f}" == percent_b
    assert (f"{ours.mean:.3f}", f"{ours.deviation:.3f}", f"{ours.z:.3f}") == (mean, deviation, z)
    assert (abs(ours.z) > 1.96) == (different == "Yes")
    table_p = math.erfc(math.floor(abs(ours.z) * 100) / 100 / math.sqrt(2))  # sc_stats' table has Z to two digits
    assert p == ("<0.001" if table_p < 0.001 else f"{table_p:.3f}")
    assert ours.p == pytest.approx(math.erfc(abs(ours.z) / math.sqrt(2)))


@pytest.mark.parametrize(
    ("marks_a", "marks_b", "segments"),
    [
        ("CCCC", "CCCC", []),
        ("CCSCC", "CCCCC", [(4, 1, 0)]),  # two right words on each side, of which the first begins one back
        ("SCCCCS", "CCCCCC", [(3, 1, 0), (3, 1, 0)]),
        ("SCSCC", "CCCCC", [(5, 2, 0)]),  # one right word does not end a segment
        ("CCC", "CCCI", [(2, 0, 1)]),
        ("ICC", "CC", [(2, 1, 0)]),
        ("", "II", [(0, 0, 2)]),
    ],
)
def test_segments_by_hand(marks_a, marks_b, segments):
    as_numbers = [["CSDI".index(mark) for mark in marks] for marks in (marks_a, marks_b)]
    found = error_segments(*as_numbers)
    assert [segment[1:] for segment in found] == [segment[1:] for segment in segments]


def test_the_other_way_round_changes_the_sign_alone(oracle):
    ref, a, b = two_systems(oracle, 11, 200)
    aligned = [align_transcripts(ref.encode(), hyp.encode(), "ref", "hyp")[0] for hyp in (a, b)]
    one, other = matched_pairs(*aligned), matched_pairs(*reversed(aligned))
    assert (one.segments, one.p, one.z) == (other.segments, other.p, -other.z)


def test_no_errors_no_difference():
    assert z_test([]).p == 1
    assert z_test([(3, 1, 0), (3, 1, 0)]).p == 1  # sc_stats gives Z = 0 when all differences are equal
