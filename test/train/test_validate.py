"""The criterion for the best checkpoints, and what a validation says of a model that emits nothing."""

import pytest

from jstasr.train.log import TrainLog
from jstasr.train.validate import Validation


def validation(wer, cer, empty=0.0):
    """With the same rates for both decoders."""
    return Validation(
        losses={},
        wer={"streaming": wer, "full": wer},
        cer={"streaming": cer, "full": cer},
        layers=[],
        empty={"streaming": empty, "full": empty},
    )


@pytest.mark.parametrize(
    "better, worse",
    [
        ((30.0, 20.0), (31.0, 10.0)),  # WER decides
        ((120.0, 60.0), (100.0, 100.0)),  # a model that has begun to learn, and one that emits only blanks
        ((140.0, 60.0), (110.0, 80.0)),
        ((99.0, 90.0), (120.0, 30.0)),
    ],
)
def test_the_better_model_has_the_lower_score(better, worse):
    assert validation(*better).score < validation(*worse).score


def test_a_decoder_that_is_not_trained_has_no_part_in_the_score():
    both = validation(30.0, 20.0)
    alone = Validation(losses={}, wer={"full": 30.0}, cer={"full": 20.0}, layers=[], empty={"full": 0.0})
    assert alone.score == both.score


@pytest.mark.parametrize("empty", [0.0, 0.9, 1.0])
def test_the_log_says_when_there_are_only_blanks(tmp_path, empty):
    log = TrainLog(tmp_path, enabled=True)
    log.validation(validation(100.0, 100.0, empty), step=10, seconds=1.0)
    log.close()
    assert ("streaming and full: only blanks" in (tmp_path / "train.log").read_text()) == (empty == 1.0)
