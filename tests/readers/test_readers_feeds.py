"""What feeds there are, and what a wrong description of one is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.core.errors import ConfigError
from orchestration.readers.feeds import all_feeds


def described(
    staging: Path, folder: str, *, source: str = "raw", table: str | None = None, columns: Any = None, **meta: Any
) -> None:
    """A vendor's folder, right but for what is given; a key of meta that is given as None is left out."""
    right = {"vendor": folder, "feed": "a", "kinds": ["requests"], "reader": "json", "files": ["*"]}
    given = {key: value for key, value in {**right, **meta}.items() if value is not None}
    feed = {"name": table or f"{folder}__a", "columns": columns or [{"name": "email"}], "config": {"meta": given}}
    (staging / folder).mkdir()
    text = yaml.safe_dump({"sources": [{"name": source, "tables": [feed]}]})
    (staging / folder / f"_{folder}.yml").write_text(text)


def of_column(**meta: Any) -> list[Any]:
    return [{"name": "email", "config": {"meta": meta}}]


def test_a_feed_that_is_described_right_is_read(tmp_path: Path) -> None:
    described(tmp_path, "post")
    assert [feed.table for feed in all_feeds(tmp_path)] == ["post__a"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"columns": of_column(label=["Email"])}, "unknown meta key 'label' of email (allowed: labels, several)"),
        ({"columns": of_column(labels="Email")}, "the labels of email are not a list"),
        ({"columns": [{"name": "email"}, {"nme": "reason"}]}, "column 2 has no name"),
        ({"requires": "email"}, "meta.requires is not a list"),
        ({"kinds": "requests"}, "meta.kinds is not a list"),
        ({"requires_any": ["email"]}, "meta.requires_any is not a list of lists"),
        ({"requires": ["mail"]}, "meta.requires names 'mail', which is no column"),
        ({"snapshot": "no"}, "meta.snapshot 'no' is neither true nor false"),
        ({"options": "Suppressions"}, "meta.options is not a mapping"),
        ({"options": {"record_path": "items"}}, "unknown key 'record_path' of meta.options (allowed: calling_code, "),
        ({"vendor": "other", "table": "other__a"}, "meta.vendor 'other' is not the name of its folder"),
        ({"table": "a"}, "the table must be named post__a"),
        ({"source": "post"}, "it is a table of the source 'post' (expected raw)"),
        (
            {"vendor": None, "feed": None, "kinds": None, "reader": None, "files": None},
            "config.meta, which describes the feed, is missing",
        ),
        ({"files": None}, "meta.files is required"),
        ({"reader": "csv"}, "meta.reader 'csv' is not one of delimited, json, lines, mail, auto"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_feed_that_is_described_wrong_is_told_what_is_wrong(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    described(tmp_path, "post", **wrong)
    with pytest.raises(ConfigError) as caught:
        all_feeds(tmp_path)
    lines = [line for line in str(caught.value).splitlines() if "post/_post.yml" in line]
    assert len(lines) == 1 and said in lines[0], str(caught.value)


def test_a_folder_without_a_description_is_told_of(tmp_path: Path) -> None:
    described(tmp_path, "post")
    (tmp_path / "post" / "_post.yml").rename(tmp_path / "post" / "post.yml")
    (tmp_path / ".idea").mkdir()  # an editor's own
    (tmp_path / ".idea" / "notes.yml").write_text("")
    with pytest.raises(ConfigError, match=r"post: no file describes its feeds \(expected _post.yml\)") as caught:
        all_feeds(tmp_path)
    assert ".idea" not in str(caught.value)


def test_a_description_that_is_wrong_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "_one.yml").write_text("sources:\n  - name: raw\n   schema: raw\n")
    (tmp_path / "two").mkdir()
    meta = "{meta: {vendor: two, feed: a, kinds: [requests], reader: json, files: ['*']}}"
    columns = "[{name: email, config: {meta: {label: [Email]}}}]"
    table = f"{{name: two__a, config: {meta}, columns: {columns}}}"
    (tmp_path / "two" / "_two.yml").write_text(f"sources:\n  - {{name: raw, tables: [{table}]}}\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "_empty.yml").write_text("")
    with pytest.raises(ConfigError) as caught:
        all_feeds(tmp_path)
    said = str(caught.value)
    assert "one/_one.yml, line 3: is not YAML" in said, said
    assert "two/_two.yml: two__a: unknown meta key 'label' of email (allowed: labels, several)" in said, said
    assert "_empty.yml" not in said
