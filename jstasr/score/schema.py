"""What result.json and compare.json hold. Rates are in percent; a rate of no words is None."""

from typing import Any, TypedDict


class Summary(TypedDict):
    """Counts and rates over some utterances; `words` counts the reference."""

    sentences: int
    words: int
    correct: int
    substitutions: int
    deletions: int
    insertions: int
    errors: int
    wrong_sentences: int
    error_rate: float | None
    sentence_error_rate: float | None


class Interval(TypedDict):
    """Bootstrap interval of an error rate: `level` percent, over so many blocks (utterances or speakers)."""

    low: float
    high: float
    level: float
    replicates: int
    blocks: int


class DifferenceInterval(Interval):
    """Bootstrap interval of the difference B - A of two error rates, in percent points.

    `probability_of_improvement`: the share of replicates in which B makes fewer errors than A, ties counted half.
    """

    difference: float
    probability_of_improvement: float


class Groups(TypedDict):
    """Summaries by group, and the mean of the groups' error rates."""

    groups: dict[str, Summary]
    macro_average: float | None


class MissingHypotheses(TypedDict):
    """How many hypotheses are missing, and the first of their utterances."""

    count: int
    first: list[str]


class FrequentErrors(TypedDict):
    """Lists, so that they equal what JSON gives back: [reference word, hypothesis word, count] or [word, count]."""

    substitutions: list[list[Any]]
    deletions: list[list[Any]]
    insertions: list[list[Any]]


class WrongUtterance(TypedDict):
    """An utterance with errors; `words` counts the reference."""

    utterance: str
    errors: int
    words: int
    reference: str
    hypothesis: str


class WrongRecording(WrongUtterance, total=False):
    """The same with the path of its audio, where wav.scp was given."""

    audio: str


class Result(TypedDict):
    """One scored test set."""

    measure: str  # WER, CER or TER
    unit: str  # words, characters or tokens
    cleaner: str
    total: Summary
    intervals: dict[str, Interval | None]  # by utterance, by speaker
    missing: MissingHypotheses
    empty: int  # hypotheses without a word, where the reference has words
    null_words: int  # how often sclite's empty word `@` stood in the texts
    groups: dict[str, Groups]  # name of the utt2X file -> error rates by its groups
    speakers: dict[str, Summary]
    frequent: FrequentErrors
    worst: list[WrongRecording]


class StoredResult(Result):
    """result.json: the result, and where and when it was computed (`jstasr.score.environment`)."""

    environment: dict[str, str]


class System(Summary):
    """One side of a comparison."""

    folder: str


class Comparison(TypedDict):
    """compare.json: two systems on the same test set."""

    a: System
    b: System
    difference: float | None  # B - A, percent points
    intervals: dict[str, DifferenceInterval | None]  # by utterance, by speaker
    matched_pairs: dict[str, Any]  # the fields of MatchedPairs, and `boundary_words`
