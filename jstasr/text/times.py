"""Times of day, decades and ranges of numbers as languages read them: 10:30, 10h30, the 1990s, 5–10."""

import re
from collections.abc import Iterable
from functools import lru_cache

from jstasr.text.cldr import CURRENCY_SIGNS, SIGN_UNITS, unit_pattern
from jstasr.text.fractions import VULGAR
from jstasr.text.languages import letters_around, primary_subtag
from jstasr.text.number_words import cardinal
from jstasr.text.rbnf import native_korean

# Between the ends of a range; the mark before the Korean one joins it to the first end (JOINED in numbers.py).
RANGE = {
    "en": "to", "de": "bis", "fr": "à", "es": "a", "it": "a", "pt": "a", "nl": "tot", "sv": "till", "da": "til",
    "nb": "til", "no": "til", "pl": "do", "ca": "a", "cs": "až", "sk": "až", "id": "sampai", "vi": "đến", "eo": "ĝis",
    "fa": "تا", "ar": "إلى", "he": "עד", "bn": "থেকে", "ja": "から", "ko": "\ue002에서", "th": "ถึง", "af": "tot",
    "bs": "do", "el": "έως", "et": "kuni", "fil": "hanggang", "gl": "a", "hi": "से", "hr": "do", "km": "ដល់",
    "lb": "bis", "lo": "ຫາ",
    "bg": "до", "is": "til", "mk": "до", "ro": "până la", "sl": "do",
    "ms": "hingga", "my": "မှ", "ne": "देखि", "nn": "til", "sq": "deri", "sw": "hadi", "yue": "到", "zh": "到",
}  # fmt: skip
HOURS = {"de": "Uhr", "fr": "heures", "vi": "giờ"}
THAI_TIME = re.compile(r"(?<![\d:.,])([01]?\d|2[0-4])[.:]([0-5]\d) ?น\.")
# What follows the hour and the minute where both are named.
CLOCK = {
    "ja": ("時", "分"), "ko": (" 시", " 분"), "lo": ("ໂມງ", "ນາທີ"), "th": ("นาฬิกา", "นาที"), "yue": ("點", "分"),
    "yue_Hans": ("点", "分"), "zh": ("点", "分"), "zh_Hant": ("點", "分"),
}  # fmt: skip
TWO_OF = {"yue": "兩", "yue_Hans": "两", "zh": "两", "zh_Hant": "兩"}  # two of a thing, as of hours
DASHES = "\u2013\u2014\u2212-"
TIME_END = "\ue001"  # behind the words of a time, while endings are looked for
# Signs before the ending of a time's case.
JOINED = {"hu": "-(?=[a-záéíóöőúüű])", "tr": "['\u2019](?=[a-zçğıöşü])"}
WAVE_DASHES = "~\u301c"  # of ranges in Chinese, Japanese and Korean


def spell_times_and_ranges(text: str, language: str | None, code: str) -> str:
    """Text with its times of day and decades in words, and with a word between the ends of ranges.

    Args:
        text: as written.
        language: its language.
        code: of `number_language`.
    """
    return _Times.of(language, code).read(text)


