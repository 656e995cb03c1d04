"""Pictures of alignments."""

import numpy as np
import pytest
from matplotlib.image import imread

from jstasr.data.speech_set import SpeechSet
from jstasr.report.pictures import AlignmentPictures, draw_utterance, of_typical_length
from jstasr.text.tokens import PhoneList, build_tokenizer


@pytest.fixture
def phone_list(expdir):
    return PhoneList.load(expdir / "phones.txt")


@pytest.fixture
def data(expdir, data_dir, phone_list):
    return SpeechSet(data_dir, build_tokenizer(expdir / "tokens.txt"), phone_list)


def has_colour(path, red, green, blue):
    pixels = imread(path)[..., :3]
    return (np.abs(pixels - np.array([red, green, blue]) / 255).max(-1) < 0.1).any()


def test_a_validation_draws_a_picture_and_leaves_the_model_in_training(model, data, phone_list, tmp_path):
    model.train()
    AlignmentPictures(data, phone_list, tmp_path / "images", utterances=2).draw(model, 7)
    assert has_colour(tmp_path / "images" / "step7.png", 214, 39, 40)
    assert model.training


@pytest.mark.parametrize("with_forced", [False, True])
def test_the_forced_alignment_is_drawn_where_asked_for(model, data, phone_list, tmp_path, with_forced):
    draw_utterance(model, data, phone_list, 2, tmp_path / "a.png", with_forced)
    assert has_colour(tmp_path / "a.png", 214, 39, 40)
    assert has_colour(tmp_path / "a.png", 31, 119, 180) == with_forced


def test_utterances_to_draw_are_of_typical_length():
    lengths = np.array([500, 10, 300, 100, 200, 400])
    assert of_typical_length(lengths, 2) == [3, 5]  # ranks 1 and 4 of 0 .. 5
    assert of_typical_length(lengths, 1) == [4]
    assert of_typical_length(lengths, 0) == []
    assert of_typical_length(lengths[:1], 3) == [0]


@pytest.mark.parametrize("wanted, indexes", [(3, [0, 2, 4]), (9, [0, 1, 2, 3, 4])])
def test_pictures_of_the_training_show_utterances_evenly_spread(data, phone_list, tmp_path, wanted, indexes):
    assert AlignmentPictures(data, phone_list, tmp_path, utterances=wanted).indexes == indexes
