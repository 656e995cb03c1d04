"""n-gram models: estimation against the definition and a hand-computed example, ARPA files, queries, fusion."""

import gzip
import itertools
import math
import random
import subprocess
import sys

import pytest
import torch

from jstasr.cli import main
from jstasr.decode.beam import beam_search
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.kaldi.tables import write_table
from jstasr.lm import rows
from jstasr.lm.arpa import read_arpa, write_arpa
from jstasr.lm.external import ExternalLm
from jstasr.lm.kneser_ney import discounts, estimate
from jstasr.lm.ngram import NgramModel
from jstasr.lm.token_text import token_sequences
from jstasr.text.tokens import build_tokenizer

TOKENS = ["<blank>", "<unk>", "a", "b", "c"]
HAND_WRITTEN = """
\\data\\
ngram 1=6
ngram 2=4
ngram 3=2

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.3
-1.0\t</s>
-0.5\ta\t-0.2
-0.7\tb\t-0.4
-0.9\tother\t-0.1

\\2-grams:
-0.4\t<s> a\t-0.6
-0.3\ta b\t-0.05
-0.8\tb </s>
-0.1\tb other\t-0.7

\\3-grams:
-0.15\t<s> a b
-0.25\ta b </s>

\\end\\
"""


@pytest.fixture
def hand_written(tmp_path):
    path = tmp_path / "hand.arpa"
    path.write_text(HAND_WRITTEN.lstrip())
    return path


def look_up(stored, history, word, order):
    """ARPA's recursion, word by word: log10 p(word|history). stored: tuple of words -> (prob, backoff)."""
    history = tuple(history)[max(0, len(history) - order + 1) :]
    if (*history, word) in stored:
        return stored[(*history, word)][0]
    if not history:
        return stored[("<unk>",)][0]
    return stored.get(history, (0.0, 0.0))[1] + look_up(stored, history[1:], word, order)


def stored_of(tables):
    names = [*TOKENS, "<s>", "</s>"]
    return {
        tuple(names[index] for index in words): (prob, backoff)
        for table in tables
        for words, prob, backoff in zip(table.words.tolist(), table.log10_prob, table.log10_backoff)
    }


def random_text(seed, sentences=40):
    draw = random.Random(seed)
    return [[draw.choice([2, 2, 2, 3, 4]) for _ in range(draw.randint(1, 7))] for _ in range(sentences)]


def test_a_bigram_model_by_hand():
    """Two sentences, `a b` and `a c`.

    Continuation counts: a 1 (after <s>), b 1, c 1, </s> 2 (after b and c); their sum 5. The counts of counts do not
    determine discounts, so 0.5 is taken from a count of 1 and 1.0 from a count of 2.
    Unigrams: gamma = (3 * 0.5 + 1) / 5 = 0.5, shared by <unk> a b c </s>: 0.1 each.
      p(a) = p(b) = p(c) = 0.5/5 + 0.1 = 0.2, p(</s>) = 1/5 + 0.1 = 0.3, p(<unk>) = 0.1.
    After <s>: a twice: p(a|<s>) = (2-1)/2 + (1/2) 0.2 = 0.6.
    After a: b, c once each: gamma = (0.5 + 0.5)/2; p(b|a) = 0.5/2 + 0.5 * 0.2 = 0.35.
    After b: </s> once: p(</s>|b) = 0.5 + 0.5 * 0.3 = 0.65.
    """
    model = NgramModel(estimate([[2, 3], [2, 4]], 5, order=2), 5)
    start = torch.tensor(model.start_state)
    after_a = model.advance(start, torch.tensor(2))
    after_b = model.advance(after_a, torch.tensor(3))
    assert model.log_probs(start).exp()[2] == pytest.approx(0.6)
    assert model.log_probs(after_a).exp().tolist() == pytest.approx([0.0, 0.05, 0.1, 0.35, 0.35])
    assert model.end_log_probs(after_b).exp() == pytest.approx(0.65)
    assert model.log_probs(start).exp()[3] == pytest.approx(0.1)  # 0.5 * 0.2


