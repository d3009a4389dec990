"""E-mail addresses by the million: the answers of ``email_address.normalise_email``, computed inside DuckDB.

SQL answers only plain ASCII addresses whose syntax leaves nothing to decide; everything else goes to Python. The
differential tests hold the two to the same answers; nothing here may know a rule that ``email_address`` does not have.
"""

from __future__ import annotations

from importlib.metadata import version

import duckdb
import pyarrow as pa
from email_validator import SPECIAL_USE_DOMAIN_NAMES

from orchestration.core.sql import quoted
from orchestration.identifiers import email_address

NORMALISER = f"email-validator {version('email-validator')}, idna {version('idna')}, rules {email_address.RULES}"

_BATCH = 100_000  # texts held as Python objects at a time
_SPACE = r"[ \t\n\r]*"
_AFTER = r"[ \t\n\r;,.'>]*"
# As email-validator's dot-atom; a quote or = at the beginning is an export's and not the address's.
_REST = r"[a-z0-9_!#$%&'*+/=?^`{|}~-]"
_LOCAL = rf"[a-z0-9_!#$%&*+/?^`{{|}}~-]{_REST}*(?:\.{_REST}+)*"
_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z0-9][a-z0-9-]*)?[a-z]"
_ADDRESS = rf"{_LOCAL}@{_DOMAIN}"
_BARE = rf"{_SPACE}(?:'|mailto:)?{_ADDRESS}{_AFTER}"
_NAMED = rf"[^<>@\x00-\x08\x0e-\x1f\x7f]*<{_SPACE}(?:mailto:)?{_ADDRESS}{_SPACE}>{_SPACE}[;,]?"
_HASH = r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}"
# A domain this short has no label that is too long, and with a local part this short the address is not either.
_SHORT_DOMAIN, _SHORT_LOCAL = 63, 128


def normalise_emails(con: duckdb.DuckDBPyConnection, source: str, result: str) -> None:
    """Read every row of ``source(raw)`` into the temporary table ``result(raw, email, status, reason)``."""
    con.execute(_statement(source, result))
    rest = con.sql(f"select raw from {result} where status is null").to_arrow_table()
    if rest.num_rows:
        con.register("email_rest_read", read_rest(rest))
        con.execute(f"delete from {result} where status is null")
        con.execute(f"insert into {result} select * from email_rest_read")
        con.unregister("email_rest_read")


def read_rest(rest: pa.Table) -> pa.Table:
    """Read what SQL left over one by one."""
    tables = []
    for batch in rest.to_batches(max_chunksize=_BATCH):
        answers = map(email_address.normalise_email, batch.column("raw").to_pylist())
        columns = [pa.array(column, pa.string()) for column in zip(*answers, strict=True)]
        tables.append(pa.table([batch.column("raw"), *columns], ["raw", *email_address.EmailResult._fields]))
    return pa.concat_tables(tables)


def _statement(source: str, result: str) -> str:
    special = "|".join(SPECIAL_USE_DOMAIN_NAMES)
    return f"""
create or replace temp table {result} as
with texts as (

    select raw, case when strlen(raw) = length(raw) then lower(raw) end as text
    from {source}

),

shapes as (

    select
        *,
        case
            when text is null then null
            when regexp_full_match(text, {quoted(_BARE)}) or regexp_full_match(text, {quoted(_NAMED)}) then 'address'
            when regexp_full_match(text, {quoted(_SPACE)}) then 'empty'
            when regexp_full_match(text, {quoted(_HASH)}) then 'hashed'
            when regexp_full_match(text, '[a-z0-9 /_-]+') and not regexp_matches(text, '[0-9a-f]{{32}}') then 'no_at'
        end as shape
    from texts

),

addresses as (

    select
        raw,
        text,
        shape,
        case when shape = 'address' then regexp_extract(text, {quoted(_ADDRESS)}) end as address
    from shapes

),

certain as (

    select
        raw,
        shape,
        case
            when contains(address, '--') or regexp_matches(address, '\\.({special})$') then null
            when contains(text, 'mailto:') and regexp_matches(address, '[%?]') then null
            when length(split_part(address, '@', 1)) > {_SHORT_LOCAL} then null
            when length(split_part(address, '@', 2)) > {_SHORT_DOMAIN} then null
            else address
        end as email
    from addresses

),

final as (

    select
        raw,
        email,
        case when email is not null then 'ok' when shape <> 'address' then 'rejected' end as status,
        case when shape <> 'address' then shape end as reason
    from certain

)

select * from final
"""
