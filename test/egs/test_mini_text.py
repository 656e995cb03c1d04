"""The sentences of egs/mini: what is in which set, and in which letters."""

import os
import random
import re
import subprocess
import sys
import unicodedata
from functools import cache

import pytest
from make_text import Writer, make_language, make_sets, shares
from names import all_names, number_words
from templates import LANGUAGES, numbers

from jstasr.errors import JstasrError
from jstasr.text.normalize import clean

SIZES = {"train": 3000, "train_text": 20000, "dev": 1000, "test": 2000, "test_rare": 2000}
SMALL = {"train": 100, "train_text": 300, "dev": 20, "test": 30, "test_rare": 30}


@cache
def english():
    return make_language("en", SIZES, seed=1)


@cache
def small(lang):
    return make_language(lang, SMALL, seed=1)


def sentences(rows, *parts):
    return [sentence for part in parts for sentence, _ in rows[part]]


def holds(sentence, name):
    return f" {name} " in f" {sentence} "


def pattern(lang, names):
    """Regular expression of all sentences whose slots hold these names only."""
    language = LANGUAGES[lang]
    slots = {category: "|".join(map(re.escape, members)) for category, members in names.items()}
    slots["number"] = "|".join(number_words(number, lang) for number in numbers(lang))
    requests = "|".join(
        re.sub(r"\{(\w+)\}", lambda slot: f"(?:{slots[slot[1]]})", request) for request in language.requests
    )
    before, after = "|".join(language.before), "|".join(language.after)
    return re.compile(f"(?:(?:{before}) )?(?:{requests})(?: (?:{after}))?")


def test_dev_and_test_sentences_are_in_no_training_text():
    rows, _ = english()
    training = set(sentences(rows, "train", "train_text"))
    evaluation = sentences(rows, "dev", "test", "test_rare")
    assert not training & set(evaluation)
    assert len(set(evaluation)) == len(evaluation)


def test_sets_have_the_sizes_asked_for():
    rows, _ = english()
    assert {part: len(members) for part, members in rows.items()} == SIZES


def test_no_rare_name_is_in_paired_speech():
    rows, kinds = english()
    paired = " | ".join(sentences(rows, "train", "test"))
    assert [name for members in kinds["rare"].values() for name in members if holds(paired, name)] == []


def test_every_name_of_a_rare_sentence_is_rare_and_of_a_common_one_common():
    rows, kinds = small("en")
    for kind in ("common", "rare"):
        allowed = pattern("en", kinds[kind])
        spoken = rows["train"] + rows["dev"] + rows["test"] + rows["test_rare"]
        drawn = [sentence for sentence, its_kind in spoken if its_kind == kind]
        assert drawn
        assert [sentence for sentence in drawn if not allowed.fullmatch(sentence)] == []


def test_dev_is_half_common_and_half_rare():
    kinds = [kind for _, kind in english()[0]["dev"]]
    assert kinds.count("common") == kinds.count("rare") == 500


@pytest.mark.parametrize("lang", LANGUAGES)
def test_thirty_percent_of_the_names_are_common(lang):
    _, kinds = small(lang)
    for category, names in kinds["all"].items():
        common, rare = kinds["common"][category], kinds["rare"][category]
        assert sorted(common + rare) == names
        assert len(common) == pytest.approx(0.3 * len(names), abs=max(1, 0.02 * len(names)))


