"""E-mail addresses by the million: the answers of ``email_address.normalise_email``, computed inside DuckDB.

SQL answers only plain ASCII addresses whose syntax leaves nothing to decide; everything else goes to Python. The
differential tests hold the two to the same answers; nothing here may know a rule that ``email_address`` does not have.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa
from email_validator import SPECIAL_USE_DOMAIN_NAMES

from orchestration.identifiers import email_address

NORMALISER = f"email-validator {version('email-validator')}, idna {version('idna')}, rules {email_address.RULES}"

_ANSWERS = Path(__file__).with_name("email_answers.sql").read_text(encoding="utf-8")

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

# The named parameters of email_answers.sql.
_SHAPES = {
    "bare": _BARE,
    "named": _NAMED,
    "space": _SPACE,
    "hash": _HASH,
    "address": _ADDRESS,
    "special_use": rf"\.({'|'.join(SPECIAL_USE_DOMAIN_NAMES)})$",
    "short_local": _SHORT_LOCAL,
    "short_domain": _SHORT_DOMAIN,
}


def normalise_emails(con: duckdb.DuckDBPyConnection, source: str, result: str) -> None:
    """Read every row of ``source(raw)`` into the temporary table ``result(raw, email, status, reason)``."""
    con.execute(f"create or replace temp view email_reading as select raw from {source}")
    con.execute(f"create or replace temp table {result} as {_ANSWERS}", _SHAPES)
    con.execute("drop view email_reading")
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
