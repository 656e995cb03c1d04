"""Hotwords: the automaton against counting in the text, the search against all label sequences, the roads to both."""

import json
import math
import pickle
import random

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr import SearchConfig, Transcriber
from jstasr.decode.beam import BeamSearch, beam_search
from jstasr.decode.hotwords import read_hotwords, spelled_hotwords
from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI
from jstasr.kaldi.tables import read_table
from jstasr.lm.external import ExternalLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.lm.kneser_ney import estimate
from jstasr.lm.ngram import NgramModel
from jstasr.text.tokens import Tokenizer, TokenList

PIECES = ["", "<unk>", " a", " ab", "b", "a", " ", "ba"]  # spellings of tokens: several for most texts
RATE = 16000


def occurrences(phrase, text):
    """How often a phrase stands in a text as whole words."""
    padded, wanted = f" {' '.join(text.split())} ", f" {phrase} "
    return sum(padded[begin : begin + len(wanted)] == wanted for begin in range(len(padded)))


def bonus_of(text, phrases):
    """What phrases add to a text: each occurrence its score without that of the phrases in it."""
    own = {}
    for phrase in sorted(phrases, key=len):
        own[phrase] = max(0.0, phrases[phrase] - sum(own[part] * occurrences(part, phrase) for part in own))
    return sum(score * occurrences(phrase, text) for phrase, score in own.items())


def total_bonus(graph, labels):
    """Bonus of labels, token by token, and at the end."""
    state, total = torch.tensor([graph.start_state]), 0.0
    for label in labels:
        total += float(graph.bonus(state)[0, label])
        state = graph.advance(state, torch.tensor([label]))
    return total + float(graph.end_bonus(state)[0])


