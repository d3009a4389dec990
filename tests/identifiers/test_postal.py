"""Names and postal keys: literal cases, and SQL = Python over the Unicode that Python knows."""

from __future__ import annotations

import random
import sys
import unicodedata

import duckdb
import pyarrow as pa
import pytest

from orchestration.identifiers import postal, regions
from tests.seed import SEED

KNOWN = [letter for letter in map(chr, range(1, sys.maxunicode + 1)) if unicodedata.category(letter) not in ("Cn", "Co", "Cs")]

NAMES = [
    ("Jane Doe", "jane doe"),
    ("  JANE\tDOE ", "jane doe"),
    ("Doe, Jane", "doe jane"),
    ("O'Brien-Smith", "o brien smith"),
    ("José Müller", "jose muller"),
    ("Jose\u0301 Mu\u0308ller", "jose muller"),
    ("Łukasz Ødegård", "lukasz odegard"),
    ("Groß", "gross"),
    ("GROẞ", "gross"),
    ("Æsir Þór", "aesir thor"),
    ("İstanbul Işık", "istanbul isik"),
    ("ΟΔΥΣΣΕΑΣ", "οδυσσεασ"),
    ("Οδυσσέας", "οδυσσεασ"),
    ("Ёлкин", "елкин"),
    ("山田 太郎", "山田 太郎"),
    ("が", "が"),
    ("か\u3099", "が"),
    ("मोहन", "मोहन"),
    ("ปุ๊", "ปุ๊"),
    ("김 철수", "김 철수"),
    ("محمّد", "محمد"),
    ("Jane\u00a0Doe", "jane doe"),
    ("Jane 🎉 Doe", "jane doe"),
    ("ＪＡＮＥ Ｄｏｅ ３", "jane doe 3"),
    ("Ja\u00adne\u3164 D\u034foe\U000e0041\ufe0f", "jane doe"),
    ("Jane\u1680Doe", "jane doe"),
    ("José\u180d", "jose"),  # unseen, and in the block of a script whose marks are letters
    ("Jane Doe 3rd", "jane doe 3rd"),
    ("--", None),
    ("", None),
    (None, None),
]

KEYS = [
    (("Jane Doe", "1 Main St.", "12345", "US"), "jane doe|1 main st|12345|US"),
    (("JANE DOE", "1, Main St", "12345-6789", "usa"), "jane doe|1 main st|12345|US"),
    (("Jane Doe", "1 Main St", "123456789", None), "jane doe|1 main st|12345|"),
    (("Jane Doe", "1 Main St", "2134", "United States"), "jane doe|1 main st|02134|US"),
    (("Jane Doe", "1 Main St", "21346789", "U.S."), "jane doe|1 main st|02134|US"),
    (("Jane Doe", "Hauptstr. 1", "1010", "AT"), "jane doe|hauptstr 1|1010|AT"),
    (("Jane Doe", "1 High Street", "sw1a 1aa", "UK"), "jane doe|1 high street|SW1A1AA|GB"),
    (("Jane Doe", "１ Ｍａｉｎ St", "１２３４５\u3164", "US"), "jane doe|1 main st|12345|US"),
    (("Jane Doe", "1 Main St", "K1A 0B1", "CA-ON"), "jane doe|1 main st|K1A0B1|CA"),
    (("Jane Doe", "1 Main St", "12345", "Atlantis"), "jane doe|1 main st|12345|ATLANTIS"),
    ((None, "1 Main St", "12345", "US"), None),
    (("Jane Doe", "-", "12345", "US"), None),
    (("Jane Doe", "1 Main St", "", "US"), None),
    (("Jane Doe", "1 Main St", None, "US"), None),
]


def sql_of(columns: dict[str, list[str | None]], expression: str) -> list[str | None]:
    with duckdb.connect() as con:
        arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        con.register("texts", pa.table({"place": range(len(next(iter(arrays.values())))), **arrays}))
        return [value for (value,) in con.execute(f"select {expression} from texts order by place").fetchall()]


@pytest.mark.parametrize(("name", "expected"), NAMES, ids=[repr(name) for name, _ in NAMES])
def test_name_key(name: str | None, expected: str | None) -> None:
    assert postal.fold_name(name) == expected
    assert sql_of({"name": [name]}, postal.macro("fold_name", "name")) == [expected]
    assert postal.fold_name(expected) == expected, "a key is its own key"


@pytest.mark.parametrize(("parts", "expected"), KEYS, ids=[repr(parts) for parts, _ in KEYS])
def test_postal_key(parts: tuple[str | None, ...], expected: str | None) -> None:
    assert postal.postal_key(*parts) == expected
    columns = dict(zip("abcd", ([part] for part in parts), strict=True))
    assert sql_of(columns, postal.macro("postal_key", *columns)) == [expected]


def test_sql_folds_every_character_like_python() -> None:
    texts = [f"a{letter}b" for letter in KNOWN]
    folded = sql_of({"name": texts}, postal.macro("fold_name", "name"))
    different = [f"U+{ord(text[1]):04X}" for text, sql in zip(texts, folded, strict=True) if sql != postal.fold_name(text)]
    assert not different, f"{len(different)} characters fold differently: {different[:20]}"


def test_letters_of_every_script_survive() -> None:
    letters = (letter for letter in KNOWN if unicodedata.category(letter).startswith("L"))
    lost = [f"U+{ord(letter):04X}" for letter in letters if postal.fold_name(letter) is None]
    apostrophes = {"U+02B9", "U+02BA", "U+02BB", "U+02BC", "U+0374", "U+2E2F"}  # letters by category, punctuation by use
    fillers = {"U+115F", "U+1160", "U+3164", "U+FFA0"}  # letters by category, and nothing to see
    assert set(lost) <= apostrophes | fillers, f"letters that vanish: {lost}"


def random_text(rnd: random.Random) -> str | None:
    if rnd.random() < 0.02:
        return None
    pools = (
        "abcDEF  .,-'",
        "éüßØłİıς\u0301\u0308\u030a",
        "0123456789- ",
        "Ёйждαάσς",
        "अनुमोहน\u0e38\u0e4aがか\u3099\u309aパ가각ᄀ\u1161",
        "US CA-ON uk",
    )
    return "".join(rnd.choice(rnd.choice(pools)) if rnd.random() < 0.9 else rnd.choice(KNOWN) for _ in range(rnd.randint(0, 12)))


def test_sql_keys_are_python_keys() -> None:
    rnd = random.Random(SEED)
    rows = [tuple(random_text(rnd) for _ in range(4)) for _ in range(20_000)]
    columns = dict(zip("abcd", map(list, zip(*rows, strict=True)), strict=True))
    keys = sql_of(columns, postal.macro("postal_key", *columns))
    names = sql_of(columns, postal.macro("fold_name", "a"))
    countries = sql_of(columns, postal.macro("country_code", "d"))
    for row, key, name, country in zip(rows, keys, names, countries, strict=True):
        expected = (postal.postal_key(*row), postal.fold_name(row[0]), regions.country_code(row[3]))
        assert (key, name, country) == expected, f"{row!r}, seed {SEED}"


def test_macro_knows_the_same_countries_as_python() -> None:
    spellings = [*regions.SPELLINGS, "US", "Atlantis", "us-ca", " de-by "]
    expected = [regions.country_code(spelling) for spelling in spellings]
    assert sql_of({"country": list(spellings)}, postal.macro("country_code", "country")) == expected
    assert postal.macro("country_code", "x").count(" then '") == len(regions.SPELLINGS)
