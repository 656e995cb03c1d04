"""Apostrophes at the edge of a word that are a letter of it, not a quotation mark: Afrikaans 'n, Maltese ta', Hausa 'y.

By the languages' orthographies; what is in none of them here is a quotation mark.
"""

import re

from jstasr.text.languages import primary_subtag

# Words that are written with an apostrophe at an edge.
WORDS = {
    "af": "'[nkt]",
    "fur": "'l",
    "fy": "'[tkn]",
    "he": "[\u05d0-\u05ea]+[\u05d2\u05d6\u05e5\u05e6\u05ea]'",  # sounds of other languages: sandwich, college
    "it": "po'|mo'|be'",
    "lmo": "'[lnd]",
    "nap": "'[oaenl]|'[nd]o|'[nd]a",
    "nds": "'[nt]",
    "nl": "'[tnskmr]",
    "pms": "'[lnd]",
    "scn": "'[nuai]|'[nt]a",
    "vec": "'[ln]|'na",
}
# Languages in which a letter is written so, at the beginning or the end of any word: where the text has no apostrophe
# at the other edge of a word, which makes both quotation marks.
BEGINNINGS = {"ha": r"'y\w*(?:'\w+)*"}
# Mayan languages, Navajo, Chamorro, Somali: the glottal stop, or a glottalised consonant.
GLOTTAL = ("acr agu cac cak ch chf ixl jac kek kjb mam mop nv poc poh quc quv so tzh tzj tzo usp yua").split()
ENDINGS = {"mt": r".*[aeiou]'"} | dict.fromkeys(GLOTTAL, r".*\w'")
COMPILED = {
    code: tuple(re.compile(table.get(code, "(?!)")) for table in (WORDS, BEGINNINGS, ENDINGS))
    for code in (*WORDS, *BEGINNINGS, *ENDINGS)
}


def without_quotes(words: list[str], language: str | None) -> list[str]:
    """Words in lower case, without the apostrophes at their edges that are no letter; none where nothing is left."""
    if not any("'" in word for word in words):
        return words
    if (patterns := COMPILED.get(primary_subtag(language))) is None:
        return list(filter(None, (word.strip("'") for word in words)))
    whole, beginnings, endings = patterns
    opened = any(word.startswith("'") and not beginnings.fullmatch(word) for word in words)
    closed = any(word.endswith("'") and len(word) > 1 for word in words)
    kept = []
    for word in words:
        bare = word.strip("'")
        for form in (word, f"'{bare}", f"{bare}'"):
            if form in word and (
                whole.fullmatch(form)
                or (beginnings.fullmatch(form) and not closed)
                or (endings.fullmatch(form) and not form.startswith("'") and not opened)
            ):
                bare = form
                break
        kept.append(bare)
    return list(filter(None, kept))
