"""The form of a scope stands in SQL and in Python: both say the same of every text."""

from __future__ import annotations

import re

import pytest

from orchestration.core.channels import SCOPE_FORM
from tests.staging import macros

PATHS = ("*", "acme", "acme/newsletter", "a.b-c_d/e/0", "9")
OTHERS = ("", "Acme", "acme/", "/acme", "a//b", "*/a", "a/*", "**", "news letter", "-a", "a/.b", "é", "a\n", "a\\b", "a'b", "..")


@pytest.mark.parametrize("text", [*PATHS, *OTHERS])
def test_sql_and_python_know_a_scope_alike(text: str) -> None:
    sql = macros.load().is_scope("?")
    with macros.connect() as con:
        found = con.execute(f"select {sql}", [text]).fetchall()[0][0]
    assert found == bool(re.fullmatch(SCOPE_FORM.removesuffix("$"), text)) == (text in PATHS), repr(text)
