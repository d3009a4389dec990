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

# Keys of the range look-up: (plan * 12 + digits - 4) * 10**15 + number, with 4 to 15 digits, calling codes as the
# plans below 1000 and regions above; the largest stays below 2**64.
_FIRST_REGION = 1000
_KEY = "((({plan}) * 12 + ({digits}) - 4) * 1000000000000000 + ({number}))::ubigint"

# One byte instead of a text in rows that are sorted.
_NOTE = f"enum({', '.join(repr(note) for note in phone.NOTES)})"

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
    for statement in _statements(result):
        con.execute(statement)
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
    key = _KEY.format(plan="plan::ubigint", digits="digits", number="{}")
    con.execute(
        f"""
        create or replace temp table phone_dialled as
        with ranges as (
            select ranges.* exclude (plan), coalesce(phone_plan.plan, try_cast(ranges.plan as usmallint)) as plan
            from read_parquet(?) as ranges
            left join phone_plan on ranges.plan = phone_plan.region
            where kind <> 'numbering'
        )
        select
            {key.format("low")} as low_key,
            {key.format("high")} as high_key,
            calling_code,
            (10 ** (digits - dropped))::ubigint as kept,
            coalesce(try_cast(lead as ubigint), 0) * (10 ** (digits - dropped))::ubigint as lead,
            (digits - dropped + length(lead))::utinyint as significant,
            note::{_NOTE} as note,
            zero_matters
        from ranges
        """,
        [str(RANGES_FILE)],
    )
    con.execute(
        f"""
        create or replace temp table phone_numbering as
        select {key.format("low")} as low_key, {key.format("high")} as high_key, valid, region
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


def _codes_by_head() -> str:
    """SQL list: for every three leading digits the calling code they begin with, or 0."""
    codes = []
    for head in range(1000):
        text = str(head).zfill(3)
        starts = (int(text[:length]) for length in (1, 2, 3) if text[0] != "0")
        codes.append(next((code for code in starts if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), 0))
    return f"({codes}::usmallint[])"


_TABLES = ("phone_reading", "phone_plan", "phone_hint", "phone_dialled", "phone_numbering", "phone_key")


def _statements(result: str) -> list[str]:
    """Make ``result`` of ``phone_reading``; its ``status`` is null where only the library can tell.

    The look-ups sort what they are given, so they are given a row number, a key and few flags, never the texts.
    """
    keys = f"""
-- No filter before the table is made: one would be pushed down together with the expressions that it looks at.
create or replace temp table phone_key as
with texts as (

    select
        id,
        region,
        case
            when strlen(raw) = length(raw) then raw
            else translate(raw, {quoted(_FOREIGN + _REMOVED)}, {quoted(_PLAINER)})
        end as text
    from phone_reading

),

shapes as (

    select
        *,
        case
            when strlen(text) > {phone.MAX_TEXT} then null
            when regexp_matches(text, '[/\\t\\n\\r]') and regexp_matches(text, {quoted(_SECOND)}) then null
            when regexp_full_match(text, {quoted(_PLAIN)})
                then case when contains(text, '.0') and regexp_full_match(text, {quoted(_FLOAT)}) then 'float' else 'plain' end
            when regexp_full_match(text, {quoted(_EXTENSION)}) then 'extension_dropped'
            when regexp_full_match(text, {quoted(_WORDS)}) then 'text_dropped'
            when regexp_full_match(text, {quoted(_SCIENTIFIC)}) then 'scientific_notation'
            when regexp_full_match(text, {quoted(_MASKED)}) then 'masked'
            when regexp_full_match(text, '[ \\t\\n\\r]*') then 'empty'
            when regexp_full_match(text, {quoted(_NO_NUMBER)}) then 'no_digits'
        end as shape
    from texts

),

written as (

    select
        id,
        region,
        shape,
        contains(text, '+') as plus,
        case
            when shape = 'plain' then regexp_replace(text, '[^0-9]+', '', 'g')
            when shape = 'float' then regexp_extract(text, '[0-9]+')
            when ends_with(shape, 'dropped') then regexp_replace(regexp_extract(text, '[0-9][^A-Za-z,;#]*'), '[^0-9]+', '', 'g')
        end as digits
    from shapes

),

-- Behind a plus, behind the region's own prefix for calls abroad, or, without any region, behind 00.
routed as (

    select
        written.*,
        phone_hint.* exclude (region),
        phone_plan.plan as region_plan,
        case
            when plus then digits
            when starts_with(digits, abroad) and substr(digits, length(abroad) + 1, 1) between '1' and '9'
                then substr(digits, length(abroad) + 1)
            when hint = '' and starts_with(digits, '00') and substr(digits, 3, 1) between '1' and '9' then substr(digits, 3)
        end as behind_plus
    from written
    inner join phone_hint on written.region = phone_hint.region
    left join phone_plan on phone_hint.hint = phone_plan.region

),

coded as (

    select
        *,
        case when behind_plus is not null then {_codes_by_head()}[try_cast(substr(behind_plus, 1, 3) as bigint) + 1] end as code
    from routed

),

dialled as (

    select
        *,
        case when behind_plus is null then region_plan else nullif(code, 0) end as plan,
        case when behind_plus is null then digits else substr(behind_plus, length(code::varchar) + 1) end as number
    from coded

),

final as (

    select
        id::uinteger as id,
        case when ends_with(shape, 'dropped') then shape end::{_NOTE} as note,
        behind_plus is not null and not plus and hint = '' as assumed,
        hint <> '' and not plus and (behind_plus is not null or starts_with(digits, '00')) as dialled_abroad,
        case
            when shape in ('scientific_notation', 'masked', 'empty', 'no_digits') then shape
            when digits is null then null
            when regexp_full_match(digits, '0+|1+|2+|3+|4+|5+|6+|7+|8+|9+') then 'repeated_digit'
            when plus or shortest < 8 or regexp_matches(digits, '^(00|011)') then null
            when length(digits) between 3 and 6 then 'short_code'
            when hint = '' then 'no_region'
        end as rejected,
        case when length(number) between 4 and 15
            then {_KEY.format(plan="plan::ubigint", digits="length(number)", number="number::ubigint")} end as key
    from dialled

)

select * from final
"""
    answers = f"""
create or replace temp table {result} as
with dialled as (

    select
        phone_key.* exclude (key, rejected),
        calling_code,
        significant,
        phone_dialled.note as repair,
        zero_matters,
        (key % 1000000000000000) % kept + lead as number
    from phone_key
    asof inner join phone_dialled on phone_key.key >= phone_dialled.low_key
    where key <= high_key and rejected is null

),

keyed as (

    select *, {_KEY.format(plan="calling_code::ubigint", digits="significant", number="number")} as key
    from dialled

),

numbered as (

    select keyed.*, valid, region
    from keyed
    asof inner join phone_numbering on keyed.key >= phone_numbering.low_key
    where key <= high_key

),

-- What no range holds, or a repair gave, may be read as another number when it is asked for itself (phone.py, _settled): the
-- library goes on there.
settled as (

    select numbered.id
    from numbered
    asof inner join phone_dialled on numbered.key >= phone_dialled.low_key
    where
        (not numbered.valid or numbered.repair is not null)
        and numbered.key <= phone_dialled.high_key
        and phone_dialled.calling_code = numbered.calling_code
        and phone_dialled.significant = numbered.significant
        and (numbered.key % 1000000000000000) % phone_dialled.kept + phone_dialled.lead = numbered.number

),

certain as (

    select numbered.*
    from numbered
    -- a repair of what was dialled with a prefix for calls abroad, or of what no range holds even then, is for the library
    where (repair is null or not (assumed or dialled_abroad))
        and significant + length(calling_code::varchar) <= {MAX_PHONE}
        and case
            when valid
                then significant + length(calling_code::varchar) >= {phone.MIN_DIGITS}
                    and (repair is null or id in (select settled.id from settled))
            -- whether it could go on where something was left out, the library must say
            when note is not null or repair is not null then false
            when calling_code = 55 and significant = 10 then false
            -- with a zero before a number that no range holds, the library must say whether it belongs to it
            when number < (10 ** (significant - 1))::ubigint then false
            else significant >= {phone.MIN_DIGITS}
                and not (zero_matters or dialled_abroad)
                and id in (select settled.id from settled)
        end

),

known as (

    select
        id,
        calling_code,
        calling_code * (10 ** significant)::ubigint + number as e164,
        coalesce(
            case when assumed then 'international_prefix_assumed' end,
            repair::varchar,
            note::varchar,
            case when not valid then 'possible_only' end
        ) as reason,
        region as number_region
    from certain
    union all by name
    select id, rejected as reason
    from phone_key
    where rejected is not null

),

final as (

    select
        phone_reading.raw,
        phone_reading.region,
        '+' || e164::varchar as e164,
        case when e164 is not null then 'ok' when reason is not null then 'rejected' end as status,
        reason,
        coalesce(number_region, case when hint_code = calling_code then nullif(hint, '') end) as number_region
    from phone_reading
    left join known on phone_reading.id = known.id
    inner join phone_hint on phone_reading.region = phone_hint.region

)

select * from final
"""
    return [keys, answers]
