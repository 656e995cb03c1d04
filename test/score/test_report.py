"""result.txt against the report of the real sclite."""

import random

import pytest

from jstasr.score.report import sclite_report
from jstasr.score.scoring import align_transcripts


def our_report(folder):
    refs, hyps = (folder / "ref.trn").read_bytes(), (folder / "hyp.trn").read_bytes()
    alignment, _ = align_transcripts(refs, hyps, "ref.trn", "hyp.trn")
    return sclite_report(alignment, "hyp.trn")


@pytest.mark.parametrize("seed", range(4))
def test_ascii_report_is_sclites_to_the_byte(oracle, tmp_path, seed):
    folder = oracle.write_set(tmp_path, *oracle.noisy_set(seed, oracle.WORDS["latin"], 600, 1 + 3 * seed))
    assert our_report(folder) == oracle.sclite(folder)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("script", ["cyrillic", "devanagari", "arabic", "chinese"])
def test_cells_counts_words_and_marks_are_sclites_in_any_script(oracle, tmp_path, script, seed):
    folder = oracle.write_set(tmp_path, *oracle.noisy_set(seed, oracle.WORDS[script], 600))
    assert oracle.without_padding(our_report(folder)) == oracle.without_padding(oracle.sclite(folder))


@pytest.mark.parametrize("seed", range(3))
def test_words_that_sclite_reads_in_its_own_way(oracle, tmp_path, seed):
    folder = oracle.write_set(tmp_path, *oracle.noisy_set(seed, oracle.ODD_WORDS, 600))
    assert oracle.without_padding(our_report(folder)) == oracle.without_padding(oracle.sclite(folder))


@pytest.mark.parametrize("letters", ["ab;\\*@-()/A", "@@@ab", "ab", "a;*", "\\;a"])
def test_words_of_random_letters(oracle, tmp_path, letters):
    rng = random.Random(letters)
    words = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 4))) for _ in range(40)]
    folder = oracle.write_set(tmp_path, *oracle.noisy_set(letters, words, 500))
    assert our_report(folder) == oracle.sclite(folder)


@pytest.mark.parametrize("seed", range(3))
def test_speakers_without_reference_words(oracle, tmp_path, seed):
    rng = random.Random(seed)
    silent = {rng.randrange(8) for _ in range(seed * 3 + 1)}
    refs, hyps = [], []
    for number in range(60):
        ref, hyp = oracle.noisy_pair(rng, oracle.WORDS["latin"])
        speaker = number % 8
        name = f"(s{speaker}-{number})"
        refs.append(" ".join([*([] if speaker in silent else ref), name]) + "\n")
        hyps.append(" ".join([*hyp, name]) + "\n")
    folder = oracle.write_set(tmp_path, "".join(refs), "".join(hyps))
    assert our_report(folder) == oracle.sclite(folder)


def test_one_speaker_that_says_nothing(oracle, tmp_path):
    folder = oracle.write_set(tmp_path, " (s-1)\n (s-2)\n", "a (s-1)\n (s-2)\n")
    assert our_report(folder) == oracle.sclite(folder)


def test_long_lines_long_names_many_speakers(oracle, tmp_path):
    rng = random.Random(7)
    words = ["".join(rng.choice("abC") for _ in range(rng.randint(1, 30))) for _ in range(50)]
    refs, hyps = [], []
    for number in range(130):
        ref = [rng.choice(words) for _ in range(rng.choice([0, 30, 120, 400]))]
        hyp = [rng.choice(words) if rng.random() < 0.2 else word for word in ref if rng.random() > 0.1]
        name = f"({rng.choice(['s', 'longer speaker', 'W' * 40])}{number % 60}-{number})"
        refs.append(" ".join([*ref, name]) + "\n")
        hyps.append(" ".join([*hyp, name]) + "\n")
    folder = oracle.write_set(tmp_path, "".join(refs), "".join(hyps))
    assert our_report(folder) == oracle.sclite(folder)


def test_comments_blank_lines_and_text_after_the_id(oracle, tmp_path):
    refs = ";; a comment\na b c (s-1) more\n\n  \t\nd\te\v f (S_X-2)\n"
    hyps = "**info\nD e G (s_x-2)\na (B) c(s-1)\n"
    folder = oracle.write_set(tmp_path, refs, hyps)
    assert our_report(folder) == oracle.sclite(folder)


def test_columns_align_by_display_width():
    refs, hyps = "你好 a नमस्ते é x (s-1)\n", "你 a नमस्ते e (s-1)\n"
    alignment, _ = align_transcripts(refs.encode(), hyps.encode(), "ref", "hyp")
    ref, hyp, marks = sclite_report(alignment, "hyp").decode().splitlines()[-5:-2]
    # a Chinese letter takes two columns, a vowel sign above a Hindi letter none; only ASCII letters turn to capitals
    assert ref == "REF:  你好 a नमस्ते é X "
    assert hyp == "HYP:  你   a नमस्ते * E "
    assert marks == "Eval: S    " + "  " + " " * 5 + "D S "


def test_words_over_forty_columns_get_as_many_stars():
    alignment, _ = align_transcripts(f"a {'b' * 60} (s-1)\n".encode(), b"a (s-1)\n", "ref", "hyp")
    assert f"HYP:  a {'*' * 60} \n" in sclite_report(alignment, "hyp").decode()
