"""Text for language models, cut into a recogniser's tokens."""

from collections.abc import Iterable
from pathlib import Path

from jstasr.kaldi.data_dir import UTT2LANG
from jstasr.kaldi.tables import read_table
from jstasr.text.tokens import Tokenizer


def token_sequences(paths: Iterable[str | Path], tokenizer: Tokenizer) -> list[list[int]]:
    """Token ids of each line of Kaldi text files; characters outside the token list become `<unk>`.

    A multilingual token list puts the language's token first, as the recogniser learns it, where there is an
    utt2lang beside the text.
    """
    sequences = []
    for path in map(Path, paths):
        texts = read_table(path)
        beside = path.parent / UTT2LANG
        languages = read_table(beside) if tokenizer.token_list.languages and beside.exists() else {}
        sequences += [tokenizer.encode(text, languages.get(utt), strict=False) for utt, text in texts.items()]
    return sequences
