"""The models run on another engine with macros of its own: what only DuckDB understands stands in ``dbt_project/macros``.

What is forbidden was tried: each of these stopped a model on Apache Spark 4.3, or made it give another answer.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.core.home import CHECKOUT

MODELS = sorted((CHECKOUT / "dbt_project" / "models").rglob("*.sql"))
FORBIDDEN = {
    r"\bvarchar\b": "write string",
    r"\btimestamptz\b": "write {{ moment_type() }}",
    r"\bhugeint\b": "write bigint",
    r"\blen\(": "write {{ list_size(...) }}; for the length of a text, length()",
    r"\brow_number\(\) over \(\)": "order it, or write {{ any_number() }} where any number does",
    r"\b(min_by|max_by|arg_min|arg_max)\(\s*file_id": "two files of one moment tie: write {{ least_row(...) }}",
    r"::": "write cast(... as ...)",
    r"\bexclude\b": "name the columns",
    r"\bnot materialized\b": "write {{ not_kept() }}",
    r"\b(asof|semi|anti|positional) join\b": "write it with exists, or a left join",
    r"\bover [a-z_]+ [-+*/]": "put brackets around the window function",
    r"\b(regexp_\w+|strip_accents|nfc_normalize|epoch_\w+|struct_pack|strptime|strftime|json_\w+)\(": "write or use a macro",
    r"\blist_(filter|transform|contains|has_\w+|sort|distinct|aggregate|reduce|zip)\(": "write or use a macro",
    r"\bread_(parquet|csv|json)\w*\(": "declare a source",
}


def offences(text: str) -> list[str]:
    """What another engine would not understand, and what to write instead; comments and macros' calls are no SQL of ours."""
    sql = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " ", re.sub(r"--[^\n]*", "", text), flags=re.DOTALL)
    return [
        f"{found[0].strip()!r}: {instead}"
        for pattern, instead in FORBIDDEN.items()
        for found in re.finditer(pattern, sql, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_uses_nothing_that_only_one_engine_has(path: Path) -> None:
    assert offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("select cast(null as varchar) as a", 1),
        ("select cast(x as string), {{ list_size('emails') }}, {{ read_time('cast(null as varchar)') }}", 0),
        ("select len(emails) -- len(x)\nfrom t", 1),
        ("select row_number() over () as n, row_number() over (order by a) as m", 1),
        ("select lead(a) over by_version - a, (lead(a) over by_version) - a", 1),
        ("select a::int, list_contains(b, 1)", 2),
        ("-- a varchar of old\n{# timestamptz #}select 1", 0),
    ],
)
def test_each_offence_is_seen(sql: str, count: int) -> None:
    assert len(offences(sql)) == count, offences(sql)