phrase_lists = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "aab", "abb"]), min_size=1, max_size=3).map(" ".join),
    st.sampled_from([0.5, 1.0, 2.5]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(phrase_lists, st.lists(st.integers(0, len(PIECES) - 1), max_size=10))
def test_the_bonus_of_a_text_is_that_of_its_phrases_however_it_is_cut(phrases, labels):
    text = "".join(PIECES[label] for label in labels)
    assert total_bonus(HotwordGraph(phrases, PIECES), labels) == pytest.approx(bonus_of(text, phrases), abs=1e-4)


@pytest.mark.parametrize(
    "phrases, text, expected",
    [
        ({"ann": 2.0}, "annual ann", 2.0),
        ({"ann": 2.0}, "joann", 0.0),
        ({"anna": 2.0, "anna smith": 3.0}, "anna smith", 3.0),  # what is in a longer phrase counts once
        ({"anna": 2.0, "anna smith": 3.0}, "anna smit", 2.0),
        ({"new york": 2.0, "york city": 1.0}, "new york city", 3.0),
        ({"人民": 2.0}, "在人民中", 2.0),  # no spaces, no words
    ],
)
def test_a_phrase_is_whole_words(phrases, text, expected):
    characters = sorted({*"".join(phrases), *text, " "})
    assert total_bonus(HotwordGraph(phrases, characters), map(characters.index, text)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(6))
def test_an_exhaustive_beam_finds_what_rescoring_finds(oracle, make_decoder, seed):
    """With a language model beside the hotwords."""
    phrases = {"a": 1.0, "ab b": 2.5} if seed % 2 else {"abb": 3.0, "a ab": 1.5}
    pieces, generator = PIECES[:5], random.Random(seed)
    decoder = make_decoder(len(pieces), seed, scale=2.0)
    encoded, weight = torch.randn(1, 4, 5), 0.6
    lm = NgramModel(estimate([[generator.randint(2, 4) for _ in range(3)] for _ in range(20)], len(pieces), 2), 5)

    def lm_score(labels):
        state, total = torch.tensor([lm.start_state]), 0.0
        for label in labels:
            total += float(lm.log_probs(state)[0, label])
            state = lm.advance(state, torch.tensor([label]))
        return weight * (total + float(lm.end_log_probs(state)))

    totals = {
        labels: math.log(mass) + lm_score(labels) + bonus_of("".join(pieces[label] for label in labels), phrases)
        for labels, mass in oracle.all_sequences(decoder, encoded[0], 1).items()
    }
    expected = max(totals, key=totals.__getitem__)
    config = SearchConfig(search="beam", beam_size=len(totals), max_symbols=1, lm_weight=weight)
    graph = HotwordGraph(phrases, pieces)
    found = beam_search(decoder, encoded, torch.tensor([4]), config, ExternalLm(lm), hotwords=graph)[0]
    assert tuple(found.labels) == expected
    assert found.score == pytest.approx(totals[expected], abs=1e-3)


def test_pieces_and_batches_give_what_the_whole_gives_alone(make_decoder):
    decoder, graph = make_decoder(len(PIECES), 1, scale=2.0), HotwordGraph({"a b": 2.0, "ab": 1.0}, PIECES)
    config, lengths = SearchConfig(search="beam", beam_size=4), torch.tensor([12, 5, 9])
    encoded = torch.randn(3, 12, 5)
    together = beam_search(decoder, encoded, lengths, config, hotwords=graph)
    for frames, length, whole in zip(encoded, lengths, together):
        stream = BeamSearch(decoder, 1, config, None, None, encoded.device, graph)
        labels = []
        with torch.inference_mode():
            for piece in frames[:length].split(2):
                stream.accept(piece[None], torch.tensor([len(piece)]))
                labels += stream.settle().labels
            last = stream.finish()[0]
        assert labels + last.labels == whole.labels
        assert last.score == pytest.approx(whole.score, abs=1e-4)


def test_where_no_phrase_matches_nothing_changes(make_decoder):
    decoder, encoded = make_decoder(5, 2, scale=2.0), torch.randn(2, 20, 5)
    config, lengths = SearchConfig(search="beam", beam_size=4), torch.tensor([20, 20])
    plain = beam_search(decoder, encoded, lengths, config)
    graph = HotwordGraph({"xyz": 5.0, "zab": 5.0}, PIECES[:5])
    assert beam_search(decoder, encoded, lengths, config, hotwords=graph) == plain


class TestSpelling:
    characters = Tokenizer(TokenList(["<blank>", "<unk>", "<space>", *"abcdefnoy'"]), "char")
    capitals = Tokenizer(TokenList(["<blank>", "<unk>", "<space>", *"ABCDE"]), "char")
    words = Tokenizer(TokenList(["<blank>", "<unk>", "anna", "bob"]), "word")

    def spelled(self, lines, tokenizer=characters):
        return spelled_hotwords(lines, 0.5, tokenizer)

    def test_the_boost_is_that_of_each_token(self):
        assert self.spelled(["abc", "a b :2", "  bob   dan :1.5 "]) == {"abc": 1.5, "a b": 6.0, "bob dan": 10.5}

    def test_phrases_are_normalised_where_the_model_has_no_such_characters(self):
        assert list(self.spelled(["Anna-Fay", "BOB!", "O\u2019Den"])) == ["anna fay", "bob", "o'den"]
        assert list(self.spelled(["Abe Dee"], self.capitals)) == ["ABE DEE"]

    def test_comments_and_empty_lines_are_no_phrases(self):
        assert self.spelled(["# names", "", "  ", "bob"]) == {"bob": 1.5}

    def test_order_and_duplicates_do_not_matter(self):
        lines = ["anna :2", "bob", "Anna :3", "anna", "bob fay"]
        expected = self.spelled(lines)
        assert expected == {"anna": 12.0, "bob": 1.5, "bob fay": 3.5}
        labels = self.characters.encode("anna bob fay bob")
        pieces = [self.characters.spaced([label]) for label in range(len(self.characters))]
        bonuses = {
            total_bonus(HotwordGraph(self.spelled(random.Random(seed).sample(lines, 5)), pieces), labels)
            for seed in range(5)
        }
        assert len(bonuses) == 1

    @pytest.mark.parametrize(
        "line, message",
        [
            ("zoë bob", r"line 2: 'zoë bob' has characters that the model does not know: 'z', 'ë'"),
            ("bob :", r"line 2: 'bob :': must be a phrase and a boost above 0"),
            ("bob :two", r"line 2: 'bob :two': must be a phrase and a boost"),
            ("bob :-1", r"line 2: 'bob :-1': must be a phrase and a boost"),
            ("bob " * 51, r"line 2: has 204 characters, may have 200"),
            (":2", r"line 2: ':2': must be a phrase and a boost"),
            ("!?", r"line 2: '!\?' has characters that the model does not know"),
        ],
    )
    def test_a_line_that_is_no_phrase_is_named(self, line, message):
        with pytest.raises(JstasrError, match=message):
            self.spelled(["bob", line])

    def test_words_that_are_no_tokens_are_named(self):
        with pytest.raises(JstasrError, match="line 1: 'anna fay' has words that the model does not know: 'fay'"):
            self.spelled(["anna fay"], self.words)


@pytest.mark.parametrize(
    "content, message", [(b"", "holds no phrase"), (b"# a\n\n", "no phrase"), (b"\xff", "UTF|utf")]
)
def test_a_file_without_phrases_is_refused(tmp_path, content, message):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(JstasrError, match=f"names.txt.*{message}"):
        read_hotwords(tmp_path / "names.txt")
    with pytest.raises(JstasrError, match="none.txt: cannot be read: No such file"):
        read_hotwords(tmp_path / "none.txt")


def test_a_file_of_windows_is_read(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfanna :2\r\nbob\r\n")
    assert read_hotwords(tmp_path / "names.txt") == ["anna :2", "bob"]


def speech(seconds=2.0):
    """Something with changing spectrum and level, (N,) float32."""
    time = np.arange(int(seconds * RATE)) / RATE
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    return (0.1 * voice * (1.2 + np.sin(9 * time))).astype(np.float32)


@pytest.fixture
def talking(make_experiment, toy):
    """exp/ of a random model that talks a lot over `speech`."""
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(speech()))


@pytest.fixture
def transcriber(talking, energy_by_default):
    return Transcriber.from_pretrained(talking)


class TestOfARequest:
    names = ("Fab cab :9",)  # so much that this model says nothing else
    text = "fab cab"

    @pytest.mark.parametrize("mode", ["full", "streaming"])
    @pytest.mark.parametrize("search", ["greedy", "beam"])
    def test_they_are_found_and_forgotten(self, transcriber, mode, search):
        config = SearchConfig(search=search)
        plain = transcriber.transcribe(speech(), mode=mode, config=config)
        found = transcriber.transcribe(speech(), mode=mode, config=config, hotwords=self.names)
        assert self.text in found.text and self.text not in plain.text
        assert transcriber.transcribe(speech(), mode=mode, config=config) == plain
        batch = transcriber.transcribe_batch([speech()], mode=mode, config=config, hotwords=self.names)
        assert batch[0].text == found.text
        given = SearchConfig(search="beam", hotwords=list(self.names))
        assert transcriber.transcribe(speech(), mode=mode, config=given) == found

    def test_a_stream_has_them(self, transcriber):
        whole = transcriber.transcribe(speech(), mode="streaming", vad="none", hotwords=self.names)
        parts = list(transcriber.stream(np.array_split(speech(), 30), hotwords=self.names))
        assert self.text in whole.text and parts[-1].tokens == whole.tokens
        assert all(parts[-1].text.startswith(part.text) for part in parts)

    def test_a_copy_by_pickle_has_them(self, transcriber):
        found = transcriber.transcribe(speech(), hotwords=self.names)
        assert pickle.loads(pickle.dumps(transcriber)).transcribe(speech(), hotwords=self.names) == found

    @pytest.mark.parametrize(
        "hotwords, message",
        [
            ("anna", "hotwords: must be a list of phrases, as in .* not 'anna'"),
            ([b"anna"], "must be a list of phrases"),
            (["fab", "xyz"], "hotwords, line 2: 'xyz' has characters that the model does not know: 'x', 'y', 'z'"),
        ],
    )
    def test_what_is_no_list_of_phrases_is_refused(self, transcriber, hotwords, message):
        with pytest.raises(JstasrError, match=message):
            transcriber.transcribe(speech(), hotwords=hotwords)
        with pytest.raises(JstasrError, match=message):
            transcriber.stream(hotwords=hotwords)

    def test_greedy_search_of_settings_has_none(self, transcriber):
        with pytest.raises(JstasrError, match="hotwords work in beam search only. Add --set search=beam"):
            transcriber.transcribe(speech(), config=SearchConfig(hotwords=["fab"]))


class TestOfACommand:
    def test_transcribe_says_that_it_searches_otherwise(self, talking, transcriber, jstasr, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(), RATE, subtype="FLOAT")
        (tmp_path / "names.txt").write_text("# names\nfab cab :9\n")
        command = ["transcribe", talking, tmp_path / "a.wav", "--json", "--hotwords", tmp_path / "names.txt"]
        done = jstasr(*command)
        assert "--hotwords: beam search in the place of greedy search" in done.stderr
        expected = transcriber.transcribe(speech(), hotwords=["fab cab :9"])
        assert json.loads(done.stdout)["text"] == expected.text
        (tmp_path / "names.txt").write_text("fab\nxyz\n")
        done = jstasr(*command)
        assert done.returncode == 1 and "hotwords, line 2: 'xyz'" in done.stderr and not done.stdout

    def test_results_of_other_hotwords_are_not_mixed(self, talking, jstasr, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(), RATE)
        command = ["transcribe", talking, tmp_path / "a.wav", "--output", tmp_path / "out", "--hotwords"]
        for names, code in (("fab", 0), ("fab", 0), ("cab", 1)):
            (tmp_path / "names.txt").write_text(names)
            done = jstasr(*command, tmp_path / "names.txt")
            assert done.returncode == code, done.stderr
        assert "holds results of other settings" in done.stderr

    def test_decode_has_them_and_keeps_them(self, experiment, toy, jstasr, tmp_path):
        folder = toy.speech_set("dev", toy.texts(3))
        (tmp_path / "names.txt").write_text("fab cab :9\n")
        command = ["decode", "--expdir", experiment, "--data-dir", folder, "--outdir", tmp_path / "out"]
        done = jstasr(*command, "--hotwords", tmp_path / "names.txt", "--keep-search")
        assert done.returncode == 0, done.stderr
        for mode in ("full", "streaming"):
            texts = read_table(tmp_path / "out" / mode / "logdir" / "text.1")
            assert any("fab cab" in text for text in texts.values())
        kept = Transcriber.from_pretrained(experiment).experiment.search
        assert (kept.search, kept.hotwords) == ("beam", ["fab cab :9"])
