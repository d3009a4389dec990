"""Phone numbers by the million: the answers of ``phone.normalise_phone``, computed inside DuckDB.

SQL answers only where the outcome is certain: a text of digits and plain punctuation whose ranges
(``compile_ranges``) say what the library would say. Everything else goes to ``phone`` in Python, each distinct
reading once. The differential tests hold the two to the same answers; nothing here may know a rule that ``phone``
does not have.
"""

from __future__ import annotations

import importlib
import re
import string
from pathlib import Path
from types import ModuleType

import duckdb
import phonenumbers
import pyarrow as pa
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.core.errors import ConfigError
from orchestration.core.sql import quoted
from orchestration.identifiers import phone
from orchestration.identifiers.normal_form import MAX_PHONE

RANGES_FILE = Path(__file__).with_name(f"phone_ranges_{phonenumbers.__version__}.parquet")
NORMALISER = f"phonenumbers {phonenumbers.__version__}, rules {phone.RULES}"

_KEYS = Path(__file__).with_name("phone_keys.sql").read_text(encoding="utf-8")
_ANSWERS = Path(__file__).with_name("phone_answers.sql").read_text(encoding="utf-8")

# Keys of the range look-up, with 4 to 15 digits, calling codes as the plans below 1000 and regions above; the largest stays
# below 2**64.
_FIRST_REGION = 1000
_RANGE_KEY = """
create or replace temp macro phone_range_key(plan, digits, number) as
    ((plan * 12 + digits - 4) * 1000000000000000 + number)::ubigint
"""
# One byte instead of a text in rows that are sorted.
_NOTE = f"create temp type if not exists phone_note as enum ({', '.join(map(quoted, phone.NOTES))})"

_BATCH = 100_000  # texts held as Python objects at a time, some 50 MB
_HINT = pa.schema(
    {"region": pa.string(), "hint": pa.string(), "hint_code": pa.uint16(), "abroad": pa.string(), "shortest": pa.uint8()}
)

# Without x, which hides a digit or begins an extension.
_OTHER_LETTERS = "".join(c for c in string.ascii_letters if c not in phone.LOOK_ALIKE + "xX")

# In texts of these characters the number is what is left of its digits; see phone.read_text.
_SIGNS_AND_LETTERS = r"\t\n\r -*,-/:-~"
_NO_NUMBER = rf"[{_SIGNS_AND_LETTERS}]*"
# A look-alike letter that touches the number may be its first digit.
_BEFORE = rf"(?:[{_SIGNS_AND_LETTERS}]*[\t\n\r -*,-/:-@\[-`{{-~{_OTHER_LETTERS}])?"
_WITHIN = r"[- ()\[\]./~\t\n\r]"
_AFTER = r"""["' ,;)>\t\n\r]*"""
_DIGIT = rf"{_WITHIN}*[0-9]"
_PLAIN = rf"{_BEFORE}\+?(?:{_DIGIT})+{_WITHIN}*{_AFTER}"
_FLOAT = rf"{_BEFORE}\+?[0-9]{{5,}}\.0+{_WITHIN}*{_AFTER}"
_SEVEN = rf"{_BEFORE}\+?(?:{_DIGIT}){{{phone.MIN_DIGITS},}}{_WITHIN}*"
_EXTENSION = rf"{_SEVEN}(?:(?i:x|extn?|extension|;ext=|#) *|[,;]+)[0-9]{{1,6}}{_AFTER}"
_WORD = rf"[{phone.LOOK_ALIKE}]*[{_OTHER_LETTERS}][A-WYZa-wyz]*"
_WORDS = rf"{_SEVEN}[ (\[/]{_WORD}(?:{_WITHIN}|[A-WYZa-wyz])*{_AFTER}"
# Where a slash or a line's end stands behind seven digits there may be two numbers: phone.py counts the calling code.
_SECOND = rf"(?:[0-9][^0-9]*){{{phone.MIN_DIGITS - 1}}}[0-9][^0-9]*[/\t\n\r][^0-9]*[0-9]"
# The fraction is shorter than the exponent, so digits are missing.
_SCIENTIFIC = rf"{_BEFORE}\+?[0-9][.,](?:[0-9]{{0,6}}[eE]\+?[7-9]|[0-9]{{0,8}}[eE]\+?[1-9][0-9]){_AFTER}"
_MASKED = rf"{_BEFORE}\+?(?:{_DIGIT})+(?:[xX]{{2,}}|\*{{2,}}){_AFTER}"
# Other scripts' spaces, dashes, brackets and full-width digits, and the marks that are simply removed.
_SPACES = "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FOREIGN = "０１２３４５６７８９＋（）－．" + _SPACES + _DASHES
_PLAINER = "0123456789+()-." + " " * len(_SPACES) + "-" * len(_DASHES)
_REMOVED = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"

