"""Fractions and powers as languages read them: 1½, 3/4, 10², 10⁻⁷, and raised and lowered digits beside words."""

import re
import unicodedata
from decimal import Decimal

from jstasr.text.cldr import and_words
from jstasr.text.languages import letters_around, primary_subtag
from jstasr.text.number_words import cardinal, minus_word, words_or_none

VULGAR = "\xbc-\xbe\\u2150-\\u215e"
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# "to the power of", where the base stands before and the exponent, a cardinal number, after.
POWER = {
    "en": "to the power of", "de": "hoch", "fr": "puissance", "es": "elevado a", "gl": "elevado a",
    "nl": "tot de macht",
    "pt": "elevado a", "it": "elevato a", "ca": "elevat a", "pl": "do potęgi", "sv": "upphöjt till",
    "da": "opløftet i", "nb": "opphøyd i", "no": "opphøyd i", "ru": "в степени", "fi": "potenssiin", "tr": "üzeri",
    "ro": "la puterea", "id": "pangkat", "vi": "mũ", "hi": "की घात", "th": "ยกกำลัง", "lo": "ກຳລັງ", "ms": "kuasa",
    "ja": "の {} 乗", "zh": "的 {} 次方", "yue": "嘅 {} 次方",
}  # fmt: skip
ENGLISH_POWERS = {"2": "squared", "3": "cubed"}
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
    "el": ("μισό", "ένα τέταρτο", "τρία τέταρτα", "ένα τρίτο", "δύο τρίτα"),
    "hi": ("आधा", "एक चौथाई", "तीन चौथाई", "एक तिहाई", "दो तिहाई"),
    "ka": ("ნახევარი", "ერთი მეოთხედი", "სამი მეოთხედი", "ერთი მესამედი", "ორი მესამედი"),
    "eu": ("erdi", "laurden bat", "hiru laurden", "heren bat", "bi heren"),
    "gl": ("medio", "un cuarto", "tres cuartos", "un terzo", "dous terzos"),
    "ta": ("அரை", "கால்", "முக்கால்", "மூன்றில் ஒன்று", "மூன்றில் இரண்டு"),
}
FRACTION_VALUES = ((1, 2), (1, 4), (3, 4), (1, 3), (2, 3))
# Languages in which every fraction is built so.
BUILT = {
    "ja": "{bottom}分の{top}", "ko": "{bottom}분의 {top}", "lo": "ເສດ{top}ສ່ວນ{bottom}",
    "th": "เศษ{top}ส่วน{bottom}", "yue": "{bottom}分之{top}", "zh": "{bottom}分之{top}",
}  # fmt: skip
HALVES = {"lo": "ເຄິ່ງ", "th": "ครึ่ง"}
# A whole number and a fraction, where it is not "and" that stands between them.
MIXED = {
    "ka": "{whole} მთელი {fraction}", "lo": "{whole}{fraction}",
    "th": "{whole}{fraction}", "yue": "{whole}又{fraction}", "zh": "{whole}又{fraction}",
}  # fmt: skip
# Of which only fractions without a whole number are known here.
ALONE = {
    "ar": ("نصف", "ربع", "ثلاثة أرباع", "ثلث", "ثلثان"),
    "af": ("half", "kwart", "driekwart", "derde", "twee derdes"),
    "az": ("yarım", "dörddə bir", "dörddə üç", "üçdə bir", "üçdə iki"),
    "be": ("палова", "чвэрць", "тры чвэрці", "траціна", "дзве траціны"),
    "bn": ("অর্ধেক", "এক চতুর্থাংশ", "তিন চতুর্থাংশ", "এক তৃতীয়াংশ", "দুই তৃতীয়াংশ"),
    "bg": ("една втора", "една четвърт", "три четвърти", "една трета", "две трети"),
    "cs": ("jedna polovina", "jedna čtvrtina", "tři čtvrtiny", "jedna třetina", "dvě třetiny"),
    "cy": ("hanner", "chwarter", "tri chwarter", "traean", "dau draean"),
    "da": ("en halv", "en fjerdedel", "tre fjerdedele", "en tredjedel", "to tredjedele"),
    "eo": ("duono", "kvarono", "tri kvaronoj", "triono", "du trionoj"),
    "et": ("pool", "veerand", "kolmveerand", "kolmandik", "kaks kolmandikku"),
    "fa": ("نیم", "یک چهارم", "سه چهارم", "یک سوم", "دو سوم"),
    "fi": ("puoli", "yksi neljäsosa", "kolme neljäsosaa", "yksi kolmasosa", "kaksi kolmasosaa"),
    "ga": ("leath", "ceathrú", "trí cheathrú", "trian", "dhá thrian"),
    "he": ("חצי", "רבע", "שלושה רבעים", "שליש", "שני שליש"),
    "hr": ("jedna polovina", "jedna četvrtina", "tri četvrtine", "jedna trećina", "dvije trećine"),
    "hu": ("fél", "egynegyed", "háromnegyed", "egyharmad", "kétharmad"),
    "hy": ("կես", "մեկ քառորդ", "երեք քառորդ", "մեկ երրորդ", "երկու երրորդ"),
    "id": ("setengah", "seperempat", "tiga perempat", "sepertiga", "dua pertiga"),
    "kk": ("жарты", "төрттен бір", "төрттен үш", "үштен бір", "үштен екі"),
    "lt": ("pusė", "ketvirtis", "trys ketvirčiai", "trečdalis", "du trečdaliai"),
    "lv": ("puse", "ceturtdaļa", "trīs ceturtdaļas", "trešdaļa", "divas trešdaļas"),
    "mk": ("половина", "четвртина", "три четвртини", "третина", "две третини"),
    "ms": ("setengah", "suku", "tiga suku", "sepertiga", "dua pertiga"),
    "nb": ("en halv", "en fjerdedel", "tre fjerdedeler", "en tredjedel", "to tredjedeler"),
    "no": ("en halv", "en fjerdedel", "tre fjerdedeler", "en tredjedel", "to tredjedeler"),
    "pl": ("jedna druga", "jedna czwarta", "trzy czwarte", "jedna trzecia", "dwie trzecie"),
    "ro": ("o jumătate", "un sfert", "trei sferturi", "o treime", "două treimi"),
    "ru": ("одна вторая", "одна четвёртая", "три четвёртых", "одна третья", "две третьих"),
    "sk": ("jedna polovica", "jedna štvrtina", "tri štvrtiny", "jedna tretina", "dve tretiny"),
    "sl": ("polovica", "četrtina", "tri četrtine", "tretjina", "dve tretjini"),
    "sw": ("nusu", "robo", "robo tatu", "theluthi", "theluthi mbili"),
    "tr": ("yarım", "dörtte bir", "dörtte üç", "üçte bir", "üçte iki"),
    "uk": ("одна друга", "одна четверта", "три четвертих", "одна третя", "дві третіх"),
    "ur": ("آدھا", "ایک چوتھائی", "تین چوتھائی", "ایک تہائی", "دو تہائی"),
    "uz": ("yarim", "chorak", "toʻrtdan uch", "uchdan bir", "uchdan ikki"),
    "vi": ("một phần hai", "một phần tư", "ba phần tư", "một phần ba", "hai phần ba"),
}
FRACTIONS |= ALONE
DECIMALS = {"ja", "ko", *ALONE}
# Words of their own for one and a half, two and a half, and for any number and a half or a quarter.
WHOLE_AND_HALF = {
    "el": {"1": "ενάμισι", "2": "δυόμισι"}, "hi": {"1": "डेढ़", "2": "ढाई"}, "nl": {"1": "anderhalf"},
}  # fmt: skip
HINDI = {(1, 2): "साढ़े {whole}", (1, 4): "सवा {whole}", (3, 4): "पौने {next}"}


