"""The authority on names and postal keys: what counts as the same name, and the same name at the same address.

The same definition stands in SQL in ``dbt_project/macros/identifiers.sql``, which the models use; the tests hold the
two together over all of Unicode that Python knows. :func:`macro` gives that SQL to Python callers.

A name is compared case-folded, without accents, punctuation read as a space, white space collapsed. Letters of every
script stay. Marks that are vowels or part of a letter (Indic, Thai, Khmer, kana...) are no accents and stay as well.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from orchestration.core.home import CHECKOUT
from orchestration.identifiers.regions import country_code

# Part of the cache's version: raise it when a rule of this module or of the macros changes.
RULES = 1
NORMALISER = f"postal, rules {RULES}"

# Explicit ranges and no character classes, so that Python and RE2 agree whatever Unicode version each was built with.
PUNCTUATION = (
    "00-2f 3a-40 5b-60 7b-a9 ab-b1 b4 b6-b8 bb bf d7 f7 2b9-2bc 55a-55f 589-58a 5be 5c0 5c3 5f3-5f4 60c 61b 61f 66a-66d 6d4 "
    "964-965 2000-206f 20a0-20cf 2190-2bff 2e00-2e7f 3000-3004 3008-3020 3030 30a0 30fb fe00-fe0f fe30-fe6f ff00-ff0f "
    "ff1a-ff20 ff3b-ff40 ff5b-ff65 fffc-fffd 1f000-1faff"
)
# Scripts whose combining marks are letters: from Devanagari to Myanmar, the Philippines to Bali, kana, Meetei, Brahmic.
LETTER_MARKS = "900-109f 1700-1bff 3040-30ff a800-abff 11000-11fff"
# Letters that no decomposition takes apart, although people write them both ways; and the sigma that ends a word.
SINGLE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ς": "σ"}
DOUBLE = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}


def _class(ranges: str) -> str:
    return "".join("-".join(f"\\U{int(end, 16):08x}" for end in piece.split("-")) for piece in ranges.split())


_PUNCTUATION = re.compile(f"[{_class(PUNCTUATION)}]+")
_LETTER_MARKS = re.compile(f"[{_class(LETTER_MARKS)}]")
_LETTERS = str.maketrans(SINGLE | DOUBLE)
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def fold_name(text: str | None) -> str | None:
    """The key by which names and address lines are compared; None when nothing is left of it."""
    if text is None:
        return None
    if _LETTER_MARKS.search(text):
        text = unicodedata.normalize("NFC", text)
    else:
        bare = (letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.category(letter).startswith("M"))
        text = unicodedata.normalize("NFC", "".join(bare))
    # Letter by letter, as databases do: for a whole text, lower() looks at neighbours and makes two letters of 'İ'.
    text = "".join(letter.lower()[0] for letter in text)
    return _PUNCTUATION.sub(" ", text.translate(_LETTERS)).strip(" ") or None


def postal_key(name: str | None, address: str | None, postal_code: str | None, country: str | None) -> str | None:
    """``name|address|postal code|country``, each in its one form; None when name, address or postal code is missing."""
    country = country_code(country)
    code = _postal_code(postal_code, country)
    folded = (fold_name(name), fold_name(address), code)
    return None if None in folded else "|".join([*filter(None, folded), country])


def _postal_code(text: str | None, country: str) -> str | None:
    code = _PUNCTUATION.sub("", text or "").translate(_UPPER)
    digits = len(code) if re.fullmatch("[0-9]+", code) else 0
    if digits == 9 and country in ("US", ""):
        code = code[:5]  # ZIP+4: the same house with and without its four digits
    elif digits in (4, 8) and country == "US":
        code = "0" + code[:4]  # New England's leading zero, dropped by a spreadsheet
    return code or None


@cache
def _macros() -> Any:
    import jinja2  # imported late: a single look-up needs none of this

    class Adapter:
        @staticmethod
        def dispatch(name: str) -> Any:
            return getattr(template.module, f"duckdb__{name}")

    path = CHECKOUT / "dbt_project" / "macros" / "identifiers.sql"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  (SQL, no HTML)
    environment.globals.update({"adapter": Adapter, "return": lambda value: value})
    template = environment.from_string(path.read_text(encoding="utf-8"))
    return template.module


def macro(name: str, *arguments: str) -> str:
    """The SQL of a macro of ``identifiers.sql`` for DuckDB; ``arguments`` are SQL expressions."""
    return str(getattr(_macros(), name)(*arguments)).strip()
