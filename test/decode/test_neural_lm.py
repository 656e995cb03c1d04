"""Neural language models: against a loop over torch's own LSTM cells, fusion, training, files."""

import math

import pytest
import torch
from torch import nn

from jstasr.cli import main
from jstasr.decode.beam import BeamSearch, beam_search
from jstasr.errors import JstasrError
from jstasr.experiment.language_model import load_neural_lm, save_neural_lm
from jstasr.experiment.search import SearchConfig
from jstasr.kaldi.tables import write_table
from jstasr.lm import histories
from jstasr.lm.arpa import BEGIN, END, NEVER, Ngrams
from jstasr.lm.external import ExternalLm
from jstasr.lm.histories import Histories
from jstasr.lm.neural import NeuralLm, NeuralLmConfig
from jstasr.lm.ngram import NgramModel

TOKENS = ["<blank>", "<unk>", "a", "b", "c"]
SEQUENCES = [[2, 3, 4, 2], [3], [], [4, 4, 2, 3, 3, 2, 4], [1, 2]]


def make_lm(seed=0, layers=2, dim=7, scale=3.0):
    """A random model whose distributions are far from uniform."""
    torch.manual_seed(seed)
    model = NeuralLm(NeuralLmConfig(5, layers, dim, dropout=0.5)).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(scale)
    return model


@torch.no_grad()
def step_log_probs(model, labels):
    """Rows (len(labels) + 1, V) by nn.LSTMCell, layer by layer and label by label."""
    cells = []
    for layer in range(model.config.layers):
        cell = nn.LSTMCell(model.config.dim, model.config.dim)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).copy_(getattr(model.lstm, f"{name}_l{layer}"))
        cells.append(cell)
    states, rows = [(torch.zeros(model.config.dim),) * 2 for _ in cells], []
    for label in [0, *labels]:
        signal = model.embedding.weight[label]
        for index, cell in enumerate(cells):
            states[index] = cell(signal, states[index])
            signal = states[index][0]
        logits = (model.output.weight @ signal + model.output.bias).double()
        rows.append(logits - logits.logsumexp(0))
    return torch.stack(rows)


def sequence_log_prob(model, labels):
    rows = step_log_probs(model, labels)
    return sum(float(row[label]) for row, label in zip(rows, [*labels, 0]))  # column 0: the end


