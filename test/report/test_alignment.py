"""Measures of alignment by depth: against brute force, and on cases with a known answer."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchaudio.functional import forced_align

from jstasr.data.speech_set import SpeechSet
from jstasr.errors import JstasrError
from jstasr.model.joint import Encoded
from jstasr.report.alignment import (
    ForcedAlignments,
    analyse_alignments,
    ctc_frames_needed,
    ratio_interval,
)
from jstasr.report.alignment_text import alignment_text
from jstasr.report.known_times import KnownTimes
from jstasr.report.phone_paths import phone_path
from jstasr.text.tokens import PhoneList, build_tokenizer


@pytest.fixture
def data(expdir, data_dir):
    return SpeechSet(data_dir, build_tokenizer(expdir / "tokens.txt"), PhoneList.load(expdir / "phones.txt"))


def analyse(model, data, batch_frames=10_000, utterances=0, aligner=True):
    return analyse_alignments(model, data, batch_frames, utterances, aligner, lambda line: None)


def brute_best_distance(speech, text):
    """Mean distance on the best path of one utterance by D(i, j) = c_ij + min_{k<=j} D(i-1, k), in float64."""

    def normal(x):
        x = x - x.mean(1, keepdims=True)
        return x / np.sqrt((x**2).sum(1, keepdims=True) + 1e-5 * x.shape[1])

    cost = ((normal(speech)[:, None] - normal(text)[None]) ** 2).sum(2)
    total = cost[0].copy()
    for row in cost[1:]:
        total = row + np.array([total[: j + 1].min() for j in range(len(row))])
    return total.min() / len(cost)


def test_best_distance_is_that_of_each_utterance_alone_by_brute_force(model, data):
    layers = analyse(model, data)["layers"]
    expected = np.zeros(len(layers))
    with torch.inference_mode():
        for index in range(len(data)):
            features = torch.tensor(data.features(index))[None]
            speech = model.encode_speech(model.audio_encoder.front_end(features), torch.tensor([features.shape[1]]))
            phones = torch.tensor(np.array(data.phones[index]), dtype=torch.long)[None]
            text = model.encode_text(phones, torch.tensor([phones.shape[1]]))
            for layer, (frames, positions) in enumerate(zip(speech.layers, text.layers)):
                expected[layer] += brute_best_distance(frames[0].double().numpy(), positions[0].double().numpy())
    assert [layer["best"] for layer in layers] == pytest.approx(expected / len(data), rel=1e-4)


def test_layers_are_named_by_encoder_and_depth(model, data):
    assert [layer["name"] for layer in analyse(model, data)["layers"]] == [
        "shared input",
        "shared 1",
        "full 1",
        "full 2",
    ]


def test_batch_size_changes_neither_the_best_path_nor_its_agreement(model, data):
    one, all_at_once = analyse(model, data, batch_frames=1), analyse(model, data, batch_frames=10_000)
    for a, b in zip(one["layers"], all_at_once["layers"]):
        for name in ("best", "framewise", "positions", "position_share"):
            assert a[name] == pytest.approx(b[name], rel=1e-4)
        assert a["agreement"] == pytest.approx(b["agreement"], rel=1e-4)


def test_one_utterance_has_no_other_text_and_no_interval(model, data):
    layer = analyse(model, data, utterances=1)["layers"][0]
    assert np.isnan(layer["own_to_other"])
    assert layer["intervals"]["own_to_other"] is None


def test_without_a_trained_phoneme_head_there_is_no_aligner(model, data):
    analysis = analyse(model, data, aligner=False)
    assert analysis["aligner"] is None
    assert "ctc_phone" in alignment_text(analysis | {"data": "dev", "model": "m"})


def test_a_model_that_diverged_is_refused_with_the_utterances(model, data):
    next(model.shared_encoder.parameters()).data.fill_(torch.nan)
    with pytest.raises(JstasrError, match="not finite for 5 .*s1-u1"):
        analyse(model, data)


def test_phone_path_counts_phonemes():
    path = torch.tensor([[0, 1, 2, 4, 4, 5], [0, 0, 3, -1, -1, -1]])
    repeats = torch.tensor([[2, 1, 3], [1, 3, 0]])
    assert phone_path(path, repeats).tolist() == [[0, 0, 1, 2, 2, 2], [0, 0, 1, -1, -1, -1]]


@pytest.mark.parametrize("labels", [[1, 2, 3], [1, 1, 1], [2, 2, 1, 1], [4]])
def test_frames_needed_are_the_fewest_that_the_aligner_accepts(labels):
    padded = torch.tensor([[*labels, 1, 1]])  # what lies past the length does not count
    needed = int(ctc_frames_needed(padded, torch.tensor([len(labels)])))

    def align(frames):
        return forced_align(torch.zeros(1, frames, 5).log_softmax(-1), torch.tensor([labels]))

    align(needed)
    with pytest.raises(RuntimeError):
        align(needed - 1)


@pytest.mark.parametrize("shift, error_ms, within_50", [(0, 0.0, 1.0), (1, 40.0, 1.0), (3, 120.0, 11 / 15)])
def test_agreement_of_paths_a_known_number_of_frames_apart(shift, error_ms, within_50):
    """Three phonemes; the best path begins the second and third `shift` frames after the aligner does."""
    truth = [0] * 5 + [1] * 5 + [2] * 5
    best = [0] * (5 + shift) + [1] * 5 + [2] * (5 - shift)
    phones = torch.tensor([[4, 5, 6]])
    logits = 20 * torch.nn.functional.one_hot(phones[0][truth], 8).float()[None]
    vectors = torch.eye(3, 4) * 10  # of three phonemes, repeated once each
    batch = SimpleNamespace(phones=phones, phone_lengths=torch.tensor([3]), utt_ids=["u"])
    speech = Encoded([vectors[best][None]], torch.tensor([15]), None, None)
    text = Encoded([vectors[None]], torch.tensor([3]), None, None, torch.ones(1, 3, dtype=torch.long))
    aligner = ForcedAlignments(layers=1)
    aligner.add(SimpleNamespace(ctc_phone=lambda frames: logits), speech, text, batch)
    (agreement,) = aligner.agreements()
    assert agreement["boundary_error_ms"] == pytest.approx(error_ms)
    assert agreement["frames_within_50_ms"] == pytest.approx(within_50)


def test_utterances_too_short_for_ctc_are_left_out_and_named():
    phones = torch.tensor([[4, 5, 6]])
    batch = SimpleNamespace(phones=phones, phone_lengths=torch.tensor([3]), utt_ids=["short"])
    speech = Encoded([torch.zeros(1, 2, 4)], torch.tensor([2]), None, None)
    aligner = ForcedAlignments(layers=1)
    aligner.add(None, speech, None, batch)
    assert aligner.summary() == {"utterances": 0, "too_short": {"count": 1, "first": ["short"]}, "framewise": None}
    assert aligner.agreements() == [None]


PHONE_LIST = PhoneList(["<pad>", "<mask>", "<unk>", "_", "a", "b", "k", "t"])


def known_times(folder, lines, layers=1):
    (folder / "phones.ctm").write_text("".join(f"{line}\n" for line in lines))
    return KnownTimes(folder / "phones.ctm", PHONE_LIST, layers)


def test_errors_of_times_are_those_of_the_phonemes_that_the_file_has(tmp_path):
    """`a b _ k a` on a path that gives them 2, 3, 1, 4 and 5 frames of 40 ms: they begin at 0, 80, 200, 240, 400 ms."""
    times = known_times(
        tmp_path, ["u 1 0.03 0.1 a", "u 1 0.1 0.1 b", "u 1 0.2 0.1 x", "u 1 0.3 0.1 a", "other 1 0 1 a"]
    )
    vectors = torch.eye(5, 6) * 10
    path = [0] * 2 + [1] * 3 + [2] + [3] * 4 + [4] * 5
    speech = Encoded([vectors[path][None]], torch.tensor([15]), None, None)
    text = Encoded([vectors[None]], torch.tensor([5]), None, None, torch.ones(1, 5, dtype=torch.long))
    phones, lengths = torch.tensor([[4, 5, 3, 6, 4]]), torch.tensor([5])
    times.add(speech, text, SimpleNamespace(phones=phones, phone_lengths=lengths, utt_ids=["u"]))
    times.add(speech, text, SimpleNamespace(phones=phones, phone_lengths=lengths, utt_ids=["unknown"]))
    (errors,) = times.of_layers()  # b 20 ms early, the last a 100 ms late; k is not in the file
    assert errors == pytest.approx({"error_ms": 60, "late_ms": -20, "spread_ms": 60})
    summary = times.summary()
    assert {name: summary[name] for name in ("utterances", "missing_utterances", "phonemes", "missing_phonemes")} == {
        "utterances": 1,
        "missing_utterances": 1,
        "phonemes": 2,
        "missing_phonemes": 1,
    }
    # stretched uniformly, three frames each: b begins at 120 ms, the last a at 480 ms
    assert summary["framewise"]["error_ms"] == pytest.approx((20 + 180) / 2)


@pytest.mark.parametrize("line", ["u 1 0.1 a", "u 1 soon 0.1 a", ""])
def test_a_line_that_is_no_line_of_a_ctm_file_is_named(tmp_path, line):
    with pytest.raises(JstasrError, match=r"phones.ctm, line 2: expected .utterance channel"):
        known_times(tmp_path, ["u 1 0.0 0.1 a", line, "u 1 0.3 0.1 b"])


def test_times_of_other_utterances_are_an_error(tmp_path, model, data):
    with pytest.raises(JstasrError, match="phones.ctm: holds no phoneme"):
        analyse_alignments(model, data, 10_000, 0, False, lambda line: None, known_times(tmp_path, ["other 1 0 1 a"]))


def test_the_text_has_a_column_of_times(tmp_path, model, data):
    sequence = [f"1 {0.1 * place:.1f} 0.1 {phone}" for place, phone in enumerate("bakata")]
    times = known_times(tmp_path, [f"{utt} {phone}" for utt in data.ids for phone in sequence], layers=4)
    analysis = analyse_alignments(model, data, 10_000, 0, True, lambda line: None, times)
    text = alignment_text(analysis | {"data": "dev", "model": "m"})
    rows = [line.split() for line in text.splitlines() if line.startswith(("shared", "full", "uniform"))]
    assert len(rows) == 5 and "phones.ctm" in text
    assert float(rows[0][-3]) == pytest.approx(analysis["layers"][0]["phone_times"]["error_ms"], abs=0.5)


def test_interval_of_a_ratio():
    random = np.random.default_rng(0)
    below = random.uniform(1, 2, 400)
    assert ratio_interval(0.5 * below, below) == pytest.approx([0.5, 0.5])
    above = 0.5 * below + random.normal(0, 0.2, 400)
    low, high = ratio_interval(above, below)
    # the delta method's standard error
    ratio = above.sum() / below.sum()
    error = np.std(above - ratio * below) / np.sqrt(400) / below.mean()
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert low < ratio < high