def test_discounts_follow_the_counts_of_counts():
    counts = torch.tensor([1] * 8 + [2] * 4 + [3] * 2 + [4] * 1 + [9]).numpy()
    share = 8 / (8 + 2 * 4)
    expected = [0, 1 - 2 * share * 4 / 8, 2 - 3 * share * 2 / 4, 3 - 4 * share * 1 / 2]
    assert discounts(counts).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_estimate_is_the_definition(order):
    """Against the recursion of the definition on dictionaries of tuples."""
    sentences = random_text(0)
    words = [["<s>", *(TOKENS[i] for i in sentence), "</s>"] for sentence in sentences]
    raw = {n: [tuple(s[i : i + n]) for s in words for i in range(len(s) - n + 1)] for n in range(1, order + 2)}

    def adjusted(gram):
        if len(gram) == order or gram[0] == "<s>":
            return raw[len(gram)].count(gram)
        return len({longer for longer in raw[len(gram) + 1] if longer[1:] == gram})

    counts = {n: {gram: adjusted(gram) for gram in set(raw[n]) if gram[-1] != "<s>"} for n in range(1, order + 1)}
    taken = {n: discounts(torch.tensor(list(counts[n].values())).numpy()) for n in counts}

    def prob(history, word):
        if history is None:
            return 1 / 5  # <unk> a b c </s>
        n = len(history) + 1
        followers = {gram: count for gram, count in counts[n].items() if gram[:-1] == history}
        shorter = history[1:] if history else None
        if not followers:
            return prob(shorter, word)
        total = sum(followers.values())
        mass = sum(taken[n][min(3, count)] for count in followers.values())
        own = counts[n].get((*history, word), 0)
        return (own - taken[n][min(3, own)]) / total + mass / total * prob(shorter, word)

    stored = stored_of(estimate(sentences, 5, order))
    for length in range(order):
        for history in itertools.product(["<s>", "a", "b", "c"], repeat=length):
            if "<s>" in history[1:]:
                continue
            probs = {w: 10 ** look_up(stored, history, w, order) for w in ["<unk>", "a", "b", "c", "</s>"]}
            assert sum(probs.values()) == pytest.approx(1.0, abs=1e-6)
            assert probs == pytest.approx({w: prob(history, w) for w in probs}, rel=1e-5)


def test_an_arpa_file_comes_back_as_it_was_written(tmp_path):
    tables = estimate(random_text(1), 5, 3)
    for name in ("lm.arpa", "lm.arpa.gz"):
        write_arpa(tmp_path / name, tables, TOKENS)
        again = read_arpa(tmp_path / name, TOKENS)
        assert stored_of(again).keys() == stored_of(tables).keys()
        for gram, values in stored_of(tables).items():
            assert stored_of(again)[gram] == pytest.approx(values, abs=1e-6)
    assert gzip.open(tmp_path / "lm.arpa.gz").read() == (tmp_path / "lm.arpa").read_bytes()


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_queries_follow_the_recursion_on_estimated_models(order):
    tables = estimate(random_text(2), 5, order)
    model, stored = NgramModel(tables, 5), stored_of(tables)
    check_queries(model, stored, order, words=[1, 2, 3, 4])


def test_queries_follow_the_recursion_on_a_pruned_model_of_others(hand_written):
    model = NgramModel.load(hand_written, TOKENS)
    stored = stored_of(read_arpa(hand_written, TOKENS))
    assert ("b", "other") not in stored and ("c",) not in stored
    check_queries(model, stored, 3, words=[2, 3, 4])


def check_queries(model, stored, order, words):
    """All label sequences of up to four words, in one padded call."""
    sequences = [sequence for length in range(5) for sequence in itertools.product(words, repeat=length)]
    states = []
    for sequence in sequences:
        state = torch.tensor(model.start_state)
        for label in sequence:
            state = model.advance(state, torch.tensor(label))
        states.append(state)
    states = torch.stack(states).view(1, -1)
    found, ends = model.log_probs(states)[0], model.end_log_probs(states)[0]
    for sequence, row, end in zip(sequences, found, ends):
        history = ["<s>", *(TOKENS[label] for label in sequence)]
        expected = [math.log(10) * look_up(stored, history, TOKENS[label], order) for label in words]
        assert row[words].tolist() == pytest.approx(expected, abs=1e-4)
        assert row[0] == -math.inf
        assert float(end) == pytest.approx(math.log(10) * look_up(stored, history, "</s>", order), abs=1e-4)


