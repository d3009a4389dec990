"""A registry's list as tags: the same lines as its flat form, whatever the tags look like, and nothing lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.readers import number_tags
from orchestration.readers.feeds import all_feeds
from orchestration.readers.number_tags import as_lines, first_lines, is_tagged
from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.recognise import recognise
from orchestration.readers.text import Utf8Text

# As the booklet of Canada's list prints it: the root is closed twice, and the quotation marks are typographic.
PRINTED = """\
<list type='full' level='all' val='' /> <ac val='416'>
<ph val='5550101' /> <ph val='5550102' />
</ac>
<ac val='905'>
<ph val='5550103' />
</ac> </list>
""".replace("'", "\u2019")


def _full(inner: str, kind: str = "full") -> str:
    return f"<list type='{kind}'><ac val='212'>{inner}</ac></list>"


def _changed(inner: str) -> str:
    return _full(inner, "change")


FULL = ["416,5550101", "416,5550102", "905,5550103"]


def lines(folder: Path, text: str, *, has_mark: bool = False) -> list[str]:
    path = folder / "file"
    path.write_text(text, encoding="utf-8-sig" if has_mark else "utf-8")
    return as_lines(Utf8Text(path, "utf-8", has_mark), folder).path.read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("case", "text", "wanted"),
    [
        ("as printed", PRINTED, FULL),
        ("well-formed", PRINTED.replace("\u2019", '"').replace('"" />', '"">'), FULL),
        ("in capitals, on one line", PRINTED.replace("\n", " ").upper().replace("=\u2019FULL", "=\u2019full"), FULL),
        ("with a declaration and a comment", f"<?xml version='1.0'?><!-- 3 numbers -->{PRINTED}", FULL),
        ("pairs of tags", PRINTED.replace(" />", "></ph>"), FULL),
        ("opened and closed quotation marks", PRINTED.replace("=\u2019", "=\u2018"), FULL),
        ("an empty list", "<list type='full' level='ac' val='416' /> </list>", []),
        (
            "what a change says of each number",
            _changed("<ph val='5550101' date='2026-03-20' action='A'/><ph val='5550102' action='D'/>"),
            ["212,5550101,2026-03-20,A", "212,5550102,D"],
        ),
        (
            "what a change says around its numbers",
            _changed("<add><ph val='5550101'/></add><delete><ph val='5550102'/></delete>"),
            ["212,5550101,add", "212,5550102,delete"],
        ),
        ("a change that does not say which", _changed("<ph val='5550101'/>"), ["212,5550101,change"]),
        ("a list of no type is its numbers", "<list><ac val='212'><ph val='5550101'/></ac></list>", ["212,5550101"]),
        ("words between tags are a line", _full("call us <ph val='5550101'/>"), ["call us", "212,5550101"]),
        ("a tag that nobody knows is a line", "<list type='full'><number val='1'/></list>", ["<number val='1'/>"]),
        ("a number without its digits is a line", "<list type='full'><ph val=''/></list>", ["<ph val=''/>"]),
        ("broken tags are lines", _full("<ph val='555#?\"\n<ph val='5550102'/>"), ["<ph val='555#?\"", "212,5550102"]),
        ("an area code outside of any", "<list type='full'><ph val='5550101'/></list>", [",5550101"]),
    ],
)
def test_each_number_is_a_line_of_the_flat_form(tmp_path: Path, case: str, text: str, wanted: list[str]) -> None:
    assert lines(tmp_path, text) == wanted, case


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    assert lines(tmp_path, PRINTED, has_mark=True) == FULL


@pytest.mark.parametrize("size", [1, 7, 64])
def test_where_the_file_is_cut_into_pieces_does_not_matter(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_tags, "_CHUNK", size)
    assert lines(tmp_path, PRINTED) == FULL, f"pieces of {size}"


def test_what_never_ends_is_given_out_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_tags, "_CHUNK", 64)
    monkeypatch.setattr(number_tags, "_LONGEST_TAG", 128)
    found = lines(tmp_path, _full("<" + "x" * 500 + "\n<ph val='5550101'/>"))
    assert found[-1] == "212,5550101"
    assert "".join(found[:-1]) == "<" + "x" * 500


@pytest.mark.parametrize("end", [20, 60, 100, len(PRINTED) - 3])
def test_a_list_that_is_cut_off_is_refused_for_it_would_take_people_off(tmp_path: Path, end: int) -> None:
    with pytest.raises(UnreadableFile) as error:
        lines(tmp_path, PRINTED[:end])
    assert error.value.reason == "truncated", f"cut after {end} letters"


def test_the_first_letters_of_a_file_say_what_its_lines_are() -> None:
    assert first_lines(PRINTED[:90]) == "416,5550101"


def test_only_feeds_that_say_so_come_as_tags() -> None:
    tagged = {feed.table for feed in all_feeds() if is_tagged(feed, "\ufeff <list>")}
    assert tagged == {"ca_dncl__numbers", "ftc_national_dnc__changes", "ftc_national_dnc__numbers"}
    assert not any(is_tagged(feed, "416,5550101") for feed in all_feeds())


CHANGES = _changed("<ph val='5550101' action='A'/><ph val='5550102' action='D'/>")


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("212.xml", PRINTED, "numbers"),
        ("212.xml", CHANGES, "changes"),
        ("national full list.xml", CHANGES, "changes"),
        ("212_changes.xml", PRINTED, "changes"),  # whose lines are refused: never read as a full list
    ],
)
def test_a_change_list_of_tags_is_told_from_a_full_list(name: str, text: str, wanted: str) -> None:
    feeds = [feed for feed in all_feeds() if feed.vendor == "ftc_national_dnc"]
    found = recognise(name, text.encode(), feeds, whole=True)
    assert found.feed is not None and found.feed.feed == wanted, name
