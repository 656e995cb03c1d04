"""Number words of languages that num2words and CLDR lack, or have wrong, put together from the words of their parts.

num2words' Amharic does not end for some numbers, its Azerbaijani says ten thousand for eleven thousand; CLDR's
Macedonian is wrong from a hundred on; the others have no rules there.
"""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Parts:
    """Words that the numbers of a language are made of.

    Attributes:
        small: numbers from nought on, as far as they have words of their own, with blanks between.
        tens: from `step` on in steps of `step`, with blanks between.
        hundreds: from one to nine hundred, with | between.
        thousand, million, milliard: the words for one and for more of them; a thousand million may have none.
        minus: before a negative number.
        point: the decimal sign; "" where the digits after it are read as fractions of ten, of a hundred and so on.
        step: what the tens rise by.
        after_tens: between the tens and the rest.
        last: before the last part of a number above a hundred.
        one: before a hundred and a thousand that is not the whole number.
        hundred: a hundred if more follows, where that has another form.
        feminine: words before thousand and milliard in place of others.
        whole, fractions: what is said for the decimal sign, and after it by the number of digits.
        final: words that have another form at the end of the number.
    """

    small: str
    tens: str
    hundreds: str
    thousand: tuple[str, str]
    million: tuple[str, str]
    milliard: tuple[str, str] | None
    minus: str
    point: str = ""
    step: int = 10
    after_tens: str = " "
    last: str = ""
    one: str = ""
    hundred: str = ""
    feminine: tuple[tuple[str, str], ...] = ()
    whole: str = ""
    fractions: tuple[str, ...] = ()
    final: tuple[tuple[str, str], ...] = ()


def _hundreds(small: str, hundred: str) -> str:
    return "|".join([hundred, *(f"{unit} {hundred}" for unit in small.split()[2:10])])


_UZ = "nol bir ikki uch to\u02bbrt besh olti yetti sakkiz to\u02bbqqiz"
_UZ_CYRL = "ноль бир икки уч тўрт беш олти етти саккиз тўққиз"
_TK = "nol bir iki üç dört bäş alty ýedi sekiz dokuz"
_TT = "нуль бер ике өч дүрт биш алты җиде сигез тугыз"
_AZ = "sıfır bir iki üç dörd beş altı yeddi səkkiz doqquz"
_AM = "ዜሮ አንድ ሁለት ሦስት አራት አምስት ስድስት ሰባት ስምንት ዘጠኝ"
_MN = "тэг нэгэн хоёр гурван дөрвөн таван зургаан долоон найман есөн"
PARTS = {
    "am": Parts(
        small=_AM, tens="አሥራ ሃያ ሠላሳ አርባ አምሳ ስድሳ ሰባ ሰማኒያ ዘጠና",
        hundreds=f"አንድ {_hundreds(_AM, 'መቶ')}",
        thousand=("አንድ ሺህ", "ሺህ"), million=("አንድ ሚሊዮን", "ሚሊዮን"), milliard=("አንድ ቢሊዮን", "ቢሊዮን"),
        minus="አሉታዊ", point="ነጥብ", final=(("አሥራ", "አሥር"),),
    ),
    "az": Parts(
        small=_AZ, tens="on iyirmi otuz qırx əlli altmış yetmiş səksən doxsan", hundreds=_hundreds(_AZ, "yüz"),
        thousand=("min", "min"), million=("bir milyon", "milyon"), milliard=("bir milyard", "milyard"),
        minus="mənfi", point="nöqtə",
    ),
    "eu": Parts(
        small="zero bat bi hiru lau bost sei zazpi zortzi bederatzi hamar hamaika hamabi hamahiru hamalau hamabost "
        "hamasei hamazazpi hemezortzi hemeretzi",
        tens="hogei berrogei hirurogei laurogei", step=20, after_tens="ta ",
        hundreds="ehun|berrehun|hirurehun|laurehun|bostehun|seiehun|zazpiehun|zortziehun|bederatziehun",
        thousand=("mila", "mila"), million=("milioi bat", "milioi"), milliard=None,
        minus="minus", last="eta", point="koma",
    ),
    "gl": Parts(
        small="cero un dous tres catro cinco seis sete oito nove dez once doce trece catorce quince dezaseis "
        "dezasete dezaoito dezanove",
        tens="dez vinte trinta corenta cincuenta sesenta setenta oitenta noventa", after_tens=" e ",
        hundreds="cen|douscentos|trescentos|catrocentos|cincocentos|seiscentos|setecentos|oitocentos|novecentos",
        hundred="cento", thousand=("mil", "mil"), million=("un millón", "millóns"),
        milliard=None, minus="menos", point="coma",
    ),
    "mk": Parts(
        small="нула еден два три четири пет шест седум осум девет десет единаесет дванаесет тринаесет четиринаесет "
        "петнаесет шеснаесет седумнаесет осумнаесет деветнаесет",
        tens="десет дваесет триесет четириесет педесет шеесет седумдесет осумдесет деведесет", after_tens=" и ",
        hundreds="сто|двесте|триста|четиристотини|петстотини|шестотини|седумстотини|осумстотини|деветстотини",
        thousand=("илјада", "илјади"), million=("еден милион", "милиони"), milliard=("една милијарда", "милијарди"),
        minus="минус", last="и", feminine=(("еден", "една"), ("два", "две")), point="запирка",
    ),
    "mn": Parts(
        small=_MN, tens="арван хорин гучин дөчин тавин жаран далан наян ерэн", hundreds=_hundreds(_MN, "зуун"),
        thousand=("мянга", "мянга"), million=("нэг сая", "сая"), milliard=("нэг тэрбум", "тэрбум"), minus="хасах",
        fractions=("аравны", "зууны", "мянганы"),
        final=(
            ("нэгэн", "нэг"), ("гурван", "гурав"), ("дөрвөн", "дөрөв"), ("таван", "тав"), ("зургаан", "зургаа"),
            ("долоон", "долоо"), ("найман", "найм"), ("есөн", "ес"), ("арван", "арав"), ("хорин", "хорь"),
            ("гучин", "гуч"), ("дөчин", "дөч"), ("тавин", "тавь"), ("жаран", "жар"), ("далан", "дал"),
            ("наян", "ная"), ("ерэн", "ер"), ("зуун", "зуу"),
        ),
    ),
    "tk": Parts(
        small=_TK, tens="on ýigrimi otuz kyrk elli altmyş ýetmiş segsen togsan", hundreds=_hundreds(_TK, "ýüz"),
        thousand=("müň", "müň"), million=("bir million", "million"), milliard=("bir milliard", "milliard"),
        minus="minus", whole="bitin", fractions=("ondan", "ýüzden", "müňden"),
    ),
    "tt": Parts(
        small=_TT + " ун" + "".join(f" ун{unit}" for unit in _TT.split()[1:]),
        tens="ун егерме утыз кырык илле алтмыш җитмеш сиксән туксан", hundreds=_hundreds(_TT, "йөз"),
        thousand=("мең", "мең"), million=("бер миллион", "миллион"), milliard=("бер миллиард", "миллиард"),
        minus="минус", whole="бөтен", fractions=("уннан", "йөздән", "меңнән"),
    ),
    "uz": Parts(
        small=_UZ, tens="o\u02bbn yigirma o\u02bbttiz qirq ellik oltmish yetmish sakson to\u02bbqson",
        hundreds=_hundreds(_UZ, "yuz"), thousand=("ming", "ming"), million=("bir million", "million"),
        milliard=("bir milliard", "milliard"), minus="minus", one="bir ", whole="butun",
        fractions=("o\u02bbndan", "yuzdan", "mingdan"),
    ),
    "uz_Cyrl": Parts(
        small=_UZ_CYRL, tens="ўн йигирма ўттиз қирқ эллик олтмиш етмиш саксон тўқсон",
        hundreds=_hundreds(_UZ_CYRL, "юз"), thousand=("минг", "минг"), million=("бир миллион", "миллион"),
        milliard=("бир миллиард", "миллиард"), minus="минус", one="бир ", whole="бутун",
        fractions=("ўндан", "юздан", "мингдан"),
    ),
}  # fmt: skip
TOP = 10**12