@pytest.mark.parametrize("kept", [0, 3, 1000])
def test_rows_that_are_kept_are_those_that_are_computed(kept, monkeypatch):
    generator = random.Random(2)
    sequences = [[generator.randint(1, 9) for _ in range(generator.randint(1, 8))] for _ in range(60)]
    model = NgramModel(estimate(sequences, 10, order=4), 10)
    monkeypatch.setattr(rows, "CACHE_BYTES", kept * 4 * model.width)
    count = len(model.shorter)
    for turn in range(30):
        states = torch.tensor([[generator.randrange(count) for _ in range(3)] for _ in range(2)])
        with torch.inference_mode(turn % 3 > 0):
            found = model.log_probs(states)
            expected = model.word_log_probs(states.flatten()).view(2, 3, -1)[..., :10]
            assert torch.equal(found, expected)
    assert len(model.kept.rows) <= kept


def test_perplexity_is_that_of_the_recursion():
    tables = estimate(random_text(3), 5, 3)
    stored, sequences = stored_of(tables), [*random_text(4, 12), []]
    total = count = 0
    for sequence in sequences:
        history = ["<s>"]
        for word in [*(TOKENS[label] for label in sequence), "</s>"]:
            total += look_up(stored, history, word, 3)
            history.append(word)
            count += 1
    assert NgramModel(tables, 5).perplexity(sequences) == pytest.approx(10 ** (-total / count), rel=1e-5)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("\\end\\", "", "cut short"),
        ("-0.1\tb other\t-0.7\n", "", "cut short"),
        ("-0.5\ta\t-0.2", "-0.5\ta\tx", "hand.arpa:10: not an entry"),
        ("-0.5\ta\t-0.2", "0.5\ta\t-0.2", "hand.arpa:10: not an entry"),
        ("\\data\\", "data", "unexpected line|not an ARPA|cut short"),
    ],
)
def test_a_damaged_arpa_file_is_refused(hand_written, old, new, message):
    hand_written.write_text(hand_written.read_text().replace(old, new, 1))
    if old == "\\data\\":
        hand_written.write_text("nothing\n")
    with pytest.raises(JstasrError, match=message):
        read_arpa(hand_written, TOKENS)


def test_a_model_of_other_units_is_refused(hand_written):
    with pytest.raises(JstasrError, match="language model of other units"):
        read_arpa(hand_written, ["<blank>", "<unk>", "x", "y", "z", "a"])
    with pytest.raises(JstasrError, match="no such language model"):
        read_arpa(hand_written.with_name("missing"), TOKENS)


def test_text_is_needed():
    with pytest.raises(JstasrError, match="no text"):
        estimate([[], []], 5, 3)


@pytest.mark.parametrize("seed", range(4))
def test_fusion_in_an_exhaustive_beam_is_exact(oracle, make_decoder, seed):
    """Each hypothesis carries the model's own longer history: a 4-gram model beside a 2-label decoder."""
    tables = estimate(random_text(seed, 60), 5, 4)
    stored, decoder = stored_of(tables), make_decoder(5, seed, context=2)
    encoded, weight = torch.randn(1, 4, 5), 0.7

    def spell(history):
        return ["<s>", *(TOKENS[label] for label in history)]

    def bonus(history, label):
        return weight * math.log(10) * look_up(stored, spell(history), TOKENS[label], 4)

    totals = oracle.all_sequences(decoder, encoded[0], 1, bonus=bonus)
    for labels in totals:
        totals[labels] *= math.exp(weight * math.log(10) * look_up(stored, spell(labels), "</s>", 4))
    expected = max(totals, key=totals.get)
    config = SearchConfig(search="beam", beam_size=len(totals), max_symbols=1, lm_weight=weight)
    found = beam_search(decoder, encoded, torch.tensor([4]), config, ExternalLm(NgramModel(tables, 5)))[0]
    assert tuple(found.labels) == expected
    assert found.score == pytest.approx(math.log(totals[expected]), abs=1e-3)


