"""Language codes parsed: all that a packed model needs of them, by langcodes alone."""

import re
from functools import lru_cache

import langcodes
from langcodes import Language
from langcodes.tag_parser import LanguageTagError

# What the C library's locales say behind @ -> the subtag of BCP 47.
MODIFIERS = {
    "cyrillic": "Cyrl", "devanagari": "Deva", "iqtelif": "Latn", "latin": "Latn", "valencia": "valencia",
}  # fmt: skip
LOCALE = re.compile(rf"([a-z]{{2,3}})((?:[-_][a-z]{{2}})?)@({'|'.join(MODIFIERS)})", re.IGNORECASE)


@lru_cache(maxsize=10000)
def known_tag(code: str | None) -> Language | None:
    """The parsed code in its canonical form, or None where it is no language code."""
    if not code:
        return None
    if locale := LOCALE.fullmatch(code.strip()):  # sr_RS@latin
        language, region, modifier = locale[1], locale[2], MODIFIERS[locale[3].lower()]
        code = f"{language}-{modifier}{region}" if modifier.istitle() else f"{language}{region}-{modifier}"
    try:
        tag = Language.get(langcodes.standardize_tag(code.strip()))
    except (LanguageTagError, ValueError):
        return None
    return tag if tag.is_valid() else None
