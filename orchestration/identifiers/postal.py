"""The authority on names and postal keys: what counts as the same name, and the same name at the same address.

The same definition stands in SQL in ``dbt_project/macros/identifiers.sql``, which the models use; the tests hold the
two together over all of Unicode that Python knows. :func:`macro` gives that SQL to Python callers.

A name is compared case-folded, without accents, full-width letters narrowed, characters that nobody sees left out, punctuation
read as a space, white space collapsed. Letters of every
script stay. Marks that are vowels or part of a letter (Indic, Thai, Khmer, kana...) are no accents and stay as well.
"""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache
from typing import Any

from orchestration.core.home import CHECKOUT
from orchestration.identifiers.normal_form import INVISIBLE, PUNCTUATION, class_of
from orchestration.identifiers.regions import country_code

# Part of the cache's version: raise it when a rule of this module or of the macros changes.
RULES = 3
NORMALISER = f"postal, rules {RULES}"

# Scripts whose combining marks are letters: from Devanagari to Myanmar, the Philippines to Bali, kana, Meetei, Brahmic.
LETTER_MARKS = "900-109f 1700-1bff 3040-30ff a800-abff 11000-11fff"
# Letters that no decomposition takes apart, although people write them both ways; and the sigma that ends a word.
SINGLE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ς": "σ"}
DOUBLE = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}


_INVISIBLE = re.compile(f"[{class_of(INVISIBLE)}]")
_PUNCTUATION = re.compile(f"[{class_of(PUNCTUATION)}]+")
_LETTER_MARKS = re.compile(f"[{class_of(LETTER_MARKS)}]")
_WIDE = {ord(letter) + 0xFEE0: letter for letter in string.ascii_letters + string.digits}
_LETTERS = str.maketrans(SINGLE | DOUBLE)
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def fold_name(text: str | None) -> str | None:
    """The key by which names and address lines are compared; None when nothing is left of it."""
    if text is None:
        return None
    text = _plain(text)
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


def _plain(text: str) -> str:
    return _INVISIBLE.sub("", text).translate(_WIDE)


def _postal_code(text: str | None, country: str) -> str | None:
    code = _PUNCTUATION.sub("", _plain(text or "")).translate(_UPPER)
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