# The named parameters of phone_keys.sql.
_WRITTEN = {
    "foreign": _FOREIGN + _REMOVED,
    "plainer": _PLAINER,
    "max_text": phone.MAX_TEXT,
    "second": _SECOND,
    "plain": _PLAIN,
    "float": _FLOAT,
    "extension": _EXTENSION,
    "words": _WORDS,
    "scientific": _SCIENTIFIC,
    "masked": _MASKED,
    "no_number": _NO_NUMBER,
}


def normalise_phones(con: duckdb.DuckDBPyConnection, source: str, result: str) -> None:
    """Read every row of ``source(raw, region)`` into the temporary table ``result``.

    ``result`` has the columns ``raw, region, e164, status, reason, number_region``, one row for each row of
    ``source``, with ``''`` for a null region. Equal rows are read twice: give distinct ones.
    """
    # A number of our own: DuckDB's rowid of a row not yet committed does not fit the small type the look-ups need.
    con.execute(
        "create or replace temp table phone_reading as "
        f"select row_number() over () - 1 as id, raw, coalesce(region, '') as region from {source}"
    )
    _load_ranges(con)
    _load_hints(con)
    con.execute(f"create or replace temp table phone_key as {_KEYS}", _WRITTEN | {"codes_by_head": _codes_by_head()})
    con.execute(f"create or replace temp table {result} as {_ANSWERS}", {"max_digits": MAX_PHONE, "min_digits": phone.MIN_DIGITS})
    rest = con.sql(f"select raw, region from {result} where status is null").to_arrow_table()
    if rest.num_rows:
        con.register("phone_rest", read_rest(rest, leftover_library()))
        con.execute(f"delete from {result} where status is null")
        con.execute(f"insert into {result} select * from phone_rest")
        con.unregister("phone_rest")
    for table in _TABLES:
        con.execute(f"drop table {table}")


def read_rest(rest: pa.Table, library: ModuleType = phonenumbers) -> pa.Table:
    """Read what SQL left over one by one; a reading that several texts share is made once."""
    hints = {region: phone.phone_region(region) for region in rest.column("region").unique().to_pylist()}
    tables = []
    for batch in rest.to_batches(max_chunksize=_BATCH):
        seen: dict[tuple[phone.Written | str, str], phone.PhoneResult] = {}
        answers = []
        for raw, region in zip(batch.column("raw").to_pylist(), batch.column("region").to_pylist(), strict=True):
            reading = phone.read_text(raw), hints[region]
            if reading not in seen:
                seen[reading] = phone.read_written(*reading, library)
            answers.append(seen[reading])
        columns = [pa.array(column, pa.string()) for column in zip(*answers, strict=True)]
        names = ["raw", "region", *phone.PhoneResult._fields]
        tables.append(pa.table([batch.column("raw"), batch.column("region"), *columns], names))
    return pa.concat_tables(tables)


def leftover_library() -> ModuleType:
    """Choose ``rphonenumbers``, thirty times faster, if it is there with exactly the metadata of ``phonenumbers``."""
    try:
        faster = importlib.import_module("rphonenumbers")
    except ImportError:
        return phonenumbers
    return faster if faster.__phonenumbers_version__ == phonenumbers.__version__ else phonenumbers