@lru_cache(maxsize=10000)
def compose(value: int, code: str) -> str | None:
    """Words of a whole number below `TOP`; None for others.

    Args:
        value: the number.
        code: a key of `PARTS`.
    """
    parts = PARTS[code]
    if abs(value) >= TOP:
        return None
    if value < 0:
        return f"{parts.minus} {compose(-value, code)}"
    return _with_last(_words(value, parts), dict(parts.final))


def _with_last(words: str, forms: dict[str, str]) -> str:
    before, blank, last = words.rpartition(" ")
    return before + blank + forms.get(last, last)


def _words(number: int, parts: Parts) -> str:
    small, tens = parts.small.split(), parts.tens.split()
    if number < len(small):
        return small[number]
    if number < 100:
        count, rest = divmod(number, parts.step)
        return tens[count - 1] + (parts.after_tens + small[rest] if rest else "")
    if number < 1000:
        count, rest = divmod(number, 100)
        head = parts.hundreds.split("|")[count - 1]
        if rest and count == 1:
            head = parts.one + (parts.hundred or head)
        return head + _rest(rest, parts)
    if number < 10**6:
        return _scaled(number, 1000, parts.thousand, parts)
    if number < 10**9 or parts.milliard is None:
        return _scaled(number, 10**6, parts.million, parts)
    return _scaled(number, 10**9, parts.milliard, parts)


def _scaled(number: int, value: int, names: tuple[str, str], parts: Parts) -> str:
    count, rest = divmod(number, value)
    if count == 1:
        before = parts.one if rest and value == 1000 else ""
        return before + names[0] + _rest(rest, parts)
    words = _words(count, parts)
    if value != 10**6:
        words = _with_last(words, dict(parts.feminine))
    # The singular after 21 where one and two have genders.
    one = parts.feminine and count % 10 == 1 and count % 100 != 11
    return f"{words} {names[0].split()[-1] if one else names[1]}" + _rest(rest, parts)


def _rest(rest: int, parts: Parts) -> str:
    if not rest:
        return ""
    # A number below a thousand with one word only, or tens and units, which hold the word already.
    is_last = rest < 100 or (rest < 1000 and rest % 100 == 0)
    if parts.last and is_last and f" {parts.last} " not in f" {_words(rest, parts)} ":
        return f" {parts.last} {_words(rest, parts)}"
    return f" {_words(rest, parts)}"


def compose_fraction(fraction: str, code: str) -> str | None:
    """Words of decimals after the whole number, where they are read as fractions: Mongolian 0.5 is "тэг аравны тав"."""
    parts = PARTS[code]
    if not parts.fractions or len(fraction) > len(parts.fractions):
        return None
    words = compose(int(fraction), code)
    return " ".join(filter(None, (parts.whole, parts.fractions[len(fraction) - 1], words)))