def test_the_score_of_a_sequence_is_the_sum_of_its_steps():
    model = make_lm()
    expected = [sequence_log_prob(model, labels) for labels in SEQUENCES]
    assert model.sequence_log_probs(SEQUENCES) == pytest.approx(expected, abs=1e-4)
    count = sum(len(labels) + 1 for labels in SEQUENCES)
    assert model.perplexity(SEQUENCES) == pytest.approx(math.exp(-sum(expected) / count), rel=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_histories_of_a_search_score_as_the_sequence_does(layers):
    """All prefixes of the sequences, all sequences at a time, as a beam extends them."""
    model = make_lm(layers=layers)
    found = Histories(model)
    for labels in SEQUENCES:
        rows, state = step_log_probs(model, labels), torch.tensor([[found.start_state]])
        for position, row in enumerate(rows):
            log_probs = found.log_probs(state)[0, 0]
            assert log_probs[0] == -math.inf
            assert log_probs[1:].tolist() == pytest.approx(row[1:].tolist(), abs=1e-4)
            assert float(found.end_log_probs(state)) == pytest.approx(float(row[0]), abs=1e-4)
            if position < len(labels):
                state = found.advance(state, torch.tensor([[labels[position]]]))


def test_a_history_is_computed_once(monkeypatch):
    model = make_lm()
    computed = []
    step = model.step
    monkeypatch.setattr(model, "step", lambda labels, state: computed.append(len(labels)) or step(labels, state))
    found = Histories(model)
    for _ in range(3):
        states = found.advance(torch.tensor([0, 0, 0, 0]), torch.tensor([2, 3, 2, 4]))
        found.log_probs(states)
    assert computed == [1, 3], "the beginning, then three distinct histories in one step"


@pytest.mark.parametrize("kept", [0, 1 << 30])
def test_forgotten_histories_change_nothing(make_decoder, kept, monkeypatch):
    forgotten = []
    forget = Histories.forget

    def count_changes(self, states):
        before = self.numbered
        states = forget(self, states)
        forgotten.append(before - self.numbered)
        return states

    monkeypatch.setattr(histories, "KEPT_BYTES", kept)
    monkeypatch.setattr(Histories, "forget", count_changes)
    decoder, encoded, lengths = make_decoder(5, 3), torch.randn(2, 60, 5), torch.tensor([60, 43])
    torch.nn.init.constant_(decoder.blank.bias, -1.0)  # many labels
    config = SearchConfig(search="beam", beam_size=3, nnlm_weight=0.5, internal_lm_weight=0.2)
    found = beam_search(decoder, encoded, lengths, config, ExternalLm(neural=make_lm()))
    assert any(forgotten) == (kept == 0)
    monkeypatch.setattr(histories, "KEPT_BYTES", 1 << 30)
    again = beam_search(decoder, encoded, lengths, config, ExternalLm(neural=make_lm()))
    assert [(one.labels, one.score) for one in found] == [(two.labels, pytest.approx(two.score)) for two in again]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("start", [None, 3])
def test_fusion_in_an_exhaustive_beam_is_exact(oracle, make_decoder, seed, start):
    model, decoder, weight = make_lm(seed), make_decoder(5, seed), 0.7
    encoded = torch.randn(1, 4, 5)
    begin = [] if start is None else [start]

    def bonus(history, label):
        return weight * float(step_log_probs(model, history)[-1][label])

    totals = oracle.all_sequences(decoder, encoded[0], 1, start=begin, bonus=bonus)
    for labels in totals:
        totals[labels] *= math.exp(weight * float(step_log_probs(model, labels)[-1][0]))
    expected = max(totals, key=totals.get)
    config = SearchConfig(search="beam", beam_size=len(totals), max_symbols=1, nnlm_weight=weight)
    first = None if start is None else torch.tensor([start])
    found = beam_search(decoder, encoded, torch.tensor([4]), config, ExternalLm(neural=model), first)[0]
    assert tuple(begin + found.labels) == expected
    assert found.score == pytest.approx(math.log(totals[expected]), abs=1e-3)


def unigram_pair():
    """An ARPA unigram, and an LSTM that gives the same whatever came before: no weights but the bias of the output."""
    log10 = {"<unk>": -1.1, "a": -0.4, "b": -0.6, "c": -0.9}
    rest = 1.0 - sum(10**value for value in log10.values())
    words = [1, 2, 3, 4, 5, 6]  # of the tokens, <s>, </s>
    probs = [*log10.values(), NEVER, math.log10(rest)]
    assert (BEGIN, END) == ("<s>", "</s>") and rest > 0
    table = Ngrams(torch.tensor(words)[:, None].numpy(), torch.tensor(probs).double().numpy(), torch.zeros(6).numpy())
    model = make_lm()
    for parameter in model.parameters():
        parameter.zero_()
    model.output.bias.copy_(torch.tensor([math.log10(rest), *log10.values()]) * math.log(10))
    return NgramModel([table], 5), model


@pytest.mark.parametrize("weight", [0.3, 1.4])
def test_an_lstm_set_to_a_unigram_fuses_as_the_unigram_does(make_decoder, weight):
    ngram, neural = unigram_pair()
    encoded, lengths = torch.randn(3, 12, 5), torch.tensor([12, 9, 12])
    config = SearchConfig(search="beam", beam_size=5, nbest=5, internal_lm_weight=0.2)
    one = beam_search(
        make_decoder(5, 2), encoded, lengths, with_weights(config, lm_weight=weight), ExternalLm(ngram, neural)
    )
    two = beam_search(
        make_decoder(5, 2), encoded, lengths, with_weights(config, nnlm_weight=weight), ExternalLm(ngram, neural)
    )
    both = beam_search(
        make_decoder(5, 2),
        encoded,
        lengths,
        with_weights(config, lm_weight=weight / 4, nnlm_weight=3 * weight / 4),
        ExternalLm(ngram, neural),
    )
    assert texts(one) == texts(two) == texts(both)
    for other in (two, both):
        assert [best.score for best in one] == pytest.approx([best.score for best in other], abs=1e-3)
    assert texts(one) != texts(beam_search(make_decoder(5, 2), encoded, lengths, config))


def with_weights(config, **weights):
    return SearchConfig(**(vars(config) | weights))


def texts(found):
    return [[hypothesis.labels, *(other.labels for other in hypothesis.others)] for hypothesis in found]


def test_without_a_weight_the_model_changes_nothing(make_decoder):
    encoded, lengths = torch.randn(2, 10, 5), torch.tensor([10, 7])
    config = SearchConfig(search="beam", beam_size=4, nbest=4)
    alone = beam_search(make_decoder(5, 0), encoded, lengths, config)
    beside = beam_search(make_decoder(5, 0), encoded, lengths, config, ExternalLm(neural=make_lm()))
    assert texts(alone) == texts(beside)
    assert [one.score for one in alone] == [two.score for two in beside]


def test_a_search_in_pieces_finds_the_same(make_decoder):
    """Made outside inference mode and used in it, as a stream does."""
    decoder, encoded = make_decoder(5, 3), torch.randn(1, 20, 5)
    config = SearchConfig(search="beam", beam_size=3, nnlm_weight=0.6)
    lm = ExternalLm(neural=NeuralLm(make_lm().config).eval())  # its weights would have gradients
    whole = beam_search(decoder, encoded, torch.tensor([20]), config, lm)[0]
    running = BeamSearch(decoder, 1, config, lm, None, encoded.device)
    found = []
    for first in range(0, 20, 4):
        with torch.inference_mode():
            running.accept(encoded[:, first : first + 4], torch.tensor([4]))
            found += running.settle().labels
    with torch.inference_mode():
        end = running.finish()[0]
    assert found + end.labels == whole.labels and end.score == pytest.approx(whole.score, abs=1e-4)


def test_a_file_comes_back_as_it_was_written(tmp_path):
    model = make_lm()
    save_neural_lm(model, TOKENS, tmp_path / "nnlm.pt")
    again = load_neural_lm(tmp_path / "nnlm.pt", TOKENS)
    assert again.config == model.config and not again.training
    assert again.sequence_log_probs(SEQUENCES) == model.sequence_log_probs(SEQUENCES)


@pytest.fixture
def written(tmp_path):
    save_neural_lm(make_lm(), TOKENS, tmp_path / "nnlm.pt")
    return tmp_path / "nnlm.pt"


@pytest.mark.parametrize("tokens", [["<blank>", "<unk>", "a", "c", "b"], TOKENS[:4], [*TOKENS, "d"]])
def test_a_model_of_other_tokens_is_refused(written, tokens):
    index = 3 if len(tokens) == 5 else min(len(tokens), 5)
    with pytest.raises(
        JstasrError, match=f"nnlm.pt: is a language model of other tokens.*differ from number {index} on"
    ):
        load_neural_lm(written, tokens)


def changed(path, **parts):
    content = torch.load(path, weights_only=True)
    torch.save(content | parts, path)


SIZES = {"vocab_size": 5, "layers": 2, "dim": 7, "dropout": 0.5}


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda path: path.unlink(), "no such language model; make one with `jstasr nnlm`"),
        (lambda path: path.write_bytes(path.read_bytes()[:-500]), "damaged or not a neural language model"),
        (lambda path: path.write_bytes(b""), "damaged or not a neural language model"),
        (lambda path: path.write_text("\\data\\\nngram 1=3\n"), "damaged or not a neural language model"),
        (lambda path: torch.save({"model": {}}, path), "damaged or not a neural language model"),
        (lambda path: torch.save([1, 2], path), "damaged or not a neural language model"),
        (lambda path: changed(path, config=SIZES | {"layers": 10**9}), "damaged or not a neural language model"),
        (lambda path: changed(path, config=SIZES | {"dim": "7"}), "damaged or not a neural language model"),
        (lambda path: changed(path, config=SIZES | {"dim": 50_000}), "not those of the sizes that it states"),
        (lambda path: changed(path, model={"output.bias": torch.zeros(5)}), "not those of the sizes that it states"),
        (lambda path: changed(path, tokens=TOKENS[:4]), "damaged or not a neural language model"),
        (lambda path: spoil(path), "NaN or infinity in output.bias"),
    ],
)
def test_a_damaged_file_is_refused(written, damage, message):
    damage(written)
    with pytest.raises(JstasrError, match=message):
        load_neural_lm(written, TOKENS)


