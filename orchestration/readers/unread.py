"""Columns that nothing reads although somebody's address, a number to call, a time or a wish may stand in them.

Each would be a loss without a word: a renamed column is undeclared, so its values are kept beside the record and no model sees
them. Looked for once per file, in DuckDB, over a bounded number of its records; what is found is kept by file for the gate.
"""

from __future__ import annotations

import re

import duckdb

from orchestration.core.sql import quoted
from orchestration.readers.feeds import CANONICAL, Feed
from orchestration.readers.layout import nearest_column, normalised, shown

# What has the digits of a number to call and is none: an address of the internet, an amount.
_NO_NUMBER = r"\s*(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9]+\.[0-9]{1,2})\s*"
# Records looked at, spread over the file: a column that is filled in one of a thousand shows, and no file costs a second.
LOOKED_AT = 20_000
# Of the filled cells one in ten: free text is seldom nothing but an address, a column of addresses seldom anything else.
_SHARE = 0.1
_EMAIL = r"[^\s@\"\'<>;,]+@[^\s@\"\'<>;,]+\.[^\s@\"\'<>;,]+"
_KINDS = {
    "e-mail addresses": rf"\s*<?{_EMAIL}>?(?:\s*[;,]\s*{_EMAIL})*\s*",
    # A date or a time first, for they are digits too.
    "times": r"\s*(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[T ,].*)?\s*",
    # Seven digits are the shortest number that reaches somebody, fifteen the longest in the world.
    "telephone numbers": r"\s*[+(]?[0-9](?:[ ().+/-]{0,3}[0-9]){6,14}\s*",
}
# A CRM's own answers ("HasOptedOutOfEmail", "Do Not Call", "Marketing consent"): what the label asks is what the cell says, and
# no action beside it repeats it. As `normalised` leaves a label.
_REFUSAL = re.compile(
    "opt(?:ed)?out|donot(?:e?mail|call|contact|text|sms|phone|fax|post|market)|unsub|suppress"
    "|^(?:dnc|dne|dnm|block(?:ed|list)|blacklist)|(?:dnc|dne)$|^no(?:e?mails?|calls?|sms|contact|texts?|marketing|phone)$"
)
_CONSENT = re.compile("opt(?:ed)?in|consent|^(?:is)?subscribed|subscriptionstatus|^permission")
# A refusal is not given by one of these; a consent may be withdrawn by any answer.
_NO = "(?i)\\s*(?:n|no|false|f|0|0\\.0|nein|non|none|null|n/a|-)\\s*"
# Vendors' labels speak of unsubscribing in many ways ("UNSUB_CAMPAIGN_TITLE", a count): there only a plain yes is an answer.
_YES = "(?i)\\s*(?:y|yes|true|t|1|1\\.0|x|on|ja|wahr|oui|vrai|s[i\u00ed\u00ec])\\s*"
# Who says this asks to be left alone, whatever the label; also within an object or an array.
_LEFT = "un-?subscribed|opt(?:ed)?[ _-]?out"
ANSWERS = "answers about being contacted"


def note_unread(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, ignored: tuple[str, ...] = ()) -> None:
    """Fill ``raw.unread_columns`` for one loaded file, inside the caller's transaction.

    Args:
        ignored: further labels that the source's configuration says nobody needs to read.
    """
    table = f'raw."{feed.table}"'
    records = con.execute(f"select count(_extra) from {table} where _file_id = ?", [file_id]).fetchall()[0][0]
    if not records:
        return
    step = max(1, records // LOOKED_AT)
    # An object or an array beside the record counts by the addresses in it.
    nested = f"(left(value, 1) in ('{{', '[') and regexp_matches(value, {quoted(_EMAIL)}))"
    alone, within = quoted(f"(?i)\\s*(?:{_LEFT})\\s*"), quoted(f'(?i)"(?:{_LEFT})"')
    left = f"regexp_full_match(value, {alone}) or (left(value, 1) in ('{{', '[') and regexp_matches(value, {within}))"
    tests = ", ".join(
        f"count(*) filter (where regexp_full_match(value, ?){'' if place else f' or {nested}'}) as kind_{place}"
        for place in range(len(_KINDS))
    )
    found = con.execute(
        f"""
        with looked_at as (select _extra from {table} where _file_id = ? and _extra is not null and _record_no % ? = 0),
        keyed as (select unnest(json_keys(_extra)) as label, _extra from looked_at),
        cells as (
            select label, json_extract_string(_extra, '/' || replace(replace(label, '~', '~0'), '/', '~1')) as value from keyed
        )
        select
            label, count(*), count(*) filter (where not regexp_full_match(value, ?)),
            count(*) filter (where regexp_full_match(value, ?)), count(*) filter (where {left}), {tests}
        from cells
        where trim(value) <> '' and not regexp_full_match(value, ?) group by label order by label
        """,
        [file_id, step, _NO, _YES, *_KINDS.values(), _NO_NUMBER],
    ).fetchall()
    skipped = {normalised(label) for label in (*feed.ignored, *ignored)}
    for label, filled, answered, agreed, left_by, *counts in found:
        looks = next((kind for kind, count in zip(_KINDS, counts, strict=True) if count >= filled * _SHARE and count), None)
        if feed.kinds[0] != "contacts_made":
            ours = feed.vendor == CANONICAL
            refused = (answered if ours else agreed) and _REFUSAL.search(normalised(label))
            # What a vendor says of consent it says in the list itself; a company's own field beside it says it when it says no.
            looks = ANSWERS if refused or left_by or (ours and _CONSENT.search(normalised(label))) else looks
        if looks is None or normalised(label.partition("#")[0]) in skipped:
            continue
        con.execute(
            "insert into raw.unread_columns values (?, ?, ?, ?, ?, ?, ?)",
            [
                file_id,
                feed.vendor,
                feed.feed,
                shown(label),
                looks,
                nearest_column(feed, label),
                feed.vendor == CANONICAL,
            ],
        )
