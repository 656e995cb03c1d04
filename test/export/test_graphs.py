"""The graphs before they become ONNX: what they compute is what the model and its greedy search compute."""

import pytest
import torch

from jstasr.decode.greedy import greedy_search
from jstasr.export.graphs import HEAD, Decoder, FullEncoder, GreedyJoiner, Joiner, StreamingEncoder
from jstasr.model.joint import FULL, STREAMING, JointModel

MAX_SYMBOLS = 3


@pytest.fixture
def talkative(makers, toy):
    """Makes a model with many labels and many blanks, and features (T, F) for it."""

    def make(**model):
        torch.manual_seed(5)
        network = JointModel(toy.config(**model).model).eval()
        features = torch.from_numpy(toy.features("abc def fed cab bad face", 0))
        makers.calibrate(network, features)
        return network, features

    return make


def labels_of(frames):
    """Labels that frames (T, HEAD + J) hand out."""
    return [int(label) for label in frames[:, 1] if label > 0]


def run_stream(encoder, features, starts):
    """Frames, and labels that wait behind them, of streams of features (T, F) that begin at the given chunks and run in
    one batch; and the number of features that were read."""
    size = encoder.feature_frames
    chunks = [part for part in features.split(size) if len(part) == size]
    shapes = [list(shape) for shape in (encoder.layout.attention_shape, encoder.layout.values_shape)]
    states = [tuple(torch.zeros(shape) for shape in shapes) for _ in starts]
    found = [[] for _ in starts]
    for step in range(len(chunks) + max(starts)):
        running = [i for i, start in enumerate(starts) if 0 <= step - start < len(chunks)]
        inputs = torch.stack([chunks[step - starts[i]] for i in running])
        joined = (torch.cat([states[i][part] for i in running], dim=2) for part in range(2))
        out, *after = encoder(inputs, *joined, torch.zeros(len(running), dtype=torch.long))
        for row, i in enumerate(running):
            states[i] = tuple(state[:, :, row : row + 1] for state in after)
            found[i].append(out[row])
    waiting = [encoder.layout.unpack(*state)[2].waiting[0] for state in states]
    results = [(torch.cat(frames), [int(label) for label in late if label > 0]) for frames, late in zip(found, waiting)]
    return results, len(chunks) * size


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"online_cmn": 30},
        {"online_cmn": 30, "online_variance": True, "cepstra": 8},
        {"left_chunks": 0, "kernel_size": 1},
        {"audio_layers": 0, "shared_layers": 0},
        {"audio_layers": 2, "left_chunks": 1, "chunk_size": 3},
    ],
)
@torch.inference_mode()
def test_streams_of_different_ages_in_a_batch_are_encoded_and_searched_as_each_alone(talkative, model):
    network, features = talkative(**model)
    results, length = run_stream(StreamingEncoder(network, MAX_SYMBOLS), features, starts=[0, 3, 7])
    decoder = network.decoder(STREAMING)
    encoded = network.encode_stream(features[:length], network.new_stream())
    expected = greedy_search(decoder, encoded[None], torch.tensor([len(encoded)]), MAX_SYMBOLS)[0].labels
    assert len(expected) > 10
    for frames, waiting in results:
        torch.testing.assert_close(frames[:, HEAD:], decoder.encoder_projection(encoded), atol=1e-4, rtol=1e-4)
        assert labels_of(frames) + waiting == expected


@torch.inference_mode()
def test_whole_utterances_of_a_batch_are_searched_to_their_ends(talkative):
    network, features = talkative()
    lengths = torch.tensor([len(features), len(features) // 2, 41])
    batch = torch.stack([features] * 3)
    frames, numbers = FullEncoder(network, MAX_SYMBOLS)(batch, lengths)
    encoded = network.encode_speech(batch, lengths)
    expected = greedy_search(network.decoder(FULL), encoded.full, encoded.lengths, MAX_SYMBOLS)
    for row, best in enumerate(expected):
        assert labels_of(frames[row, : numbers[row]]) == best.labels
        assert frames[row, :, 0].sum() == encoded.lengths[row] <= numbers[row]


@torch.inference_mode()
def test_labels_of_one_frame_are_handed_out_by_the_next_ones(talkative):
    network, features = talkative()
    decoder = network.decoder(FULL)
    decoder.blank.bias.fill_(-20.0)  # every frame has MAX_SYMBOLS labels
    lengths = torch.tensor([9])
    frames, numbers = FullEncoder(network, MAX_SYMBOLS)(features[None, :9], lengths)
    encoded = network.encode_speech(features[None, :9], lengths)
    assert encoded.lengths.tolist() == [3] and numbers.tolist() == [9]
    expected = greedy_search(decoder, encoded.full, encoded.lengths, MAX_SYMBOLS)[0].labels
    assert len(expected) == 9 and labels_of(frames[0, :9]) == expected


@torch.inference_mode()
def test_joiners_give_normalised_log_probabilities(talkative):
    network, features = talkative()
    decoder = network.decoder(FULL)
    frames, numbers = FullEncoder(network, MAX_SYMBOLS)(features[None], torch.tensor([len(features)]))
    frames = frames[0]
    predicted = Decoder(decoder)(torch.tensor([[-1, 4]]).expand(len(frames), -1))
    torch.testing.assert_close(predicted[0], decoder.predict(torch.tensor([0, 4])))
    for joiner in (Joiner(decoder), GreedyJoiner(decoder)):
        log_probs = joiner(frames, predicted)
        torch.testing.assert_close(log_probs.logsumexp(-1), torch.zeros(len(frames)), atol=1e-5, rtol=0)
    inside = frames[:, 0] > 0
    expected = decoder.log_probs(frames[inside, HEAD:], predicted[inside])
    torch.testing.assert_close(Joiner(decoder)(frames, predicted)[inside], expected)
    assert (Joiner(decoder)(frames, predicted)[~inside].argmax(-1) == 0).all()
    assert (GreedyJoiner(decoder)(frames, predicted).argmax(-1) == frames[:, 1]).all()


def test_a_label_keeps_its_lead_in_the_greedy_joiner_where_its_probability_is_low(talkative):
    network, _ = talkative()
    joiner = GreedyJoiner(network.decoder(FULL))
    frames = torch.zeros(3, joiner.frame_size)
    frames[:, 1], frames[:, 2] = torch.tensor([4.0, 0.0, 2.0]), torch.tensor([0.0, 1e-9, 1.0])
    assert joiner(frames, torch.zeros(3, 1)).argmax(-1).tolist() == [4, 0, 2]
    assert joiner(frames, torch.zeros(3, 1)).isfinite().all()
