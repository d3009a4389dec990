"""Conventions of the house as tests: a failing one says what to do."""

from __future__ import annotations

import ast
import re
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.core.home import CHECKOUT
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.recognise import words_of

PYTHON = sorted((CHECKOUT / "orchestration").rglob("*.py"))


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_module_opens_with_what_belongs_in_it(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text, f"{path}: begin the module with a docstring that says what belongs here and what does not"


def test_dagster_and_dg_load_the_same_module_under_the_same_name() -> None:
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert workspace["module_name"] == project["code_location_target_module"]
    assert workspace["location_name"] == project["code_location_name"]


def test_every_command_has_help_and_stands_in_the_documentation() -> None:
    documented = " ".join(((CHECKOUT / "README.md").read_text() + (CHECKOUT / "docs" / "operations.md").read_text()).split())
    for name, command in main.commands.items():
        assert command.help, f"quietlist {name} has no help"
        assert f"quietlist {name}" in documented, f"quietlist {name} stands neither in README.md nor in docs/operations.md"
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, f"quietlist {name} --help failed"


def test_every_make_target_has_help() -> None:
    text = (CHECKOUT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split()
    for target in targets:
        assert re.search(rf"^{target}:.*## \w", text, re.MULTILINE), f"make {target} has no '## help' behind it"


FORMATS = CHECKOUT / "data" / "formats"


def samples() -> set[tuple[str, str]]:
    """Format of the source, and the name of each file that the demo's inbox has of it; what is in an archive by its own name.
    A format that the demo has no source of has its samples in a folder of its name.
    """
    folder = CHECKOUT / "data" / "samples"
    sources = tomllib.loads((folder / "quietlist.toml").read_text())["sources"]
    found = {(path.parent.name, path.name) for path in FORMATS.glob("*/*")}
    for path in folder.glob("*/*"):
        names = zipfile.ZipFile(path).namelist() if path.suffix == ".zip" else [path.name]
        found |= {(sources[path.parent.name]["format"], name) for name in names}
    return found


# Raw columns that no model reads, and why: whatever else a feed's description names must be read.
_NO_HEADER = "the file has no header, so every column needs its place; only what a contact made needs is read"
_CDR = (
    *("src", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "answered_at", "ended_at"),
    *("duration", "billsec", "amaflags", "userfield"),
)
UNREAD = {
    "campaign_monitor__subscribers.joined_at": "it tells them from the other lists; joining asks for nothing",
    **{f"asterisk__cdr.{name}": _NO_HEADER for name in _CDR},
    "mailchimp__nonsubscribed.email": "somebody who never asked for anything: nobody's business here",
    "mailchimp__subscribed.email": "a subscriber asks for nothing",
    "quietlist__found.destination": "the file's source says it",
    "sendgrid__blocks.email": "a block asks for nothing",
    "sendgrid__blocks.reason": "every block has one, so it tells the list from others; what it says is for people",
    "sendgrid__group_suppressions.group_name": "a group is told apart by its number; its name is for people",
}


@pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.table)
def test_every_feed_has_a_sample_and_every_column_of_it_a_place(feed: Feed) -> None:
    folder = CHECKOUT / "dbt_project" / "models" / "staging" / feed.vendor
    if feed.vendor != "quietlist":  # these files the product writes itself
        # A pattern is held against the name and against the row of its words, as recognise.py does.
        names = [name.casefold() for form, name in samples() if form == feed.format]
        names += [f"_{'_'.join(words_of(name))}_" for form, name in samples() if form == feed.format]
        assert any(fnmatch(name, pattern.casefold()) for name in names for pattern in feed.files), (
            f"no file below data/samples or data/formats is named as one of {feed.table}: {', '.join(feed.files)}"
        )
    for kind in feed.kinds:
        model = folder / f"{feed.model(kind)}.sql"
        assert model.exists(), f"{feed.table} says it is {kind}, but {model.name} does not exist"
    models = [re.sub("--.*", "", path.read_text()) for path in sorted(folder.glob("stg_*.sql"))]
    macros = ("mapped_requests", "mapped_registry", "texted_requests", "called_requests", "called_contacts", "words_of")
    reads = (f"source('raw', '{feed.table}')", *(f"{macro}('{feed.table}'" for macro in macros))
    text = "".join(model for model in models if any(said in model for said in reads))
    text += " line" if "mapped_registry(" in text else ""  # the macro reads it itself
    # Cases that two feeds of a vendor share are a macro of its own.
    shared = (CHECKOUT / "dbt_project" / "macros" / "vendors.sql").read_text().split("{% macro ")[1:]
    text += "".join(macro for macro in shared if f" {macro.partition('(')[0]}(" in text)
    unread = {f"{feed.table}.{column.name}" for column in feed.columns if not re.search(rf"\b{column.name}\b", text)}
    assert unread <= set(UNREAD), f"no model reads {', '.join(sorted(unread - set(UNREAD)))}: what it says is lost in silence"


# What each vendor's page says: these are lists that are exported whole, every time; the others are logs and forms.
SNAPSHOTS = {
    "activecampaign__contact_lists",
    "amazon_ses__contacts", "amazon_ses__suppressed_destinations",
    "aws_sms__opted_out_numbers",
    "brevo__blocked_contacts",
    "ca_dncl__numbers",
    "campaign_monitor__suppression_list",
    "canonical__contacts",
    "constant_contact__contacts",
    "customer_io__opt_outs", "customer_io__people", "customer_io__unsubscribed",
    "deceased_list__people",
    "five9_dnc__numbers",
    "ftc_national_dnc__numbers",
    "genesys__dnc",
    "hk_dnc__fax", "hk_dnc__prerecorded", "hk_dnc__sms",
    "hubspot__contacts", "hubspot__opt_outs",
    "iterable__users",
    "klaviyo__api_profiles", "klaviyo__profiles", "klaviyo__suppressed",
    "listmonk__subscribers",
    "litigators__numbers",
    "mailchimp__cleaned", "mailchimp__nonsubscribed", "mailchimp__subscribed", "mailchimp__unsubscribed",
    "mailgun__bounces", "mailgun__complaints", "mailgun__unsubscribes",
    "mailjet__contacts",
    "mandrill__rejections",
    "marketo__leads",
    "mautic__contacts", "mautic__do_not_contact",
    "postmark__suppressions",
    "robinson_list__people",
    "salesforce__people",
    "salesforce_marketing_cloud__subscribers",
    "sendgrid__blocks", "sendgrid__bounces", "sendgrid__group_suppressions", "sendgrid__invalid_emails",
    "sendgrid__spam_reports", "sendgrid__unsubscribes",
    "sparkpost__suppression_list",
    "telnyx__opt_outs",
    "twilio__opt_outs",
    "uk_mps__people",
    "uk_tps__numbers",
    "us_state_dnc__indiana", "us_state_dnc__missouri", "us_state_dnc__texas", "us_state_dnc__wyoming",
    "vicidial__dnc",
}  # fmt: skip


@pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.table)
def test_a_feed_whose_deliveries_repeat_everything_says_so_in_its_description(feed: Feed) -> None:
    assert feed.snapshot == (feed.table in SNAPSHOTS), (
        f"{feed.table}: if each delivery is the whole state, say snapshot: true and add it to SNAPSHOTS above; else neither"
    )