def _load_ranges(con: duckdb.DuckDBPyConnection) -> None:
    if not RANGES_FILE.exists():
        raise ConfigError(
            "Reading the compiled phone number ranges",
            seen=f"no {RANGES_FILE.name} for the installed phonenumbers {phonenumbers.__version__}",
            next_step="run python -m tools.compile_ranges and commit the file it writes",
        )
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    plans = pa.array(range(_FIRST_REGION, _FIRST_REGION + len(regions)), pa.uint16())
    _table_of(con, "phone_plan", pa.table({"region": pa.array(regions), "plan": plans}))
    con.execute(_RANGE_KEY)
    con.execute(_NOTE)
    con.execute(
        """
        create or replace temp table phone_dialled as
        with ranges as (
            select ranges.* exclude (plan), coalesce(phone_plan.plan, try_cast(ranges.plan as usmallint)) as plan
            from read_parquet(?) as ranges
            left join phone_plan on ranges.plan = phone_plan.region
            where kind <> 'numbering'
        )
        select
            phone_range_key(plan::ubigint, digits, low) as low_key,
            phone_range_key(plan::ubigint, digits, high) as high_key,
            calling_code,
            (10 ** (digits - dropped))::ubigint as kept,
            coalesce(try_cast(lead as ubigint), 0) * (10 ** (digits - dropped))::ubigint as lead,
            (digits - dropped + length(lead))::utinyint as significant,
            note::phone_note as note,
            zero_matters
        from ranges
        """,
        [str(RANGES_FILE)],
    )
    con.execute(
        """
        create or replace temp table phone_numbering as
        select
            phone_range_key(plan::ubigint, digits, low) as low_key,
            phone_range_key(plan::ubigint, digits, high) as high_key,
            valid,
            region
        from (select * replace (plan::usmallint as plan) from read_parquet(?) where kind = 'numbering')
        """,
        [str(RANGES_FILE)],
    )


def _load_hints(con: duckdb.DuckDBPyConnection) -> None:
    """One row for each region that occurs: its country, how it dials abroad, the length of its shortest numbers.

    Below eight digits any short text may be a number of the country, and only the library tells.
    """
    rows = []
    for (region,) in con.execute("select distinct region from phone_reading").fetchall():
        hint = phone.phone_region(region)
        metadata = PhoneMetadata.metadata_for_region(hint) if hint else None
        rows.append(
            {
                "region": region,
                "hint": hint,
                "hint_code": metadata.country_code if metadata else 0,
                "abroad": _prefix_for_calls_abroad(metadata),
                "shortest": _shortest(metadata),
            }
        )
    _table_of(con, "phone_hint", pa.Table.from_pylist(rows, _HINT))


def _prefix_for_calls_abroad(metadata: PhoneMetadata | None) -> str | None:
    """The country's usual prefix, if it begins with 0 and is taken off whatever follows it."""
    if metadata is None or not metadata.international_prefix:
        return None
    pattern = re.compile(metadata.international_prefix)
    usual = metadata.preferred_international_prefix or metadata.international_prefix
    followed = (pattern.match(f"{usual}{digits:03}") for digits in range(1000))
    certain = re.fullmatch(r"0\d*", usual) and all(match and match.end() == len(usual) for match in followed)
    return usual if certain else None


def _shortest(metadata: PhoneMetadata | None) -> int:
    """Digits of the shortest number of a country; 0 where the area code may be left out and is added."""
    if metadata is None or metadata.general_desc is None:
        return phone.MIN_DIGITS + 1
    return 0 if metadata.national_prefix_transform_rule else metadata.general_desc.possible_length[0]


def _table_of(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    con.register("phone_rows", rows)
    con.execute(f"create or replace temp table {name} as select * from phone_rows")
    con.unregister("phone_rows")


def _codes_by_head() -> list[int]:
    """For every three leading digits the calling code they begin with, or 0."""
    codes = []
    for head in range(1000):
        text = str(head).zfill(3)
        starts = (int(text[:length]) for length in (1, 2, 3) if text[0] != "0")
        codes.append(next((code for code in starts if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), 0))
    return codes


_TABLES = ("phone_reading", "phone_plan", "phone_hint", "phone_dialled", "phone_numbering", "phone_key")