def test_the_command_makes_a_model_that_predicts_text(tmp_path):
    write_table(tmp_path / "text", {f"u{i}": "ab ba" if i % 3 else "ba abc" for i in range(30)})
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\n<space>\na\nb\n")
    command = [
        sys.executable,
        "-m",
        "jstasr",
        "lm",
        "--text",
        tmp_path / "text",
        "--token-list",
        tmp_path / "tokens.txt",
    ]
    command += ["--order", "3", "--output", tmp_path / "lm.arpa", "--write-tokens", tmp_path / "tokens"]
    done = subprocess.run([*command, "--valid-text", tmp_path / "text"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "perplexity 1." in done.stdout
    assert (tmp_path / "tokens").read_text().splitlines()[:2] == ["b a <space> a b <unk>", "a b <space> b a"]
    model = NgramModel.load(tmp_path / "lm.arpa", ["<blank>", "<unk>", "<space>", "a", "b"])
    assert model.log_probs(torch.tensor(model.start_state)).argmax() == 3


def test_a_raw_text_is_read_as_transcripts_are(tmp_path):
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\n<space>\na\nb\n", "utf-8")
    write_table(tmp_path / "clean", {"u1": "a b", "u2": "ab"})
    write_table(tmp_path / "raw", {"u1": "A, b!", "u2": "<noise> AB", "u3": "<noise>"})
    options = ["--token-list", str(tmp_path / "tokens.txt"), "--order", "2"]
    assert main(["lm", "--text", str(tmp_path / "clean"), "--write-tokens", str(tmp_path / "one"), *options]) == 0
    more = ["--cleaner", "basic", "--lang", "en", "--nlsyms", "<noise>"]
    assert main(["lm", "--text", str(tmp_path / "raw"), "--write-tokens", str(tmp_path / "two"), *options, *more]) == 0
    assert (tmp_path / "two").read_text("utf-8") == (tmp_path / "one").read_text("utf-8")


def test_joined_sentences_are_counted_alone_and_in_rows(tmp_path, toy):
    sentences = [f"{a}{b} {b}{a}" for a in "abc" for b in "def"]
    (tmp_path / "text").write_text("".join(f"u{i:02} {text}\n" for i, text in enumerate(sentences)))
    tokenizer = build_tokenizer(toy.token_list, None)
    alone = token_sequences([tmp_path / "text"], tokenizer)
    found = token_sequences([tmp_path / "text"], tokenizer, joined=True)
    assert found[: len(alone)] == alone == [tokenizer.encode(text) for text in sentences]
    rows = [tokenizer.decode(row).split() for row in found[len(alone) :]]
    assert all(len(row) in (2, 4, 6, 8) for row in rows) and max(map(len, rows)) > 2
    pairs = [" ".join(row[i : i + 2]) for row in rows for i in range(0, len(row), 2)]
    assert sorted(pairs) == sorted(sentences), "each sentence once, whole"


def test_rows_of_sentences_are_of_one_language_without_spaces_where_it_has_none(tmp_path):
    tokens = ["<blank>", "<unk>", "<space>", "<lang:en>", "<lang:ja>", *"abか"]
    (tmp_path / "tokens.txt").write_text("".join(f"{token}\n" for token in tokens))
    (tmp_path / "text").write_text("".join(f"u{i} {'か' if i % 2 else 'ab'}\n" for i in range(10)))
    (tmp_path / "utt2lang").write_text("".join(f"u{i} {'ja' if i % 2 else 'en'}\n" for i in range(10)))
    tokenizer = build_tokenizer(tmp_path / "tokens.txt", None)
    for row in token_sequences([tmp_path / "text"], tokenizer, joined=True)[10:]:
        text = tokenizer.decode(row)
        assert set(text) <= ({"か"} if row[0] == 4 else set("ab ")), text