def test_every_staging_model_is_of_a_kind_that_a_feed_names() -> None:
    """What no feed names is in no union: its records would be read and never ingested. Texts are a union of their own."""
    named = {feed.model(kind) for feed in all_feeds() for kind in feed.kinds}
    written = {path.stem for path in (CHECKOUT / "dbt_project" / "models" / "staging").glob("*/stg_*.sql")}
    texts = {name for name in written if name.endswith("__texts")}
    assert {name for name in written - named - texts if not name.startswith("stg_quietlist__")} == set()
    assert {name.removeprefix("stg_").removesuffix("__texts") for name in texts} <= {feed.table for feed in all_feeds()}


def test_environment_variables_in_the_configuration_example_stand_in_env_example() -> None:
    named = set(re.findall(r'_env = "([A-Z0-9_]+)"', (CHECKOUT / "data" / "samples" / "quietlist.toml").read_text()))
    listed = (CHECKOUT / ".env.example").read_text()
    assert not {name for name in named if name not in listed}, "add them to .env.example"


FORBIDDEN = re.compile(r"/(?:work|root|home/\w+)/|pypi\.org|registry\.npmjs|files\.pythonhosted")


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    for path in (
        *PYTHON,
        *CHECKOUT.glob("*.md"),
        *CHECKOUT.glob("docs/**/*.md"),
        CHECKOUT / "Makefile",
        *CHECKOUT.glob("*.lock"),
    ):
        match = FORBIDDEN.search(path.read_text(encoding="utf-8"))
        assert match is None, f"{path.relative_to(CHECKOUT)} holds {match.group(0)!r}"


