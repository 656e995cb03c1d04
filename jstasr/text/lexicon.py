"""A pronunciation lexicon in Kaldi's layout: lines `word phone phone ...`."""

from collections.abc import Callable, Iterable
from pathlib import Path

from jstasr.errors import JstasrError, list_faults
from jstasr.text.languages import is_unspaced
from jstasr.text.normalize import clean
from jstasr.text.tokens import PHONE_SPECIALS, WORD_MARK

MAX_FAULTS_SHOWN = 20


class Lexicon:
    """Pronunciations by word; of several for one word the first is taken.

    Args:
        path: the file; words are normalised by `cleaner`, as the transcripts are.
        language: of all its words.
    Raises:
        JstasrError: every line that is not UTF-8, has no phone or uses a reserved one, by number.
    """

    def __init__(self, path: str | Path, language: str | None = None, cleaner: str = "basic"):
        self.path = Path(path)
        self.words: dict[str, list[str]] = {}  # word -> phones
        self.unspaced = is_unspaced(language)
        try:
            lines = self.path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        except OSError as error:
            raise JstasrError(f"{path}: cannot read the lexicon: {error.strerror}") from None
        faults = []
        for number, raw in enumerate(lines, 1):
            try:
                word, *phones = raw.decode("utf-8").split() or [""]
            except UnicodeDecodeError:
                faults.append(f"{path}:{number}: not UTF-8")
                continue
            reserved = sorted(set(phones) & set(PHONE_SPECIALS))
            if word and not phones:
                faults.append(f"{path}:{number}: no phones after {word!r}")
            elif reserved:
                faults.append(f"{path}:{number}: {' '.join(reserved)} cannot be a phone here: give it another name")
            elif word:
                spelled = clean(word, cleaner, language)
                if spelled and " " not in spelled:  # <UNK>, !SIL and the like are spelled by no transcript
                    self.words.setdefault(spelled, phones)
        if faults:
            raise JstasrError(list_faults(faults, MAX_FAULTS_SHOWN))
        if not self.words:
            raise JstasrError(f"{path}: no words; expected lines `word phone phone ...`")
        self.longest = max(map(len, self.words))

    def __len__(self) -> int:
        return len(self.words)

    def split(self, text: str) -> list[str]:
        """Words of a text; where there are no spaces, the longest words of the lexicon from the left."""
        if not self.unspaced:
            return text.split()
        words = []
        for part in text.split():
            while part:
                length = next((n for n in range(min(self.longest, len(part)), 0, -1) if part[:n] in self.words), 1)
                words.append(part[:length])
                part = part[length:]
        return words

    def unknown(self, texts: Iterable[str]) -> dict[str, int]:
        """Words that the lexicon lacks -> how often each occurs in the texts."""
        counts: dict[str, int] = {}
        for text in texts:
            for word in self.split(text):
                if word not in self.words:
                    counts[word] = counts.get(word, 0) + 1
        return counts

    def phones(self, text: str, fallback: Callable[[str], list[str]] | None = None) -> list[str]:
        """Phones of a text with `_` between words.

        Args:
            text: the normalised transcript.
            fallback: phones of a word outside the lexicon; None: KeyError.
        """
        phones: list[str] = []
        for word in self.split(text):
            found = self.words.get(word) or (fallback(word) if fallback else self.words[word])
            if found:
                phones += [WORD_MARK, *found] if phones else found
        return phones
