"""Numbers and signs of a text in the words of its language.

They are found in the text as written, before NFKC, which would make 11 2 of 1½ and 102 of 10². The conventions come
from CLDR (jstasr/text/cldr.py), the words from num2words and CLDR (jstasr/text/number_words.py). What is tables here
is what neither has: endings of ordinals, names of fractions, powers and ranges.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from jstasr.text.cldr import (
    SPACES,
    and_words,
    currency_follows,
    currency_of,
    lettered_currencies,
    locale_of,
    magnitudes,
    month_names,
    percent_precedes,
    separators,
    unit_pattern,
)
from jstasr.text.languages import primary_subtag
from jstasr.text.number_words import (
    cardinal,
    currency_unit,
    digit_by_digit,
    minus_word,
    money,
    num2words_or_none,
    number_language,
)
from jstasr.text.ordinals import spell_ordinals
from jstasr.text.point_ordinals import spell_point_ordinals

CURRENCY_SIGNS = "$\xa2\xa3\xa5\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u17db\u0e3f\u20a0-\u20c0"
# A sign, with the letters that CLDR's symbols put before it to tell countries apart.
CURRENCY = rf"(?:\b(?:US|CA|HK|MX|NT|NZ|CN|JP|A|C|R)(?=[$\xa5]))?[{CURRENCY_SIGNS}]"
SIGN_UNITS = {
    "%": "concentr-percent",
    "\u066a": "concentr-percent",
    "\u2030": "concentr-permille",
    "\xb0C": "temperature-celsius",
    "\xb0F": "temperature-fahrenheit",
    "\xb0": "angle-degree",
}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# "to the power of", where the base stands before and the exponent, a cardinal number, after.
POWER = {
    "en": "to the power of", "de": "hoch", "fr": "puissance", "es": "elevado a", "nl": "tot de macht",
    "pt": "elevado a", "it": "elevato a", "ca": "elevat a", "pl": "do potęgi", "sv": "upphöjt till",
    "da": "opløftet i", "nb": "opphøyd i", "no": "opphøyd i", "ru": "в степени", "fi": "potenssiin", "tr": "üzeri",
    "ro": "la puterea", "id": "pangkat", "vi": "mũ",
}  # fmt: skip
ENGLISH_POWERS = {"2": "squared", "3": "cubed"}
# Between the ends of a range.
RANGE = {
    "en": "to", "de": "bis", "fr": "à", "es": "a", "it": "a", "pt": "a", "nl": "tot", "sv": "till", "da": "til",
    "nb": "til", "no": "til", "pl": "do", "ca": "a", "cs": "až", "sk": "až", "id": "sampai", "vi": "đến", "eo": "ĝis",
    "fa": "تا", "ar": "إلى", "he": "עד", "bn": "থেকে", "ja": "から", "th": "ถึง",
}  # fmt: skip
# A half, a quarter, three quarters, a third, two thirds: alone and after a whole number.
FRACTIONS = {
    "en": ("a half", "a quarter", "three quarters", "a third", "two thirds"),
    "de": ("ein halb", "ein Viertel", "drei Viertel", "ein Drittel", "zwei Drittel"),
    "fr": ("un demi", "un quart", "trois quarts", "un tiers", "deux tiers"),
    "es": ("medio", "un cuarto", "tres cuartos", "un tercio", "dos tercios"),
    "it": ("mezzo", "un quarto", "tre quarti", "un terzo", "due terzi"),
    "pt": ("meio", "um quarto", "três quartos", "um terço", "dois terços"),
    "nl": ("een half", "een kwart", "drie kwart", "een derde", "twee derde"),
    "sv": ("en halv", "en fjärdedel", "tre fjärdedelar", "en tredjedel", "två tredjedelar"),
    "ca": ("mig", "un quart", "tres quarts", "un terç", "dos terços"),
}
FRACTION_VALUES = ((1, 2), (1, 4), (3, 4), (1, 3), (2, 3))
# Millions are a noun: five millions of dollars.
MILLIONS_OF = {"ca": "de", "es": "de", "fr": "de", "gl": "de", "it": "di", "pt": "de"}
HOURS = {"de": "Uhr", "fr": "heures"}
# English abbreviations after an amount of money, as $5m; CLDR has the short ones of one style only.
ABBREVIATED = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion"}
# An elided word keeps its apostrophe before a number: d'1 is d'un. The mark stands for it while numbers are read.
ELISION = re.compile("(?<=[^\\W\\d_])['\u2019](?=\\d)")
ELIDED = "\ue000"
# A number with both signs in the order of other languages, by its decimal sign: nothing else can be meant.
FOREIGN = {
    ",": re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?![\d.,]\d)"),
    ".": re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+\.\d+(?![\d.,]\d)"),
}
SWAPPED = str.maketrans(".,", ",.")
INTERESTING = re.compile(f"[\\d%&{CURRENCY_SIGNS}\\u066a\\u2030\xb0]")
# Telephone numbers, read digit by digit: +49 30 1234567, (555) 123-4567, 555-123-4567, 555-1234, 0800 123 456; 100-1000
# is none.
PHONE = re.compile(
    r"(?<![\w.,+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?|\d{1,4}[ .-])(?:\d{2,8}(?:[ .-](?=\d)|\b))+"
    r"|\+\d{7,15}\b|\(\d{3}\) ?\d{3}[ .-]\d{4}\b|(?!\d\d0-\d{3}0\b)(?:1-)?(?:\d{3}-){1,2}\d{4}\b(?!-)"
    r"|(?<!\d )0[1-9]\d{1,3}(?: \d{2,8}){1,4}\b)(?![.,]\d)"
)
# Areas and volumes, by CLDR's names of the units.
AREAS = {"\xb2": "area-square", "\xb3": "volume-cubic"}
AREA_UNITS = {
    "cm": "centimeter", "m": "meter", "km": "kilometer", "см": "centimeter", "м": "meter", "км": "kilometer",
}  # fmt: skip
VULGAR = "\xbc-\xbe\\u2150-\\u215e"
DASHES = "\u2013\u2014\u2212-"
FULL_WIDTH = str.maketrans(
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if not chr(code - 0xFEE0).isalpha()}
    | {
        ord(k): v
        for k, v in {
            "\uffe0": "\xa2",
            "\uffe1": "\xa3",
            "\uffe5": "\xa5",
            "\uffe6": "\u20a9",
            "\ufe6a": "%",
            "\ufe69": "$",
            "\u2103": "\xb0C",
            "\u2109": "\xb0F",
        }.items()
    }
)


def spell_numbers(text: str, language: str | None) -> str:
    """Text with its numbers, and the signs that belong to them, in words.

    Numbers stay digits where num2words lacks the language; a sign whose name CLDR lacks stays as it is. Digits of any
    script are read. Four digits between 1100 and 1999 are a year in English.
    """
    if not INTERESTING.search(text if text.isascii() else unicodedata.normalize("NFKC", text)):
        return text
    return _Reader.of(language).read(text)


class _Reader:
    """The patterns and words of one language."""

    @staticmethod
    @lru_cache(maxsize=200)
    def of(language: str | None) -> "_Reader":
        return _Reader(language)

    def __init__(self, language: str | None) -> None:
        self.language = language
        self.code = number_language(language)
        self.short = primary_subtag(language)
        self.decimal_sign, self.group_sign = separators(language)
        groups = {self.group_sign, "\u066c", *SPACES[1:]}
        if self.decimal_sign == ",":
            groups |= {".", " "}
        # The typewriter's apostrophe too: Swiss 1'000.
        groups |= {"'", "\u2019"}
        self.decimals = {self.decimal_sign, "\u066b"}
        group = f"[{re.escape(''.join(sorted(groups - self.decimals)))}]"
        decimal = f"[{re.escape(''.join(sorted(self.decimals)))}]"
        indian = r"\d{1,2}(?:,\d\d)+,\d{3}(?!\d)" if self.decimal_sign == "." else r"(?!)"
        # A blank groups where nothing else can be meant: 1 000 is not a one and three zeros.
        blanks = r"[1-9]\d{0,2}(?:(?: \d{3})+ \d{3}|(?: 000))(?!\d)" if self.decimal_sign == "." else r"(?!)"
        self.number = (
            rf"(?:(?:{indian}|{blanks}|\d{{1,3}}(?P<g%d>{group})\d{{3}}(?:(?P=g%d)\d{{3}})*(?!\d))(?:{decimal}\d+)?"
            rf"|\d+(?:{decimal}\d+(?!{decimal}\d))?)"
        )
        self.whole_number = re.compile(self._number(0))
        self.group = re.compile(group)
        # Between two numbers a sign belongs to the one on the side where the language writes it.
        alone = "" if currency_follows(language) else r"(?! ?\d)"
        percent = r"[%\u066a\u2030]" + (r"(?! ?\d)" if percent_precedes(language) else "")
        # Beside numbers that stay digits, letters that lower() keeps would be read when the text is cleaned again.
        lettered = [name for name in lettered_currencies(language) if self.code or not name.islower()]
        letters = "|".join(map(re.escape, lettered))
        self.amount = re.compile(
            rf"(?P<minus>(?<![\w.,:/)\]%-])[\u2212-](?! ))?(?P<before>(?:{CURRENCY}|\b(?:{letters}))[ \xa0]?)?"
            rf"{self._number(0)}"
            rf"(?P<after>[ \xa0\u202f]?(?:[{CURRENCY_SIGNS}]{alone}|{percent}|\xb0(?:[CF]\b)?|(?:{letters})(?!\w)))?"
        )
        # The sign of both ends is said once, after the second: $5–$10, $5–10, 5%–10%.
        plain, sign = r"\d+(?:[.,]\d+)*", f"[{CURRENCY_SIGNS}]"
        self.marked_range = re.compile(
            rf"(?<![\w.,])(?:(?P<sign>{sign}) ?(?P<first>{plain}) ?[\u2013\u2014-] ?(?:(?P=sign) ?)?"
            rf"|(?P<first2>{plain}) ?(?P<mark>{sign}|%|\xb0[CF]?) ?[\u2013\u2014-] ?(?={plain} ?(?P=mark)))"
            rf"(?P<last>{plain})"
        )
        self.area = re.compile(rf"(?<![\w.,]){self._number(0)}[ \xa0]?(?P<unit>[ck]?m|[ск]?м)(?P<power>[\xb2\xb3])")
        words = "|".join(sorted(map(re.escape, magnitudes(language)), key=len, reverse=True))
        self.abbreviated = re.compile(
            rf"(?P<money>{CURRENCY} ?{self._number(0)})(?P<short>{'|'.join(ABBREVIATED)})\b", re.IGNORECASE
        )
        self.magnitude = re.compile(
            rf"(?P<sign>{CURRENCY}|\b(?:{letters})) ?{self._number(0)}[ -](?P<word>{words})\b" if words else "(?!)"
        )

    def _number(self, name: int) -> str:
        """The pattern of a number; its own name for the group that remembers the grouping sign."""
        return "(?P<number>" + self.number % (name, name) + ")"

    def read(self, text: str) -> str:
        """The text in words."""
        if not text.isascii():
            text = text.translate(FULL_WIDTH)
        foreign = FOREIGN.get({".": ",", ",": "."}.get(self.decimal_sign, ""))
        if foreign is not None:
            text = foreign.sub(lambda match: match[0].translate(SWAPPED), text)
        text = ELISION.sub(ELIDED, text.replace(ELIDED, " "))
        if self.code is not None:
            months = month_names(self.language)
            text = PHONE.sub(self._phone, text)
            text = spell_ordinals(text, self.language, self.code, self._plain, months)
            text = spell_point_ordinals(text, self.short, self.code, months)
        text = self.area.sub(self._area, text)
        text = self._powers_and_fractions(text)
        if self.code is not None:
            text = self._times_and_ranges(text)
        if self.short == "en":
            text = self.abbreviated.sub(lambda match: f"{match['money']} {ABBREVIATED[match['short'].lower()]}", text)
        text = self.magnitude.sub(self._magnitude, text)
        if self.code is not None and "." in self.decimals:
            text = self._points(text)
        text = self.amount.sub(self._amount, text)
        text = re.sub(rf"[%\u066a\u2030]|[{CURRENCY_SIGNS}]", self._bare_sign, text)
        text = re.sub(f"{ELIDED} *", "'", text)
        words = and_words(self.language)
        return re.sub(r"\s*&\s*", words, text) if words else text

    def _points(self, text: str) -> str:
        """Mend what is not a number by the rules of languages with a decimal point: .5, 1.2.3, 3,5%."""
        text = re.sub(r"(?<![\w.,])\.(?=\d+(?![.\d]))", "0.", text)
        text = re.sub(r"(?<![\d.])\d+(?:\.\d+){2,}(?!\d)", lambda match: match[0].replace(".", " "), text)
        text = re.sub(
            rf"(?<![\d.,])(\d+),(\d\d?)(?= ?(?:[%\u066a\u2030\xb0]|[{CURRENCY_SIGNS}](?! ?\d)))", r"\1.\2", text
        )
        return re.sub(rf"([{CURRENCY_SIGNS}] ?\d+),(\d\d)(?![\d,])", r"\1.\2", text)

    def _plain(self, written: str) -> str:
        """A number as written -> digits with a point for the decimal sign."""
        for sign in self.decimals:
            head, found, tail = written.rpartition(sign)
            if found:
                return self.group.sub("", head).replace(",", "").replace(" ", "") + "." + tail
        bare = self.group.sub("", written).replace(" ", "")
        return bare.replace(",", "") if self.decimal_sign == "." else bare

    def _phone(self, match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[0])
        words = " ".join(digit_by_digit(group, self.code) for group in groups) if self.code else match[0]
        return f"{'+ ' if match[0][0] == '+' else ''}{words} "

    def _area(self, match: re.Match[str]) -> str:
        """ "5 km²" is read "five square kilometers"."""
        count = Decimal(self._plain(match["number"]))
        pattern = unit_pattern(f"{AREAS[match['power']]}-{AREA_UNITS[match['unit']]}", count, self.language)
        return pattern.replace("{0}", match["number"]) + " " if pattern else match[0]

    def _whole(self, written: str) -> str:
        """A number that stays digits: those of one number together, but for blanks, which may part two."""
        if locale_of(self.language) is None or " " in written:
            return written
        return self._plain(written).replace(".", self.decimal_sign)

    def _powers_and_fractions(self, text: str) -> str:
        if text.isascii():
            return self._ascii_fractions(text)
        powers = "[\u207b\u2070\xb9\xb2\xb3\u2074-\u2079]"
        text = re.sub(
            rf"(?:(?<=\d)|(?<=\b[^\W\d_])|(?<=\b[^\W\d_]{{2}}))(\u207b?(?:(?!\u207b){powers})+)", self._power, text
        )
        text = re.sub(r"(?<!\d)(\d{1,2})\u2044(\d{1,2})(?!\d)", self._fraction_of_digits, text)
        text = re.sub(rf"(?:(?<![\w.,])(\d+) ?)?([{VULGAR}])", self._vulgar, text)
        text = self._ascii_fractions(text)
        text = re.sub("[\u2070\xb9\xb2\xb3\u2074-\u2079]+|[\u2080-\u2089]+", _plain_digits, text)
        return "".join(map(_detached, text))

    def _ascii_fractions(self, text: str) -> str:
        if "/" not in text or self.short not in FRACTIONS:
            return text
        pairs = "|".join(f"{top}/{bottom}" for top, bottom in FRACTION_VALUES)
        text = re.sub(rf"(?<![\d/.,])(?:(\d+)[ -])?({pairs})(?![\d/])", self._slash, text)
        # After a whole number no date or pair of scores can be meant.
        return re.sub(r"(?<![\d/.,-])(\d+) ([1-9]\d?/(?:[3-9]|1\d|20))(?![\d/.,])", self._slash, text)

    def _power(self, match: re.Match[str]) -> str:
        base = match.string[match.start() - 1]
        if not (base.isdecimal() or base.isalpha()):
            return match[0]
        exponent = match[1].translate(SUPERSCRIPTS)
        digits = exponent.lstrip("-")
        if self.short == "en" and exponent in ENGLISH_POWERS:
            return f" {ENGLISH_POWERS[exponent]} "
        minus = f"{self._minus()} " if exponent != digits else ""
        return f" {POWER.get(self.short, '')} {minus}{cardinal(digits, self.code)} "

    def _minus(self) -> str:
        return (minus_word(self.code) if self.code else None) or "\u2212"

    def _vulgar(self, match: re.Match[str]) -> str:
        top, _, bottom = unicodedata.normalize("NFKC", match[2]).partition("\u2044")
        return self._mixed(match[1], int(top), int(bottom or 0))

    def _slash(self, match: re.Match[str]) -> str:
        top, _, bottom = match[2].partition("/")
        if match[1] and int(top) >= int(bottom):
            return match[0]
        return self._mixed(match[1], int(top), int(bottom))

    def _fraction_of_digits(self, match: re.Match[str]) -> str:
        return self._mixed(None, int(match[1]), int(match[2]))

    def _mixed(self, whole: str | None, top: int, bottom: int) -> str:
        """ "1", 1, 2 -> "one and a half"; where the language's words are not known, the digits apart."""
        fraction = self._fraction(top, bottom)
        if fraction is None and self.code is not None and bottom and 1000 % bottom == 0:
            value = Decimal(whole or 0) + Decimal(top) / bottom
            return f" {cardinal(str(value), self.code)} "
        if fraction is None:
            parts = (whole or "", str(top), str(bottom or ""))
            return " " + " ".join(cardinal(part, self.code) for part in parts if part) + " "
        if whole is None:
            return f" {fraction} "
        number = cardinal(whole, self.code)
        if self.short == "de":  # one word: eineinhalb, zweidreiviertel
            return f" {re.sub('eins$', 'ein', number)}{fraction.replace(' ', '')} "
        if self.short == "nl" and (whole, top, bottom) == ("1", 1, 2):
            return " anderhalf "
        if self.short == "sv":
            number = re.sub("ett$", "en", number)
        if self.short == "fr" and (top, bottom) == (1, 2):
            fraction = "demi"
        return f" {number}{and_words(self.language)}{fraction} "

    def _fraction(self, top: int, bottom: int) -> str | None:
        if self.short in FRACTIONS and (top, bottom) in FRACTION_VALUES:
            return FRACTIONS[self.short][FRACTION_VALUES.index((top, bottom))]
        if self.short == "en" and self.code is not None and 2 < bottom <= 20:
            ordinal = num2words_or_none(bottom, self.code, "ordinal")
            return f"{cardinal(str(top), self.code)} {ordinal}{'s' if top != 1 else ''}"
        return None

    def _times_and_ranges(self, text: str) -> str:
        text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])( ?Uhr\b| ?[ap]\.?m\b)?", self._time, text)
        if self.short == "en":
            text = re.sub(r"(?<![\d:.,])(0?[1-9]|1[0-2])\.([0-5]\d)( ?[ap]\.?m\b)", self._time, text)
        if self.short == "de":
            text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4])\.([0-5]\d)( Uhr\b)", self._time, text)
        if self.short == "fr":
            text = re.sub(r"(?<![\d:.,])([01]?\d|2[0-4]) ?h ?([0-5]\d)?\b", self._time, text)
        if self.short == "en":
            text = re.sub(r"(?<![\w.,])((?:1[1-9]|20)?[1-9]0|(?:1[1-9]|20)00)['\u2019]?s\b", self._decade, text)
        word = RANGE.get(self.short, " ")
        text = self.marked_range.sub(
            lambda match: f"{match['first'] or match['first2']} {word} {match['sign'] or ''}{match['last']}", text
        )
        dash = rf"(?<![\d.,:/{DASHES}])(\d+(?:[.,]\d+)*) ?[\u2013\u2014] ?(\d+(?:[.,]\d+)*)(?![\d/{DASHES}])"
        text = re.sub(dash, rf"\1 {word} \2", text)
        hyphen = rf"(?<![\w.,:/{DASHES}])(\d{{1,2}}|\d{{4}})-(\d{{1,2}}|\d{{4}})(?![\w/{DASHES}]|[.,]\d)"
        return re.sub(hyphen, lambda match: self._range(match, word), text)

    def _range(self, match: re.Match[str], word: str) -> str:
        """A hyphen is read as "to" between numbers that rise: "5-10", "1990-2000", but not "3-2"."""
        first, last = match[1], match[2]
        rises = int(first) < int(last) and (len(first) == 4) == (len(last) == 4)
        return f"{first} {word} {last}" if rises else match[0]

    def _time(self, match: re.Match[str]) -> str:
        hour, minute, mark = match[1], match[2], (match[3] if match.lastindex == 3 else "") or ""
        code = self.code
        zero = hour == "00"
        words = [cardinal("0" if zero else hour.lstrip("0") or "0", code)]
        unit = HOURS.get(self.short, "")
        if self.short == "fr" and words == ["un"]:
            words, unit = ["une"], "heure"
        if self.short == "ja":
            return f"{words[0]}時{cardinal(minute.lstrip('0'), code) + '分' if int(minute) else ''}"
        if self.short == "fr" or mark.strip() == "Uhr":
            words.append(unit)
            mark = ""
        bare = int(minute or 0) == 0
        if not bare and minute[0] == "0" and self.short == "en":
            words.append(f"oh {cardinal(minute[1], code)}")
        elif not bare:
            words.append(cardinal(minute.lstrip("0") if self.short in HOURS else minute, code))
        elif self.short == "en" and not mark:
            words.append("o'clock" if 0 < int(hour) <= 12 else "hundred")
        return f" {' '.join(words)} {mark.strip()} "

    def _decade(self, match: re.Match[str]) -> str:
        words = cardinal(match[1], self.code, year=True)
        return f" {words[:-1]}ies " if words.endswith("y") else f" {words}s "

    def _magnitude(self, match: re.Match[str]) -> str:
        """ "$5 million" is read "five million dollars"."""
        currency = currency_of(match["sign"], self.language)
        unit = currency_unit(currency, Decimal(1000000), self.language) if currency else None
        if not unit:
            return match[0]
        between = " "
        if self.short in MILLIONS_OF and match["word"] not in ("mil", "mille", "mila"):
            elided = self.short in ("ca", "fr") and unit[0] in "aeiou"
            between = " d'" if elided else f" {MILLIONS_OF[self.short]} "
        return f" {self._words(match['number'])} {match['word']}{between}{unit} "

    def _words(self, written: str, year: bool = False) -> str:
        number = self._plain(written) if self.code is not None else self._whole(written)
        return cardinal(number, self.code, year and number == written)

    def _amount(self, match: re.Match[str]) -> str:
        minus = f" {self._minus()} " if match["minus"] else ""
        before, number, after = (match["before"] or "").strip(), match["number"], (match["after"] or "").strip()
        currency = before or (after if after not in SIGN_UNITS else "") or None
        rest = after if before else ""
        if currency is not None:
            iso = currency_of(currency, self.language)
            words = self._money(number, iso) if iso else None
            if words is not None:
                return f"{minus} {words} {rest}"
        elif after:
            pattern = unit_pattern(SIGN_UNITS[after], Decimal(self._plain(number)), self.language)
            if pattern is not None:
                return f"{minus} {pattern.replace('{0}', self._words(number))} "
        if self.code is None:
            return match[0].replace(number, self._whole(number))
        year = not (minus or before or after)
        return f"{minus}{before} {self._words(number, year)} {after}"

    def _money(self, number: str, currency: str) -> str | None:
        if self.code is not None:
            return money(self._plain(number), currency, self.language)
        name = currency_unit(currency, Decimal(self._plain(number)), self.language)
        return f"{self._whole(number)} {name}" if name else None

    def _bare_sign(self, match: re.Match[str]) -> str:
        """A sign that stands without a number: its name."""
        if match[0] in SIGN_UNITS:
            pattern = unit_pattern(SIGN_UNITS[match[0]], None, self.language)
            return f" {pattern.replace('{0}', '').strip()} " if pattern else match[0]
        currency = currency_of(match[0], self.language)
        name = currency_unit(currency, None, self.language) if currency else None
        return f" {name} " if name else match[0]


def _plain_digits(match: re.Match[str]) -> str:
    """A number in raised or lowered digits, apart from what is beside it: "H₂O" -> "H 2 O"."""
    return f" {unicodedata.normalize('NFKC', match[0])} "


def _detached(character: str) -> str:
    """A character that NFKC turns into digits, kept from the digits beside it: "①2"."""
    if character.isascii() or unicodedata.category(character) == "Nd":
        return character
    plain = unicodedata.normalize("NFKC", character)
    return f" {plain} " if any(part.isdigit() for part in plain) else character