def spell_open_ranges(text: str, short: str, magnitudes: Iterable[str]) -> str:
    """Text with a word between the ends of ranges whose first end is more than digits: 2½–3½, €5m–€10m, 1st–3rd.

    Args:
        text: as written.
        short: its language.
        magnitudes: its words for thousand, million and so on.
    """
    if short not in RANGE or not re.search(f"[{DASHES}]", text):
        return text
    names = "|".join(map(re.escape, magnitudes)) or "(?!)"
    end = rf"[{CURRENCY_SIGNS}]?\d"
    text = re.sub(rf"(?<=[{VULGAR}]) ?[\u2013\u2014-] ?(?={end})", f" {RANGE[short]} ", text)
    text = re.sub(r"(?<![\d:])(\d{1,2}[:hH]\d\d) ?[\u2013-] ?(?=\d{1,2}[:hH]\d\d(?!\d))", rf"\1 {RANGE[short]} ", text)
    if short == "en":
        text = re.sub(r"(\d(?:st|nd|rd|th))[\u2013-](?=\d+(?:st|nd|rd|th)\b)", r"\1 to ", text)
    if short == "de":
        text = re.sub(r"(?<![\w.,])(\d{1,2}\.) ?[\u2013-] ?(?=\d{1,2}\. [^\W\d_])", r"\1 bis ", text)
    first = rf"((?<![\w.,])[{CURRENCY_SIGNS}]?\d+(?:[.,]\d+)?(?:[^\W\d_]{{1,2}}| ?(?:{names})))"
    return re.sub(rf"{first} ?[\u2013\u2014] ?(?={end})", rf"\1 {RANGE[short]} ", text)


