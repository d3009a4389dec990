"""Any text as a phone number, one a line as ``region|text``: never an exception, SQL answers like Python."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.identifiers.phone import NOTES, REASONS, normalise_phone
from orchestration.identifiers.phone_sql import normalise_phones

_CON = duckdb.connect(config={"threads": 1})
# How many lines SQL is asked about at once: one question costs as much as a thousand. The campaign sets it higher; the
# message then names the line, which may stand in an input before the last.
batch = 1
_waiting: list[tuple[str, str]] = []


def check(data: bytes) -> None:
    """Python and SQL read each line alike, and an answer is never read as another whatever the region."""
    lines = dict.fromkeys(data.decode("utf-8", "replace").split("\n"))
    pairs = list(dict.fromkeys((text, region) for region, _, text in (line.partition("|") for line in lines)))
    for raw, region in pairs:
        answer = normalise_phone(raw, region)
        assert (answer.e164 is None) == (answer.status == "rejected"), f"{raw!r} in {region!r}: {answer}"
        assert answer.reason is None or answer.reason in (REASONS if answer.e164 is None else NOTES), f"{raw!r}: {answer}"
        if answer.e164 is not None:
            again = normalise_phone(answer.e164, "")
            assert again.e164 in (answer.e164, None), f"{raw!r} in {region!r}: {answer}, read again {again}"
    _waiting.extend(pairs)
    if len(_waiting) >= batch:
        pairs = list(dict.fromkeys(_waiting))
        _waiting.clear()
        _compare_with_sql(pairs)


def _compare_with_sql(pairs: list[tuple[str, str]]) -> None:
    raws, regions = zip(*pairs, strict=True)
    _CON.register("texts", pa.table({"raw": pa.array(raws, pa.string()), "region": pa.array(regions, pa.string())}))
    normalise_phones(_CON, "texts", "answers")
    answers = {row[:2]: row[2:] for row in _CON.execute("select * from answers").fetchall()}
    assert len(answers) == len(pairs)
    for raw, region in pairs:
        expected = tuple(normalise_phone(raw, region))
        assert answers[raw, region] == expected, f"{raw!r} in {region!r}: SQL {answers[raw, region]}, Python {expected}"
