"""Language codes parsed: all that a packed model needs of them, by langcodes alone."""

from functools import lru_cache

import langcodes
from langcodes import Language
from langcodes.tag_parser import LanguageTagError


@lru_cache(maxsize=10000)
def known_tag(code: str | None) -> Language | None:
    """The parsed code in its canonical form, or None where it is no language code."""
    if not code:
        return None
    try:
        tag = Language.get(langcodes.standardize_tag(code.strip()))
    except (LanguageTagError, ValueError):
        return None
    return tag if tag.is_valid() else None