def spell_fractions(text: str, language: str | None, code: str | None) -> str:
    """Text with its fractions and powers in words.

    Where the language's words are not known, their numbers stand apart, and a fraction after a whole number is a
    decimal if its digits end.

    Args:
        text: as written.
        language: its language.
        code: of `number_language`.
    """
    return _Fractions(language, code).read(text)


class _Fractions:
    def __init__(self, language: str | None, code: str | None) -> None:
        self.language, self.code = language, code
        self.short = primary_subtag(language)
        self.letter = letters_around(language)

    def read(self, text: str) -> str:
        if text.isascii():
            return self._ascii(text)
        powers = "[\u207b\u2070\xb9\xb2\xb3\u2074-\u2079]"
        text = re.sub(
            rf"(?:(?<=\d)|(?<=\b[^\W\d_])|(?<=\b[^\W\d_]{{2}}))(\u207b?(?:(?!\u207b){powers})+)", self._power, text
        )
        text = re.sub(r"(?:(?<![\d.,])(\d+) )?(?<!\d)(\d{1,2})\u2044(\d{1,2})(?!\d)", self._of_digits, text)
        text = re.sub(rf"(?:(?<![{self.letter}.,])(\d+) ?)?([{VULGAR}])", self._vulgar, text)
        text = self._ascii(text)
        text = re.sub("[\u2070\xb9\xb2\xb3\u2074-\u2079]+|[\u2080-\u2089]+", _plain_digits, text)
        return "".join(map(_detached, text))

    def _ascii(self, text: str) -> str:
        if "/" not in text or (self.short not in FRACTIONS and self.short not in BUILT):
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
        minus = f"{minus_word(self.code)} " if exponent != digits else ""
        words = f"{minus}{cardinal(digits, self.code)}"
        power = POWER.get(self.short, "")
        return f" {power.format(words)} " if "{}" in power else f" {power} {words} "

    def _vulgar(self, match: re.Match[str]) -> str:
        top, _, bottom = unicodedata.normalize("NFKC", match[2]).partition("\u2044")
        return self._mixed(match[1], int(top), int(bottom or 0))

    def _slash(self, match: re.Match[str]) -> str:
        top, _, bottom = match[2].partition("/")
        if match[1] and int(top) >= int(bottom):
            return match[0]
        return self._mixed(match[1], int(top), int(bottom))

    def _of_digits(self, match: re.Match[str]) -> str:
        return self._mixed(match[1], int(match[2]), int(match[3]))

    def _mixed(self, whole: str | None, top: int, bottom: int) -> str:
        """ "1", 1, 2 -> "one and a half"; where the language's words are not known, the digits apart."""
        fraction = self._fraction(top, bottom)
        known = fraction is not None and (whole is None or self.short not in DECIMALS)
        if not known and self.code is not None and bottom and 1000 % bottom == 0:
            value = Decimal(whole or 0) + Decimal(top) / bottom
            return f" {cardinal(str(value), self.code)} "
        if fraction is None:
            parts = (whole or "", str(top), str(bottom or ""))
            return " " + " ".join(cardinal(part, self.code) for part in parts if part) + " "
        return f" {self._after_whole(whole, fraction, (top, bottom)) if whole else fraction} "

    def _after_whole(self, whole: str, fraction: str, value: tuple[int, int]) -> str:
        number = cardinal(whole, self.code)
        half = value == (1, 2)
        if half and whole in WHOLE_AND_HALF.get(self.short, {}):
            return WHOLE_AND_HALF[self.short][whole]
        if self.short == "hi" and value in HINDI:
            return HINDI[value].format(whole=number, next=cardinal(str(int(whole) + 1), self.code))
        if self.short == "de":  # one word: eineinhalb, zweidreiviertel
            return f"{re.sub('eins$', 'ein', number)}{fraction.replace(' ', '')}"
        if self.short == "ka" and half:  # one word: ორნახევარი
            return f"{number.removesuffix('ი')}{fraction}"
        if self.short == "ta" and number.endswith("ு") and value[1] in (2, 4):
            return f"{number[:-1]}ரை" if half else f"{number[:-1]}ே {fraction}"
        if self.short in MIXED:
            return MIXED[self.short].format(whole=number, fraction=fraction)
        if self.short == "sv":
            number = re.sub("ett$", "en", number)
        if self.short == "fr" and half:
            fraction = "demi"
        return f"{number}{and_words(self.language)}{fraction}"

    def _fraction(self, top: int, bottom: int) -> str | None:
        if self.code is None:
            return None
        if self.short in FRACTIONS and (top, bottom) in FRACTION_VALUES:
            return FRACTIONS[self.short][FRACTION_VALUES.index((top, bottom))]
        if self.short in BUILT and bottom:
            if (top, bottom) == (1, 2) and self.short in HALVES:
                return HALVES[self.short]
            top_words, bottom_words = (cardinal(str(part), self.code) for part in (top, bottom))
            return BUILT[self.short].format(top=top_words, bottom=bottom_words)
        if self.short == "en" and 2 < bottom <= 20:
            ordinal = words_or_none(bottom, self.code, "ordinal")
            return f"{cardinal(str(top), self.code)} {ordinal}{'s' if top != 1 else ''}"
        return None


def _plain_digits(match: re.Match[str]) -> str:
    """A number in raised or lowered digits, apart from what is beside it: "H₂O" -> "H 2 O"."""
    return f" {unicodedata.normalize('NFKC', match[0])} "


def _detached(character: str) -> str:
    """A character that NFKC turns into digits, kept from the digits beside it: "①2"."""
    if character.isascii() or unicodedata.category(character) == "Nd":
        return character
    plain = unicodedata.normalize("NFKC", character)
    return f" {plain} " if any(part.isdigit() for part in plain) else character
