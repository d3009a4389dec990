"""What others typed stays text: on the terminal, in the report, and in what a spreadsheet or an editor opens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from orchestration import cli
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.key import rotate_key
from orchestration.core.masks import mask_label, mask_time
from orchestration.core.terminal import visible, visible_lines
from orchestration.publish.verdicts import acknowledge
from orchestration.report.page import write_report

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' onmouseover=alert(3) x='{{7*7}} javascript:alert(4)"
CLEAR, RED, TITLE, C1, BACK, TURNED = "\x1b[2J", "\x1b[31m", "\x1b]0;owned\x07", "\x9b2J", "\rDone: all is well", "\u202egnp.exe"


class Page(HTMLParser):
    """What a browser would make of a page, as far as it could run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.links += [value or "" for name, value in attributes if name in ("href", "src", "action", "formaction", "xlink:href")]
        facts = dict(attributes)
        if facts.get("http-equiv") == "Content-Security-Policy":
            self.policy = facts["content"] or ""

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(f"[company]\nname = {json.dumps(EVIL)}\n[sources.asks]\nformat = 'requests'\n")
    return home


def test_names_and_reasons_in_the_report_are_text(home: Home) -> None:
    rotate_key(home, person=EVIL, reason=EVIL + " reason", now=NOW)
    acknowledge(home, "0" * 32, person=EVIL, reason=EVIL, now=NOW)
    page = Page(write_report(home, load_config(home), NOW).read_text(encoding="utf-8"))
    assert page.text.count("<script>alert(1)</script>") >= 5, "the company, two people and two reasons, as they were typed"
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "form", "base"}
    assert not page.handlers and all(link.startswith(("#", "data_docs/")) for link in page.links), page.links
    assert page.policy.startswith("default-src 'none'") and "script" not in page.policy


def test_the_data_docs_forbid_scripts_too() -> None:
    from orchestration.gate import data_docs

    template = Path(data_docs.__file__).with_name("data_docs.html.j2").read_text(encoding="utf-8")
    assert "default-src 'none'" in template and "| safe" not in template and "<script" not in template


@pytest.mark.parametrize("typed", [CLEAR, RED, TITLE, C1, BACK, TURNED, "\x7f", "\x00", "\u2066", "\u2028"])
def test_no_escape_sequence_reaches_the_terminal(home: Home, typed: str) -> None:
    for arguments in (
        ["key", "rotate", "--person", f"Sam{typed}", "--reason", typed],
        ["acknowledge", "0" * 32, "--person", f"Sam{typed}", "--reason", "x", "--json"],
        ["acknowledge", "0" * 32, "--person", f"Sam{typed}", "--reason", "x"],
        ["run", "--as-of", typed],
        ["explain", typed],
    ):
        result = CliRunner().invoke(cli.main, [*arguments, "--home", str(home.root)])
        said = result.output + result.stderr
        assert not any(character in said for character in typed if not character.isprintable()), (arguments[0], typed)


def test_what_is_shown_says_what_was_there() -> None:
    assert visible(f"Ann{CLEAR} Doe\n{BACK}") == "Ann\\u001b[2J Doe\\u000a\\u000dDone: all is well"
    assert visible_lines("one\ntwo\x1b") == "one\ntwo\\u001b"
    assert visible("Zoë Ångström, 東京, +44 7700 900123") == "Zoë Ångström, 東京, +44 7700 900123"


@given(st.text())
def test_made_visible_json_says_the_same(text: str) -> None:
    line = visible(json.dumps({"record": text}, ensure_ascii=False))
    assert json.loads(line) == {"record": text} and len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("subscribed_members_export_6e1c.csv", "subscribed_members_export_6e1c.csv"),
        ("asks.csv", "asks.csv"),
        ("2026-03-01/calls.csv", "2026-03-01/calls.csv"),
        ("acme/newsletter", "acme/newsletter"),
        ("unsubscribe ann@example.com.csv", "(not shown).csv"),
        ("ann@example.com", "[address]"),
        ("Ann Doe.csv", "(not shown).csv"),
        ("Ann Doe", "(not shown)"),
        ("optouts.xlsx, sheet 2 'march'", "optouts.xlsx, sheet 2 'march'"),
        ("optouts.xlsx, sheet 2 'Ann Doe'", "optouts.xlsx, sheet 2"),
        ("Ann Doe.xlsx, sheet 1 'ann@example.com'", "(not shown).xlsx, sheet 1"),
    ],
)
def test_a_label_is_shown_when_a_machine_could_have_made_it(text: str, shown: str) -> None:
    assert mask_label(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("Mar 1, 2026 10:00 PM EST", "Mar 1, 2026 10:00 PM EST"),
        ("Ask Quenby", "(not shown)"),
    ],
)
def test_a_time_is_shown_unless_words_stand_in_it(text: str, shown: str) -> None:
    assert mask_time(text) == shown