def test_unpaired_text_holds_every_name():
    rows, kinds = english()
    text = " | ".join(sentences(rows, "train_text"))
    assert [name for members in kinds["all"].values() for name in members if not holds(text, name)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sentences_are_three_to_eight_words_of_small_letters(lang):
    rows, _ = small(lang)
    script = "CYRILLIC" if lang == "ru" else "LATIN"
    for sentence in sentences(rows, *SMALL):
        assert 3 <= len(sentence.split(" ")) <= 8, sentence
        assert unicodedata.normalize("NFC", sentence) == sentence
        assert re.fullmatch(r"[^\W\d_]+('[^\W\d_]+)*( [^\W\d_]+('[^\W\d_]+)*)*", sentence), sentence
        for letter in set(sentence) - set(" '"):
            assert unicodedata.name(letter).startswith(f"{script} SMALL LETTER"), (letter, sentence)


@pytest.mark.parametrize(
    ("lang", "foreign"), [("en", "é"), ("de", "é"), ("pl", "é"), ("it", "ñ"), ("tr", "é"), ("es", "ç")]
)
def test_names_have_no_letters_that_the_language_does_not_write(lang, foreign):
    assert not [name for members in all_names(lang).values() for name in members if foreign in name]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_numbers_are_distinct_words(lang):
    words = [number_words(number, lang) for number in range(100)]
    assert len(set(words)) == 100
    assert all(re.fullmatch(r"[^\W\d_]+( [^\W\d_]+)*", word) for word in words)


def test_turkish_capital_i_loses_no_dot():
    assert "ispanya" in all_names("tr")["territory"]
    assert "ırak" in all_names("tr")["territory"]


def test_test_sets_do_not_change_with_the_training_sizes():
    rows, _ = small("en")
    more, _ = make_language("en", SMALL | {"train": 500, "train_text": 50}, seed=1)
    for part in ("test", "test_rare", "dev"):
        assert rows[part] == more[part]


def test_another_seed_gives_other_sentences():
    rows, _ = small("en")
    other, _ = make_language("en", SMALL, seed=2)
    assert not set(rows["test"]) & set(other["test"])


def test_sentences_are_the_same_in_every_process(tmp_path):
    program = os.path.join(os.path.dirname(sys.modules["make_text"].__file__), "make_text.py")
    sizes = ["--n-paired", "50", "--n-text", "50", "--n-dev", "10", "--n-test", "10", "--langs", "en,ru", "--seed", "1"]
    for number in "12":
        env = os.environ | {"PYTHONHASHSEED": number}
        subprocess.run([sys.executable, program, *sizes, tmp_path / number], check=True, env=env)
    assert len(list((tmp_path / "1").glob("*/text"))) == len(SIZES)
    for path in (tmp_path / "1").glob("*/*"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_totals_are_split_evenly_over_languages():
    assert shares(11, ["en", "es", "it"]) == {"en": 4, "es": 4, "it": 3}
    tables, _ = make_sets(["en", "es", "it"], {part: 11 for part in SIZES}, seed=1)
    for files in tables.values():
        assert len(files["text"]) == 11
        assert sorted(files["utt2lang"].values()) == ["en"] * 4 + ["es"] * 4 + ["it"] * 3


def test_speakers_are_prefixes_and_some_are_heard_in_test_only():
    tables, _ = make_sets(["en"], SIZES, seed=1)
    heard = {part: set(files["utt2spk"].values()) for part, files in tables.items() if "utt2spk" in files}
    for part in heard:
        for utterance, speaker in tables[part]["utt2spk"].items():
            assert utterance.startswith(f"{speaker}-")
    assert heard["train"] < heard["dev"] and heard["train"] < heard["test"]
    assert heard["test"] & heard["dev"] == heard["train"]
    assert "utt2spk" not in tables["train_text"]


def test_asking_for_more_sentences_than_there_are_is_a_clear_error():
    names = {category: members[:2] for category, members in all_names("en").items()}
    writer, taken = Writer("en", names, set(), random.Random(1)), set()
    with pytest.raises(JstasrError, match="language en has no more new sentences"):
        for _ in range(100_000):
            taken.add(writer.write(taken))
    assert len(taken) > 1000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_toolkits_cleaner_changes_no_sentence(lang):
    rows, _ = small(lang)
    for sentence in sentences(rows, *SMALL):
        assert clean(sentence, "basic", lang) == sentence