def spoil(path):
    weights = torch.load(path, weights_only=True)["model"]
    weights["output.bias"][2] = math.nan
    changed(path, model=weights)


@pytest.fixture
def text_options(tmp_path):
    write_table(tmp_path / "text", {f"u{i:03}": "abcab" if i % 3 else "bac" for i in range(120)})
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\n<space>\na\nb\nc\n")
    (tmp_path / "empty").write_text("u1 ...\n")
    paths = {"--text": "text", "--valid-text": "text", "--token-list": "tokens.txt", "--output": "nnlm.pt"}
    return ["nnlm", *(word for name, file in paths.items() for word in (name, str(tmp_path / file)))]


SMALL = ["--dim", "16", "--dropout", "0", "--batch-tokens", "100", "--epochs", "30", "--learning-rate", "0.01"]


def test_the_command_trains_a_model_that_predicts_its_text(text_options, tmp_path, capsys):
    """Two sentences, one twice as frequent: only the first token is open, so 6 or 4 tokens share -log 2/3 or 1/3."""
    lm = ["lm", *text_options[1:7], "--order", "6", "--output", str(tmp_path / "lm.arpa")]
    assert main(lm) == 0
    assert main([*text_options, *SMALL, "--ngram", str(tmp_path / "lm.arpa")]) == 0
    entropy = (80 * math.log(3 / 2) + 40 * math.log(3)) / (80 * 6 + 40 * 4)
    said = capsys.readouterr().out
    found = float(said.rpartition("perplexity ")[2].split()[0])
    assert math.exp(entropy) - 0.005 <= found < math.exp(entropy) + 0.05
    assert "by the n-gram model" in said
    model = load_neural_lm(tmp_path / "nnlm.pt", ["<blank>", "<unk>", "<space>", "a", "b", "c"])
    assert math.exp(model.sequence_log_probs([[3, 4, 5, 3, 4]])[0]) == pytest.approx(2 / 3, abs=0.15)


def test_training_again_gives_the_same_file(text_options, tmp_path):
    found = []
    for _ in range(2):
        assert main([*text_options, *SMALL[:-4], "--epochs", "1"]) == 0
        found.append((tmp_path / "nnlm.pt").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--layers", "0"], "--layers 0: must lie in 1 .. 64"),
        (["--dim", "0"], "--dim 0: must lie in"),
        (["--dropout", "1"], "--dropout 1.0: must be 0 or more, and less than 1"),
        (["--learning-rate", "0"], "--learning-rate 0.0: must be above 0"),
        (["--cleaner", "basic", "--lang", "en", "--valid-text", "EMPTY"], "no text to measure the perplexity on"),
        (["--cleaner", "basic", "--lang", "en", "--text", "EMPTY"], "no text to train on"),
        (["--ngram", "MISSING"], "no such language model; make one with `jstasr lm`"),
    ],
)
def test_wrong_options_are_told_in_one_sentence(text_options, tmp_path, capsys, options, message):
    paths = {"EMPTY": str(tmp_path / "empty"), "MISSING": str(tmp_path / "missing")}
    assert main([*text_options, *(paths.get(word, word) for word in options)]) == 1
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said
    assert not (tmp_path / "nnlm.pt").exists()
