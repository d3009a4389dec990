"""What the end of a run says of values that nobody knows: enough to act on, and nobody's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.core.home import Home
from orchestration.core.masks import mask_value
from orchestration.core.warehouse import warehouse
from orchestration.quarantine.unknown_values import unknown_values


@pytest.mark.parametrize(
    ("value", "shown", "said"),
    [
        ("xyzzy", False, "xyzzy"),
        ("engagement_scored", False, "engagement_scored"),
        ("Quenby Canary", False, "Q*** C***"),
        ("Moved to Mars", True, "Moved to Mars"),
        ("ask quenby@example.com", True, "ask [address]"),
        ("+1 202 555 0187", True, "[number]"),
        ("call 202-555-0187", False, "c*** [n***]"),
        ("", False, ""),
        ("x" * 100, True, "x" * 60),
    ],
)
def test_a_value_is_shown_unless_it_may_be_somebodys(value: str, shown: bool, said: str) -> None:
    assert mask_value(value, shown=shown) == said, value


def test_each_value_is_named_with_its_source_column_and_count_the_most_frequent_first(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    with warehouse(home) as con:
        assert unknown_values(con) == [], "before the first ledger"
        con.execute(
            "create table ledger.unknown_values as select * from (values "
            "('f', 'calls', 'disposition', 'Moved to Mars', 2, 2), ('g', 'calls', 'disposition', 'Moved to Mars', 3, 3), "
            "('f', 'web', 'action', 'xyzzy', 1, 1), ('f', 'web', 'action', 'Quenby Canary', 1, 1)) "
            "as t (file_id, source, column_name, value_given, records, people)"
        )
        assert unknown_values(con) == [
            "calls: unknown disposition 'Moved to Mars' (5 records)",
            "web: unknown action 'Q*** C***' (1 record)",
            "web: unknown action 'xyzzy' (1 record)",
        ]
        con.execute("insert into ledger.unknown_values select 'f', 'swapped', 'action', 'v' || i, 1, 1 from range(40) as t (i)")
        said = unknown_values(con)
    assert len(said) == 21 and said[-1] == "23 more values that nobody knows, in ledger.unknown_values"
