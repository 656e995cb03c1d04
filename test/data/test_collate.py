"""From indexes to a padded batch."""

import warnings

import numpy as np
import torch

from jstasr.data.collate import collate, pad_features, pad_symbols


def test_features_are_padded_with_zeros_without_a_warning_on_read_only_arrays():
    matrices = [np.full((3, 2), 1.5, np.float32), np.full((5, 2), 2.5, np.float32)]
    matrices[0].flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        padded, lengths = pad_features(matrices)
    assert padded.shape == (2, 5, 2) and padded.dtype == torch.float32 and lengths.tolist() == [3, 5]
    assert padded[0, :3].eq(1.5).all() and padded[0, 3:].eq(0).all() and padded[1].eq(2.5).all()


def test_symbols_are_padded_with_zeros():
    padded, lengths = pad_symbols([np.asarray([4, 5], np.int32), np.asarray([6], np.int32)])
    assert padded.tolist() == [[4, 5], [6, 0]] and lengths.tolist() == [2, 1]
    padded, lengths = pad_symbols([])
    assert padded.shape == (0, 0) and lengths.shape == (0,) and lengths.dtype == torch.long


def test_a_batch_holds_the_wanted_utterances_and_texts(toy):
    speech, text = toy.speech("train", ["ab c", "fed a", "bad"]), toy.text("more", ["face", "ab"])
    batch = collate(speech, [2, 0], text, [1])
    tokenizer, phone_list = toy.lists()
    assert batch.utt_ids == ["train-002", "train-000"] and batch.text_ids == ["more-001"]
    assert tokenizer.decode(batch.labels[1][: batch.label_lengths[1]].tolist()) == "ab c"
    assert phone_list.decode(batch.text_phones[0].tolist()) == ["pa", "pb"]
    assert batch.speech_lengths.tolist() == [speech.num_frames[2], speech.num_frames[0]]
    assert np.array_equal(batch.speech[1, : batch.speech_lengths[1]].numpy(), speech.features(0))
    without = collate(speech, [1], None, [])
    assert without.text_ids == [] and without.text_phones.shape == (0, 0)
