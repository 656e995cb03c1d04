"""Speech spliced for unpaired text: which frames it takes, for which texts, and what becomes of the batch."""

import pytest
import torch

from jstasr.data.batch import Batch
from jstasr.data.splice import MAX_FRAMES, SpliceConfig, UnitBank, as_long_as_usual

FACTOR, PAST = 4, 6  # features of an encoder frame, and those before them that it sees


def batch_of(utterances, texts, width=3):
    """utterances: (phonemes, encoder frames of each phoneme). Feature t of utterance u is 100 u + t in every bin."""
    phones, frames = zip(*utterances) if utterances else ((), ())
    lengths = [FACTOR * sum(counts) for counts in frames]
    speech = torch.zeros(len(utterances), max(lengths, default=0), width)
    for number, length in enumerate(lengths):
        speech[number, :length] = (100 * number + torch.arange(length))[:, None]

    def padded(rows):
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)

    def sizes(rows):
        return torch.tensor([len(row) for row in rows])

    paired, unpaired = (padded(phones), sizes(phones)), (padded(texts), sizes(texts))
    names = [[f"{kind}{number}" for number in range(len(rows))] for kind, rows in (("u", phones), ("t", texts))]
    labels = [(ids + 40, lengths) for ids, lengths in (paired, unpaired)]
    return Batch(names[0], speech, torch.tensor(lengths), *labels[0], *paired, names[1], *unpaired, *labels[1])


def path_of(utterances):
    """(B, n), the phoneme of each encoder frame."""
    rows = [torch.tensor([at for at, count in enumerate(counts) for _ in range(count)]) for _, counts in utterances]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)


def bank_of(utterances, **settings):
    bank = UnitBank(SpliceConfig(**{"share": 0.99, **settings}), FACTOR, PAST)
    bank.add(batch_of(utterances, [[1]]), path_of(utterances))
    return bank


WIDE = [([1], [20])]  # a batch with room for any text here


def spliced_features(bank, *texts):
    """The features of the spliced row for each text, as their first bin; of those that were spliced."""
    found = []
    for text in texts:
        batch = bank.spliced(batch_of(WIDE, [text, [1] * 1000]))
        found += [row[:length, 0].int().tolist() for row, length in zip(batch.speech, batch.speech_lengths)][1:]
    return found


def test_a_text_takes_the_longest_run_and_the_frames_that_the_encoder_saw_for_it():
    bank = bank_of([([5, 6, 7], [2, 1, 3]), ([9, 6, 8, 7], [1, 2, 1, 1])])
    # 5 6 from the first, its encoder frames 0..2; then 8 7 from the second, its frames 3..4 to its end
    assert spliced_features(bank, [5, 6, 8, 7]) == [[*range(0, 12 - PAST), *range(112 - PAST, 120)]]


def test_a_unit_within_an_utterance_ends_where_its_last_frame_begins_to_be_seen():
    bank = bank_of([([5, 6, 7, 8], [2, 2, 2, 2])])
    assert spliced_features(bank, [6, 7]) == [[*range(8 - PAST, 24 - PAST)]]
    assert spliced_features(bank, [7, 8]) == [[*range(16 - PAST, 32)]]


def test_units_are_no_longer_than_configured():
    bank = bank_of([([5, 6, 7], [2, 2, 2])], longest=1)
    one_by_one = [*range(0, 8 - PAST), *range(8 - PAST, 16 - PAST), *range(16 - PAST, 24)]
    assert spliced_features(bank, [5, 6, 7]) == [one_by_one]
    assert spliced_features(bank, [7, 5]) == [[*range(16 - PAST, 24 - PAST), *range(0, 8 - PAST)]]


def test_of_equal_runs_the_one_after_the_right_phoneme_is_likelier():
    bank = bank_of([([5, 6], [2, 2]), ([7, 8, 6], [2, 2, 2])])
    texts = [[7, 6]] * 200  # the run 7, then 6: after 5 or after 8; neither is right
    after_five = sum(row[-1] == 15 for row in spliced_features(bank, *texts))
    assert 60 < after_five < 140
    bank = bank_of([([5, 6], [2, 2]), ([7, 6], [2, 2])], longest=1)
    right = sum(row[-1] == 115 for row in spliced_features(bank, *texts))
    assert right > 180  # 1 - 0.2^2 / 2 of them


