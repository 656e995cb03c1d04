"""Numbers and signs of a text in the words of its language.

They are found in the text as written, before NFKC, which would make 11 2 of 1½ and 102 of 10². The conventions come
from CLDR (jstasr/text/cldr.py), the words from num2words and CLDR (jstasr/text/number_words.py). What is tables here
is what neither has. Each kind of number is found by a module of its own, before the amounts that are left.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from jstasr.text.chinese import spell_chinese
from jstasr.text.cldr import (
    CURRENCY_SIGNS,
    SIGN_UNITS,
    SPACES,
    abbreviated_magnitudes,
    and_words,
    currency_follows,
    currency_of,
    lettered_currencies,
    locale_of,
    magnitude_of,
    magnitudes,
    month_names,
    percent_precedes,
    separators,
    unit_pattern,
)
from jstasr.text.composed_endings import spell_composed_endings
from jstasr.text.counted import spell_counted
from jstasr.text.dates import spell_out_months
from jstasr.text.endings import endings_left, spell_endings
from jstasr.text.fractions import VULGAR, spell_fractions
from jstasr.text.languages import is_unspaced, letters_around, primary_subtag
from jstasr.text.number_words import (
    cardinal,
    currency_unit,
    digit_by_digit,
    minus_word,
    money,
    number_before,
    number_language,
)
from jstasr.text.ordinals import spell_ordinals
from jstasr.text.point_ordinals import spell_point_ordinals
from jstasr.text.times import spell_open_ranges, spell_times_and_ranges

# A sign, with the letters that CLDR's symbols put before it to tell countries apart.
CURRENCY = rf"(?:(?<![A-Za-z])(?:US|CA|HK|MX|NT|NZ|CN|JP|A|C|R)(?=[$\xa5]))?[{CURRENCY_SIGNS}]"
# Millions are a noun: five millions of dollars.
MILLIONS_OF = {"ca": "de", "es": "de", "fr": "de", "gl": "de", "it": "di", "pt": "de"}
# English abbreviations after an amount of money, as $5m; CLDR has the short ones of one style only.
ABBREVIATED = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion"}
# The decimal comma's name; num2words has that of the point, for America.
COMMA = {"ca": "coma", "es": "coma"}
# Millions as one letter before a sign of a currency, as in 3 M€: one of them, more of them.
LETTER_MILLIONS = {
    "ca": ("milió", "milions"), "es": ("millón", "millones"), "fr": ("million", "millions"),
    "it": ("milione", "milioni"), "pt": ("milhão", "milhões"),
}  # fmt: skip
# "Number", where a sign stands for it before digits.
NUMERO_SIGN = r"(?:\u2116|\b[nN](?:\xb0|\xba|\.[\xba\xb0])) ?(?=\d)"
NUMERO = {
    "be": "нумар", "bg": "номер", "ca": "número", "de": "Nummer", "en": "number", "es": "número", "fr": "numéro",
    "it": "numero", "kk": "нөмір", "ky": "номер", "mk": "број", "pt": "número", "ru": "номер", "sr": "број",
    "uk": "номер",
}  # fmt: skip
NUMERO_LETTERS = {"de": r"\bNr\. ?(?=\d)", "en": r"\bNo\. ?(?=\d)|(?<!\w)#(?=\d)"}
# An elided word keeps its apostrophe before a number: d'1 is d'un. The mark stands for it while numbers are read.
ELISION = re.compile("(?<=[^\\W\\d_])['\u2019](?=\\d)")
ELIDED = "\ue000"
# One word with the number's: Hebrew prefixes with a hyphen, and endings after a percent sign.
JOINED = "\ue002"
PREFIXES = {"he": re.compile("(?<![\u05d0-\u05ea])([\u05d5\u05d1\u05db\u05dc\u05de\u05e9\u05d4]{1,3})[-\u05be](?=\\d)")}
PERCENT_ENDINGS = re.compile(r"(?<=%)[-\u2011](?=[^\W\d_])")
GEORGIAN = {"მდე": "ა", "დან": "ი"}  # vowels before endings
ENDINGS_JOIN = {"az", "hu", "ka", "kk", "ky", "mn", "tk", "tt", "uz"}
# A number with both signs in the order of other languages, by its decimal sign: nothing else can be meant.
FOREIGN = {
    ",": re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?![\d.,]\d)"),
    ".": re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+\.\d+(?![\d.,]\d)"),
}
SWAPPED = str.maketrans(".,", ",.")
INTERESTING = re.compile(f"[\\d%&{CURRENCY_SIGNS}\\u066a\\u2030\xb0\u24eb-\u24ff\u2776-\u2793]")
# Telephone numbers, read digit by digit: +49 30 1234567, (555) 123-4567, 555-123-4567, 555-1234, 0800 123 456,
# 090-1234-5678; 100-1000 is none.
PHONE = re.compile(
    r"(?<![A-Za-z\d.,+-])(?:0\d{1,4}-\d{1,4}-\d{4}(?![\d-])"
    r"|\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?|\d{1,4}[ .-])(?:\d{2,8}(?:[ .-](?=\d)|\b))+"
    r"|\+\d{7,15}\b|\(\d{3}\) ?\d{3}[ .-]\d{4}\b|(?!\d\d0-\d{3}0\b)(?:1-)?(?:\d{3}-){1,2}\d{4}\b(?!-)"
    r"|(?<!\d )0[1-9]\d{1,3}(?: \d{2,8}){1,4}\b)(?![.,]\d)"
)
# Areas and volumes, by CLDR's names of the units.
AREAS = {"\xb2": "area-square", "\xb3": "volume-cubic"}
AREA_UNITS = {
    "cm": "centimeter", "m": "meter", "km": "kilometer", "см": "centimeter", "м": "meter", "км": "kilometer",
}  # fmt: skip
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
    # Units of one character, as the square metre, whose NFKC has a digit for the power.
    | {
        code: unicodedata.normalize("NFKC", chr(code)).translate({50: "\xb2", 51: "\xb3"})
        for code in range(0x339F, 0x33A7)
    }
    # Digits in circles, white on black or in double lines, which have no NFKC.
    | {code: f" {unicodedata.numeric(chr(code)):g} " for code in (*range(0x24EB, 0x2500), *range(0x2776, 0x2794))}
)


def spell_numbers(text: str, language: str | None) -> str:
    """Text with its numbers, and the signs that belong to them, in words.

    Numbers stay digits where neither num2words nor CLDR has the language; a sign whose name CLDR lacks stays as it is.
    Digits of any script are read. Four digits between 1100 and 1999 are a year in English.
    """
    if not INTERESTING.search(text if text.isascii() else unicodedata.normalize("NFKC", text)):
        return text
    return _Reader.of(language).read(text)


def unread_endings(text: str, language: str | None) -> list[str]:
    """Endings after digits that are read as words of their own: "-oji" of Lithuanian 5-oji."""
    return endings_left(text, language, number_language(language)) if any(map(str.isdigit, text)) else []


def _latin_digit(match: re.Match[str]) -> str:
    return str(unicodedata.digit(match[0])) if match[0].isdecimal() else match[0]


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
        groups |= {"'", "\u2019", "\u02bc"}
        self.decimals = {self.decimal_sign, "\u066b"}
        self.point = COMMA.get(self.short) if self.decimal_sign == "," else None
        group = f"[{re.escape(''.join(sorted(groups - self.decimals)))}]"
        decimal = f"[{re.escape(''.join(sorted(self.decimals)))}]"
        indian = r"\d{1,2}(?:,\d\d)+,\d{3}(?!\d)" if self.decimal_sign == "." else r"(?!)"
        # A blank groups where nothing else can be meant: 1 000 is not a one and three zeros.
        blanks = r"[1-9]\d{0,2}(?:(?: \d{3})+ \d{3}|(?: 000))(?!\d)" if self.decimal_sign == "." else r"(?!)"
        no_phone = r"(?!\d|(?<!000) \d\d(?!\d))"  # 91 123 45 67
        self.number = (
            rf"(?:(?:{indian}|{blanks}|\d{{1,3}}(?P<g%d>{group})\d{{3}}(?:(?P=g%d)\d{{3}})*{no_phone})(?:{decimal}\d+)?"
            rf"|\d+(?:{decimal}\d+(?!{decimal}\d))?)"
        )
        self.group = re.compile(group)
        # Between two numbers a sign belongs to the one on the side where the language writes it.
        alone = "" if currency_follows(language) else r"(?! ?\d)"
        percent = r"[%\u066a\u2030]" + (r"(?! ?\d)" if percent_precedes(language) else "")
        # Beside numbers that stay digits, letters that lower() keeps would be read when the text is cleaned again.
        lettered = [name for name in lettered_currencies(language) if self.code or not name.islower()]
        letters = "|".join(map(re.escape, lettered))
        # Vowel signs of Indic scripts are no \w.
        apart, ended = (f"(?{side}[{letters_around(language)}\u0900-\u0dff])" for side in ("<!", "!"))
        self.amount = re.compile(
            rf"(?P<minus>(?<![{letters_around(language)}.,:/)\]%-])[\u2212\u2013-](?! ))?"
            rf"(?P<before>(?:{CURRENCY}|{apart}(?:{letters}))[ \xa0]?)?"
            rf"{self._number(0)}"
            rf"(?P<after>[ \xa0\u202f]?(?:[{CURRENCY_SIGNS}]{alone}|{percent}|\xb0(?:[CF]\b)?|(?:{letters}){ended}))?"
        )
        apart_from = r"(?<![A-Za-z\d.,])" if is_unspaced(language) or self.short == "ko" else r"(?<![\w.,])"
        self.area = re.compile(rf"{apart_from}{self._number(0)}[ \xa0]?(?P<unit>[ck]?m|[ск]?м)(?P<power>[\xb2\xb3])")
        words = "|".join(sorted(map(re.escape, magnitudes(language)), key=len, reverse=True))
        self.unspaced = is_unspaced(language)
        ends, between = ("", "[ -]?") if self.unspaced or self.short == "ko" else (r"(?!\w)", "[ -]")
        shorts = "|".join(sorted(map(re.escape, abbreviated_magnitudes(language)), key=len, reverse=True)) or "(?!)"
        self.short_magnitude = re.compile(
            rf"{apart_from}{self._number(0)}[ \xa0\u202f]?(?P<short>{shorts})(?![\w-])\.?"
        )
        self.short_english = re.compile(rf"(?<![\w.,])({self._number(0)})(bn|mn|tn)\b")
        self.abbreviated = re.compile(
            rf"(?P<money>{CURRENCY} ?{self._number(0)})(?P<short>{'|'.join(ABBREVIATED)})\b", re.IGNORECASE
        )
        magnitude = rf"(?P<sign>{CURRENCY}|{apart}(?:{letters})) ?{self._number(0)}{between}(?P<word>{words}){ends}"
        magnitude += rf"|{self._number(1).replace('number', 'number2')}{between}(?P<word2>{words})[ \xa0]?(?P<sign2>"
        magnitude += rf"{CURRENCY}{alone}|(?:{letters}){ended})"
        self.magnitude = re.compile(magnitude if words else "(?!)")
        self.mixed_amount = re.compile(rf"({CURRENCY}) ?(\d+ ?[{VULGAR}](?: (?:{words or '(?!)'}){ends})?)")
        self.counted = re.compile(rf"(?<![\w.,])(?P<number>[1-9]\d{{0,2}}) (?=(?P<word>{words or '(?!)'}){ends})")

    def _number(self, name: int) -> str:
        """The pattern of a number; its own name for the group that remembers the grouping sign."""
        return "(?P<number>" + self.number % (name, name) + ")"

    def read(self, text: str) -> str:
        """The text in words."""
        if not text.isascii():
            text = text.translate(FULL_WIDTH)
            if self.code is not None:  # the digits of other scripts, which the tables below do not name
                text = re.sub(r"[^\W\x00-\x7f]", _latin_digit, text)
        foreign = FOREIGN.get({".": ",", ",": "."}.get(self.decimal_sign, ""))
        if foreign is not None:
            text = foreign.sub(lambda match: match[0].translate(SWAPPED), text)
        text = re.sub(rf"(?<!\d)([{CURRENCY_SIGNS}]) ?([\u2212-])(?=\d)", r"\2\1", text)  # $-5 is -$5
        text = re.sub(r"(?<=\d)( ?)[\xba\xb0] ?(?=[CF]\b)", "\\1\xb0", text)  # also the sign of ordinals for degrees
        text = ELISION.sub(ELIDED, text.replace(ELIDED, " ").replace(JOINED, " "))
        if self.code is not None and self.short in PREFIXES:
            text = PREFIXES[self.short].sub(rf"\1{JOINED}", text)
        if self.short == "da":  # 90'erne
            text = re.sub(r"(?<=\d)['\u2019](?=er(?:ne)?\b)", JOINED, text)
        if self.code is not None and self.short in ENDINGS_JOIN:
            text = PERCENT_ENDINGS.sub(JOINED, text)
        if self.code is not None:
            text = spell_out_months(text, self.language)
            months = month_names(self.language)
            text = spell_open_ranges(text, self.short, magnitudes(self.language))
            text = PHONE.sub(self._phone, text)
            if self.short in ("yue", "zh"):
                text = spell_chinese(text, self.code)
            text = spell_ordinals(text, self.language, self.code, self._plain, months)
            text = spell_point_ordinals(text, self.short, self.code, months)
            text = spell_endings(text, self.language, self.code)
            text = spell_composed_endings(text, self.code)
            text = spell_counted(text, self.short, self.code)
        text = self.area.sub(self._area, text)
        # The sign goes behind the fraction, as it is read: $5½.
        text = self.mixed_amount.sub(self._sign_behind, text)
        text = spell_fractions(text, self.language, self.code)
        if self.code is not None:
            text = spell_times_and_ranges(text, self.language, self.code)
        if self.short in NUMERO:
            text = re.sub(NUMERO_SIGN, f" {NUMERO[self.short]} ", text)
        if self.short in NUMERO_LETTERS:
            text = re.sub(NUMERO_LETTERS[self.short], f" {NUMERO[self.short]} ", text)
        if self.short == "en":
            text = re.sub(r"(?<![\d.,])(\d+) ?\xa2", lambda match: f"{match[1]} cent{'s'[match[1] == '1' :]}", text)
            text = self.short_english.sub(self._short_english, text)
            text = self.abbreviated.sub(lambda match: f"{match['money']} {ABBREVIATED[match['short'].lower()]}", text)
        if self.short in LETTER_MILLIONS:
            text = re.sub(rf"(?<![\d.,])(\d+)(,\d+)? ?M(?=[{CURRENCY_SIGNS}])", self._letter_million, text)
        if self.code is not None:
            text = self.short_magnitude.sub(self._short_magnitude, text)
        text = self.magnitude.sub(self._magnitude, text)
        if self.code is not None:
            text = self.counted.sub(lambda match: self._before_magnitude(match["number"], match["word"]) + " ", text)
            text = self._points(text) if "." in self.decimals else self._commas(text)
        text = self.amount.sub(self._amount, text)
        text = re.sub(rf"[%\u066a\u2030]|[{CURRENCY_SIGNS}]", self._bare_sign, text)
        if self.short == "ar":  # the dual before a noun, which num2words always has
            text = re.sub(r"(?<!\w)(ألفا|مئتا|مليونا)(?= *(?:$|[،.,؛:!؟)]| و ))", r"\1ن", text)
        text = re.sub(f"{ELIDED} *", "'", text)
        if self.short == "ka":  # 5%-ით: the ending takes the place of the nominative's
            text = re.sub(rf"ი *{JOINED}(?=(მდე|დან)?)", lambda match: GEORGIAN.get(match[1], ""), text)
        text = re.sub(f" *{JOINED} *", "", text)
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

    def _commas(self, text: str) -> str:
        """Mend what is not a number by the rules of languages with a decimal comma: 3.5%, $2.50."""
        signs = rf"[%\u066a\u2030\xb0]|[{CURRENCY_SIGNS}](?! ?\d)"
        if self.short == "es":  # which has both signs; 10.30 is a time
            text = re.sub(r"(?<![\w.,:/-])(\d+)\.(\d)(?![\d.,:/-])", r"\1,\2", text)
        text = re.sub(rf"(?<![\d.,])(\d+)\.(\d\d?)(?= ?(?:{signs}))", r"\1,\2", text)
        return re.sub(rf"([{CURRENCY_SIGNS}] ?\d+)\.(\d\d)(?![\d.])", r"\1,\2", text)

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

    def _sign_behind(self, match: re.Match[str]) -> str:
        currency = currency_of(match[1], self.language)
        name = currency_unit(currency, Decimal(2), self.language) if currency else None
        return f"{match[2]} {name} " if name else match[0]

    def _whole(self, written: str) -> str:
        """A number that stays digits: those of one number together, but for blanks, which may part two."""
        if locale_of(self.language) is None or " " in written:
            return written
        return self._plain(written).replace(".", self.decimal_sign)

    def _letter_million(self, match: re.Match[str]) -> str:
        """ "3 M€" is read "three million euros"; French and Portuguese have the singular up to two."""
        one = match[1] == "1" and (not match[2] or self.short in ("fr", "pt"))
        return f"{match[1]}{match[2] or ''} {LETTER_MILLIONS[self.short][0 if one else 1]} "

    def _short_english(self, match: re.Match[str]) -> str:
        """ "5bn" is "five billion" without a currency too."""
        return f"{match[1]} {ABBREVIATED[match[match.lastindex or 1]]}"

    def _short_magnitude(self, match: re.Match[str]) -> str:
        """ "5 млн" is read "пять миллионов"."""
        count = Decimal(self._plain(match["number"]))
        return f"{match['number']} {magnitude_of(match['short'], count, self.language)}"

    def _magnitude(self, match: re.Match[str]) -> str:
        """ "$5 million" and "5 million $" are read "five million dollars"."""
        sign, number, word = (match[name] or match[f"{name}2"] for name in ("sign", "number", "word"))
        currency = currency_of(sign, self.language)
        unit = currency_unit(currency, Decimal(1000000), self.language) if currency else None
        if not unit:
            return match[0]
        between = " "
        if self.short in MILLIONS_OF and word not in ("mil", "mille", "mila"):
            elided = self.short in ("ca", "fr") and unit[0] in "aeiou"
            between = " d'" if elided else f" {MILLIONS_OF[self.short]} "
        return f" {self._before_magnitude(number, word)} {word}{between}{unit} "

    def _before_magnitude(self, number: str, word: str) -> str:
        """A number in the form that it has before a million: Spanish "un", not "uno"."""
        if self.code is not None and number.isdecimal() and len(number) <= 3:
            words = number_before(int(number), word, magnitudes(self.language)[word], self.code)
            if words:
                return words
        return re.sub("kettő$", "két", self._words(number)) if self.short == "hu" else self._words(number)

    def _words(self, written: str, year: bool = False) -> str:
        number = self._plain(written) if self.code is not None else self._whole(written)
        return cardinal(number, self.code, year and number == written, self.point)

    def _amount(self, match: re.Match[str]) -> str:
        minus = f" {minus_word(self.code)} " if match["minus"] else ""
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
                words = self._words(number) if self.unspaced else f" {self._words(number)} "
                return f"{minus} {pattern.replace('{0}', words)} "
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