class _Times:
    @staticmethod
    @lru_cache(maxsize=200)
    def of(language: str | None, code: str) -> "_Times":
        return _Times(language, code)

    def __init__(self, language: str | None, code: str) -> None:
        self.language, self.code = language, code
        self.short = primary_subtag(language)
        letter = letters_around(language)
        # The sign of both ends is said once, after the second: $5\u2013$10, $5\u201310, 5%\u201310%.
        plain, sign = r"\d+(?:[.,]\d+)*", f"[{CURRENCY_SIGNS}]"
        self.marked_range = re.compile(
            rf"(?<![{letter}.,])(?:(?P<sign>{sign}) ?(?P<first>{plain}) ?[\u2013\u2014-] ?(?:(?P=sign) ?)?"
            rf"|(?P<first2>{plain}) ?(?P<mark>{sign}|%|\xb0[CF]?) ?[\u2013\u2014-] ?(?={plain} ?(?P=mark)))"
            rf"(?P<last>{plain})"
        )
        dash = "[\u2013\u2014" + (WAVE_DASHES if self.short in CLOCK else "") + "]"
        self.range = re.compile(rf"(?<![\d.,:/{DASHES}])(\d+(?:[.,]\d+)*) ?{dash} ?(\d+(?:[.,]\d+)*)(?![\d/{DASHES}])")
        self.hyphened = re.compile(
            rf"(?<![{letter}.,:/{DASHES}])(\d{{1,2}}|\d{{4}})-(\d{{1,2}}|\d{{4}})(?![{letter}/{DASHES}]|[.,]\d)"
            + (r"|(?<![\w.,:-])(\d{1,2})-(\d{1,2})(?= ?[ap]\.?m\b)" if self.short == "en" else "")
        )

    def read(self, text: str) -> str:
        if self.short == "th":
            text = THAI_TIME.sub(self._time, text)
        text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])( ?Uhr\b| ?[ap]\.?m\b)?", self._time, text)
        if self.short in JOINED:  # 10:30'da, 10:30-kor: one word with the ending
            text = re.sub(rf"{TIME_END} {JOINED[self.short]}", "", text)
        text = text.replace(TIME_END, "")
        if self.short == "en":
            text = re.sub(r"(?<![\d:.,])(0?[1-9]|1[0-2])\.([0-5]\d)( ?[ap]\.?m\b)", self._time, text)
            text = re.sub(r"(?<![\w.,])((?:1[1-9]|20)?[1-9]0|(?:1[1-9]|20)00)['\u2019]?s\b", self._decade, text)
        if self.short == "de":
            text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4])\.([0-5]\d)( Uhr\b)", self._time, text)
        if self.short in ("fr", "pt", "vi"):
            text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4]) ?[hH] ?([0-5]\d)?\b", self._time, text)
        word = RANGE.get(self.short, " ")
        text = self.marked_range.sub(self._marked_range, text)
        text = self.range.sub(rf"\1 {word} \2", text)
        if self.short in ("ja", "yue", "zh"):  # 100万-200万
            text = re.sub(rf"(?<=\d[\u4e00-\u9fff])[-\u2013\u2014{WAVE_DASHES}](?=\d)", word, text)
        return self.hyphened.sub(lambda match: self._range(match, word), text)

    def _marked_range(self, match: re.Match[str]) -> str:
        mark = match["mark"] if match["mark"] in SIGN_UNITS else ""
        # Where the name stands before the number, as in Chinese, it is said twice.
        pattern = unit_pattern(SIGN_UNITS[mark], None, self.language) if mark else None
        said_first = mark if pattern is not None and not pattern.startswith("{0}") else ""
        word = RANGE.get(self.short, " ")
        return f"{match['first'] or match['first2']}{said_first} {word} {match['sign'] or ''}{match['last']}"

    def _range(self, match: re.Match[str], word: str) -> str:
        """A hyphen is read as "to" between numbers that rise: "5-10", "1990-2000", but not "3-2"."""
        first, last = [group for group in match.groups() if group]
        rises = int(first) < int(last) and (len(first) == 4) == (len(last) == 4)
        if (len(first), len(last)) == (4, 2) and int(last) > 12:  # 1990-95; 2004-11 may be a month
            rises = int(first[2:]) < int(last)
        return f"{first} {word} {last}" if rises else match[0]

    def _time(self, match: re.Match[str]) -> str:
        hour, minute, mark = match[1], match[2], (match[3] if match.lastindex == 3 else "") or ""
        if self.code in CLOCK or self.short in CLOCK:
            return self._named(int(hour), minute)
        hour_words = cardinal("0" if hour == "00" else hour.lstrip("0") or "0", self.code)
        if self.short == "pt" and ":" not in match[0]:
            return self._portuguese(int(hour), hour_words, int(minute or 0))
        words = [hour_words]
        unit = HOURS.get(self.short, "")
        if self.short == "fr" and words[0].endswith("un"):
            unit = "heure" if words == ["un"] else unit
            words = [words[0] + "e"]
        if mark.strip() == "Uhr":
            words = [re.sub("^eins$", "ein", words[0])]
        if self.short in ("fr", "vi") or mark.strip() == "Uhr":
            words.append(unit)
            mark = ""
        bare = int(minute or 0) == 0
        if not bare and minute[0] == "0" and self.short == "en":
            words.append(f"oh {cardinal(minute[1], self.code)}")
        elif not bare:
            words.append(cardinal(minute.lstrip("0") if self.short in HOURS else minute, self.code))
        elif self.short == "en" and not mark:
            words.append("o'clock" if 0 < int(hour) <= 12 else "hundred")
        return f" {' '.join(words)}{TIME_END} {mark.strip()}{' ' if mark else ''}"

    def _named(self, hour: int, minute: str) -> str:
        """ "10:05" is read "ten hours, five minutes"; full hours without minutes."""
        hours, minutes = CLOCK.get(self.code) or CLOCK[self.short]
        words = native_korean(hour) if self.short == "ko" and 0 < hour <= 12 else None
        if hour == 2:
            words = TWO_OF.get(self.code)
        words = words or cardinal(str(hour), self.code)
        if int(minute) == 0:
            return f" {words}{hours} "
        # Chinese says the zero before a digit.
        said = minute if self.code in TWO_OF else minute.lstrip("0")
        return f" {words}{hours} {cardinal(said, self.code)}{minutes} "

    def _portuguese(self, hour: int, words: str, minute: int) -> str:
        unit = "hora" if hour == 1 else "horas"
        words = {1: "uma", 2: "duas", 21: "vinte e uma", 22: "vinte e duas"}.get(hour, words)
        return f" {words} {unit}{f' e {cardinal(str(minute), self.code)}' if minute else ''} "

    def _decade(self, match: re.Match[str]) -> str:
        words = cardinal(match[1], self.code, year=True)
        return f" {words[:-1]}ies " if words.endswith("y") else f" {words}s "
