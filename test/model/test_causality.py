"""What an output frame may depend on: never on padding, and, when streaming, never on what follows its chunk."""

import pytest
import torch

from jstasr.features.frames import SUBSAMPLING

TOLERANCE = dict(atol=2e-5, rtol=1e-4)


def encode(model, features):
    with torch.inference_mode():
        return model.encode_speech(features, torch.tensor([features.shape[1]]))


@pytest.mark.parametrize("chunk", range(5))
def test_audio_after_the_look_ahead_changes_no_earlier_streaming_frame(model, chunk):
    frames_per_chunk = model.config.chunk_size * SUBSAMPLING
    features = torch.randn(1, 100, 20)
    changed = features.clone()
    changed[:, (chunk + 1) * frames_per_chunk :] += 10 * torch.randn(1, 100 - (chunk + 1) * frames_per_chunk, 20)
    before, after = encode(model, features), encode(model, changed)
    known = (chunk + 1) * model.config.chunk_size
    for layer in range(1 + model.config.shared_layers):
        assert torch.equal(before.layers[layer][:, :known], after.layers[layer][:, :known])
    assert not torch.allclose(before.streaming[:, known:], after.streaming[:, known:])


def test_a_frame_does_see_its_own_chunk_and_the_full_encoder_sees_everything(model):
    features = torch.randn(1, 96, 20)
    changed = features.clone()
    changed[:, 12] += 5  # encoder frame 3, the last of chunk 0
    before, after = encode(model, features), encode(model, changed)
    assert not torch.allclose(before.streaming[:, 0], after.streaming[:, 0])
    changed = features.clone()
    changed[:, 92] += 5
    after = encode(model, changed)
    assert torch.equal(before.streaming[:, 0], after.streaming[:, 0])
    assert not torch.allclose(before.full[:, 0], after.full[:, 0])


def test_text_positions_stream_likewise(model):
    phones = torch.randint(3, 9, (1, 10))
    changed = phones.clone()
    changed[:, 6:] = 3 + (changed[:, 6:] - 2) % 6
    with torch.inference_mode():
        before = model.encode_text(phones, torch.tensor([10])).streaming
        after = model.encode_text(changed, torch.tensor([10])).streaming
    assert torch.equal(before[:, :12], after[:, :12])  # 6 phonemes, 2 positions each, chunks of 4
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_padding_of_speech_changes_no_output(model, batch):
    with torch.inference_mode():
        together = model.encode_speech(batch.speech + 0.0, batch.speech_lengths)
        noisy = batch.speech.clone()
        for row, length in enumerate(batch.speech_lengths):
            noisy[row, length:] = 100.0
        with_noise = model.encode_speech(noisy, batch.speech_lengths)
        for row, length in enumerate(batch.speech_lengths.tolist()):
            alone = model.encode_speech(batch.speech[row : row + 1, :length], torch.tensor([length]))
            frames = int(alone.lengths)
            assert frames == -(-length // SUBSAMPLING)
            # the last encoder frame may look at most 3 feature frames past the end: none, by the 4x grid
            for one, many, noise in zip(alone.layers, together.layers, with_noise.layers):
                assert torch.allclose(one[0], many[row, :frames], **TOLERANCE)
                assert torch.allclose(one[0], noise[row, :frames], **TOLERANCE)


def test_padding_of_text_changes_no_output(model, batch):
    with torch.inference_mode():
        together = model.encode_text(batch.phones, batch.phone_lengths)
        for row, length in enumerate(batch.phone_lengths.tolist()):
            alone = model.encode_text(batch.phones[row : row + 1, :length], torch.tensor([length]))
            for one, many in zip(alone.layers, together.layers):
                assert torch.allclose(one[0], many[row, : one.shape[1]], **TOLERANCE)


def test_losses_do_not_depend_on_padding(model, batch):
    with torch.inference_mode():
        for mode in ("streaming", "full"):
            together = model.encode_speech(batch.speech, batch.speech_lengths)
            losses = model.decoders[mode].loss(
                getattr(together, mode), together.lengths, batch.labels, batch.label_lengths
            )
            for row, length in enumerate(batch.speech_lengths.tolist()):
                alone = model.encode_speech(batch.speech[row : row + 1, :length], torch.tensor([length]))
                size = batch.label_lengths[row : row + 1]
                one = model.decoders[mode].loss(
                    getattr(alone, mode), alone.lengths, batch.labels[row : row + 1, : int(size)], size
                )
                assert torch.allclose(one[0], losses[row], **TOLERANCE)