def test_texts_with_a_phoneme_that_no_unit_holds_stay_text():
    bank = bank_of([([5, 6, 7], [2, 1, MAX_FRAMES + 1])])  # 7 holds a pause
    batch = bank.spliced(batch_of(WIDE, [[5, 6], [5, 7], [6, 4], [6], [1] * 100]))
    assert batch.utt_ids == ["u0", "t0+t3"] and batch.text_ids == ["t1", "t2", "t4"]


def test_the_batch_keeps_every_text_and_label_once():
    bank = bank_of([([5, 6, 7], [2, 1, 2])])
    before = batch_of([([1, 2], [3, 2])], [[5, 6], [4], [7, 7, 5], [1] * 50])  # 20 features: no room for both in a row
    batch = bank.spliced(before)
    assert (batch.recorded, batch.spliced) == (1, 2)
    assert batch.phones.tolist() == [[1, 2, 0], [5, 6, 0], [7, 7, 5]] and batch.phone_lengths.tolist() == [2, 2, 3]
    assert batch.labels.tolist() == [[41, 42, 0], [45, 46, 0], [47, 47, 45]] and batch.label_lengths.tolist() == [
        2,
        2,
        3,
    ]
    assert batch.text_phone_lengths.tolist() == [1, 50] and batch.text_labels[0, 0] == 44
    assert torch.equal(batch.speech[0, :20], before.speech[0])
    counts, old = batch.counts(), before.counts()
    assert counts["phones"] + counts["text_phones"] == old["phones"] + old["text_phones"]
    assert counts["spliced_phones"] == 5 and counts["paired"] == 1


def test_texts_share_rows_that_are_no_longer_than_the_recordings():
    bank = bank_of([([5, 6], [2, 2])])  # 16 features
    batch = bank.spliced(batch_of([([1], [9])], [[5, 6], [5, 6] * 4, [5, 6], [5, 6], [1] * 100]))  # 36 features
    assert batch.utt_ids == ["u0", "t0+t2", "t3"] and batch.text_ids == ["t1", "t4"]
    assert batch.speech.shape[1] == 36 and batch.speech_lengths.tolist() == [36, 32, 16]
    assert batch.phones.tolist() == [[1, 0, 0, 0], [5, 6, 5, 6], [5, 6, 0, 0]]
    assert batch.labels[1].tolist() == [45, 46, 45, 46] and batch.label_lengths.tolist() == [1, 4, 2]
    assert batch.speech[1, :32, 0].tolist() == [*range(16)] * 2


def test_no_more_than_the_share_is_spliced():
    bank = bank_of([([5, 6], [2, 2])], share=0.5)
    batch = bank.spliced(batch_of(WIDE, [[5, 6]] * 9))
    assert (batch.utt_ids[1:], len(batch.text_ids)) == (["t0+t1+t2+t3"], 5)
    assert UnitBank(SpliceConfig(share=0.5), FACTOR, PAST).spliced(batch) is batch  # an empty bank


def test_a_step_can_be_made_as_large_as_with_spliced_speech():
    batch = as_long_as_usual(batch_of([([1], [5])], [[5, 6], [5] * 9, [7], [8, 8]]), 0.5, 4.0)  # 20 features wide
    assert batch.utt_ids == ["u0", "t0+t2+t3"] and batch.text_ids == ["t1"]
    assert batch.speech_lengths.tolist() == [20, 20] and batch.phone_lengths.tolist() == [1, 5]
    plain = batch_of([([1], [5])], [[5, 6]])
    assert as_long_as_usual(plain, 0.0, 4.0) is plain


def test_the_bank_forgets_the_oldest_utterances():
    utterances = [([5, 6], [2, 3]), ([7, 8], [2, 3])]
    bank = bank_of(utterances, seconds=0.2)  # 5 encoder frames of 40 ms
    assert spliced_features(bank, [5]) == [] and spliced_features(bank, [7, 8]) == [[*range(100, 120)]]


def test_a_restored_bank_splices_the_same():
    bank = bank_of([([5, 6, 7], [2, 1, 2]), ([6, 5, 7], [1, 1, 2])])
    other = UnitBank(bank.config, FACTOR, PAST)
    other.load(bank.state())
    texts = [[5, 7, 6, 6, 5], [7, 5, 5]]
    torch.manual_seed(3)
    expected = spliced_features(bank, *texts)
    torch.manual_seed(3)
    assert spliced_features(other, *texts) == expected and len(expected) == 2


@pytest.mark.parametrize("frames", [0, 1])
def test_phonemes_that_the_path_skips_match_nothing(frames):
    bank = bank_of([([5, 6, 7], [2, frames, 2])])
    assert len(spliced_features(bank, [6])) == frames
