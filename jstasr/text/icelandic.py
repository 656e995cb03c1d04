"""Icelandic ordinals: 5. maí is "fimmta maí", 21. öld "tuttugasta og fyrsta öld".

Ordinals are weak adjectives but for annar, the second: -i before masculine nouns in the nominative, -u before feminine
ones in other cases, else -a. The nouns that ordinals stand before most often stand here; before others a number is
read as such, and counted (`UNREAD` of jstasr/text/endings.py).
"""

import re

STEMS = (
    "fyrst annar þriðj fjórð fimmt sjött sjöund áttund níund tíund elleft tólft þrettánd fjórtánd fimmtánd sextánd "
    "sautjánd átjánd nítjánd"
).split()
TENS = ("tuttug", "þrítug", "fertug", "fimmtug", "sextug", "sjötug", "áttug", "nítug")  # and -ast
# Noun -> gender and case: months are accusatives of dates, "hann fæddist 5. maí".
FORMS = {
    "mn": "bekkur dagur kafli flokkur áratugur áratugurinn áfangi þáttur leikur fundur",
    "ma": "bekk dag kafla flokk áratug áratuginn áfanga þátt leik fund "
    "janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember",
    "md": "degi flokki áratugnum þætti fundi",
    "mg": "dags flokks áratugar þáttar leiks fundar bekkjar",
    "fn": "öld öldin hæð grein umferð útgáfa deild mínúta gráða",
    "fo": "mínútu útgáfu gráðu aldar aldarinnar öldina öldinni greinar",
    "n": "sæti sætið sætinu sætis skipti skiptið stig ár árið ársins þing þingi",
}
GENDER = {noun: form for form, nouns in FORMS.items() for noun in nouns.split()}
# After these a noun of the same form in other cases is not in the nominative: á 21. öld is "tuttugustu og fyrstu".
PREPOSITIONS = "á af að eftir frá fyrir fram í með til um undir úr við yfir"
SECOND = {
    "mn": "annar", "ma": "annan", "md": "öðrum", "mg": "annars", "fn": "önnur", "fo": "annarri", "n": "annað",
}  # fmt: skip
END = {"mn": "i", "ma": "a", "md": "a", "mg": "a", "fn": "a", "fo": "u", "n": "a"}
ORDINAL = re.compile(
    rf"(?P<before>\b(?:{'|'.join(PREPOSITIONS.split())}) )?(?<![\w.,:/\-\u2013])(?P<number>[1-9]\d?)\. ?"
    rf"(?=(?P<noun>{'|'.join(sorted(GENDER, key=len, reverse=True))})(?!\w))",
    re.IGNORECASE,
)


def spell_icelandic_ordinals(text: str) -> str:
    """Text with its ordinals in words."""
    return ORDINAL.sub(_words, text)


def _words(match: re.Match[str]) -> str:
    form = GENDER[match["noun"].lower()]
    if form == "fn" and match["before"]:
        form = "fo"
    return f"{match['before'] or ''}{icelandic_ordinal(int(match['number']), form)} "


def icelandic_ordinal(number: int, form: str) -> str:
    """An ordinal from 1 to 99.

    Args:
        number: the number.
        form: a key of `FORMS`.
    """
    tens, unit = divmod(number, 10)
    if number < 20:
        return SECOND[form] if number == 2 else STEMS[number - 1] + END[form]
    ten = TENS[tens - 2] + {"u": "ustu"}.get(END[form], f"ast{END[form]}")
    return f"{ten} og {icelandic_ordinal(unit, form)}" if unit else ten