def test_samples_and_tests_hold_no_real_address_or_number() -> None:
    """example.com, example.org and their like, and numbers reserved for fiction, are all that may be committed."""
    allowed = re.compile(r"(?:^|[.@])(?:example\.(?:com|org|net)|[\w-]+\.(?:test|example|invalid))$")
    for path in sorted([*(CHECKOUT / "data" / "samples").rglob("*"), *FORMATS.rglob("*")]):
        if path.is_file() and path.suffix != ".zip":
            text = path.read_bytes().decode("utf-8", errors="replace")
            for domain in re.findall(r"[\w.+-]+@([\w.-]+\.\w+)", text):
                assert allowed.search(domain.lower().rstrip(".")), f"{path.name}: @{domain} is not reserved for examples"


@pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.table)
def test_a_vendors_feed_says_what_of_it_was_seen_and_what_is_believed(feed: Feed) -> None:
    if feed.vendor not in ("canonical", "quietlist", "mail"):  # our own formats, and a standard that cites its own texts
        assert feed.verified or feed.from_memory, f"meta.verified and meta.from_memory of {feed.table}: what was seen, and where?"


GLOSSARY_ROW = re.compile(r"^\| (?P<term>[^|]+) \| (?P<meaning>[^|]+) \| `(?P<where>[^`]+)` \|$")


def test_every_term_of_the_glossary_is_sorted_short_and_leads_somewhere() -> None:
    tables = (CHECKOUT / "docs" / "glossary.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert len(tables) == 2, "the field's words, then those of a run"
    for table in tables:
        lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
        rows = [GLOSSARY_ROW.match(line) for line in lines]
        assert all(rows), (
            f"a row is | term | meaning | `path` |: {[line for line, row in zip(lines, rows, strict=True) if not row]}"
        )
        terms = [row["term"] for row in rows]
        assert terms == sorted(set(terms)), "put each term once, in alphabetical order"
        for row in rows:
            assert (CHECKOUT / row["where"]).exists(), f"{row['term']}: {row['where']} is not there; say where to read on"
            assert row["meaning"].count(". ") < 3, f"{row['term']}: at most three sentences"
    assert "(glossary.md)" in (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")


# What a native speaker stumbles over, and what the field says. Phrases that the pipeline matches are seeds, not read here.
STUMBLES = {
    "leave it away": "omit it",
    "mended": "fixed",
    "mends": "fixes",
    "taken in yet": "ingested yet",
    "tells nobody": "alerts nobody",
    "comes? home": "ingested",
    "stands in no": "is in no",
}


@pytest.mark.parametrize("folder", ["orchestration", "expectations", "dbt_project/models", "dbt_project/macros", "docs"])
def test_text_says_it_in_the_fields_words(folder: str) -> None:
    found = []
    for path in sorted((CHECKOUT / folder).rglob("*")):
        if path.suffix in {".py", ".yml", ".sql", ".md", ".html"}:
            text = path.read_text(encoding="utf-8")
            for stumble, better in STUMBLES.items():
                if re.search(rf"\b{stumble}\b", text):
                    found.append(f"{path.relative_to(CHECKOUT)}: '{stumble}': say '{better}'")
    assert found == [], "\n".join(found)
