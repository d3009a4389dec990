"""A value or a name that is written into a statement comes out of it as it went in."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.core.sql import quoted, quoted_name

HOSTILE = ["", "plain", "O'Brien", "''", "'; drop table t; --", 'a "b" c', "back\\slash\\'", "two\nlines", "$$ $1 ?", "é 日本"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_literal_is_the_text_that_it_was_made_of(text: str) -> None:
    assert duckdb.execute(f"select {quoted(text)}").fetchall() == [(text,)], text


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_a_name_is_the_text_that_it_was_made_of(text: str) -> None:
    found = duckdb.sql(f"select 1 as {quoted_name(text)}")
    assert found.columns == [text], text
    assert duckdb.execute(f"select {quoted_name(text)} from found").fetchall() == [(1,)], text


def test_a_path_is_quoted_as_its_text() -> None:
    assert quoted(Path("/a/it's here")) == "'/a/it''s here'"


def test_a_name_in_capitals_is_no_other_name() -> None:
    assert quoted_name("Order") == '"Order"', "DuckDB would fold the case of a bare one"
