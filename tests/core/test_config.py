"""``quietlist.toml``: what is refused, in words; what is accepted can be worked with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.core.config import load_config, parse_config, size_in_bytes
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home

COMPANY = '[company]\nname = "Acme"\n'


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    # Found by fuzzing: it ended in a UnicodeDecodeError.
    home = Home.at(tmp_path).create()
    home.config_file.write_bytes('[company]\nname = "Café"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match="line 2") as caught:
        load_config(home)
    assert "save the file as UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("memory", ('"4GB"', '"512 MiB"', '"1.5GiB"'), ('"4"', '"0.0GB"', '"9999999TB"', '"4gb"', "4", '"٤GB"', '"4GB\\n"')),
        ("spill", ('"1KB"',), ('"much"', '""')),
        ("max_file", ('"20GB"',), ('"0KB"',)),
        ("max_record", ('"0.001KB"', '"50MB"'), ('"0.0001KB"', "true")),
        ("max_json_value", ('"16MiB"',), ('"16 megabytes"',)),
        ("max_json_depth", ("1", "200"), ("0", "201", "6.5")),
        ("max_columns", ("1", "100000"), ("0", "-5")),
        ("max_quarantine_texts", ("0", "100"), ("-1",)),
        ("spill_folder", ('""', '"/srv/scratch"'), ('"scratch"', '"../scratch"')),
    ],
)
def test_each_limit_can_be_set_and_nonsense_is_refused(key: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    for value in good:
        parse_config(f"{COMPANY}[limits]\n{key} = {value}\n", Path("quietlist.toml"))
    for value in bad:
        with pytest.raises(ConfigError) as caught:
            parse_config(f"{COMPANY}[limits]\n{key} = {value}\n", Path("quietlist.toml"))
        assert f"limits.{key}" in str(caught.value), f"{key} = {value}: {caught.value}"


def test_a_size_is_what_its_unit_says() -> None:
    assert [size_in_bytes(text) for text in ("1KB", "1 KiB", "1.5MB", "4GB", "1TiB")] == [
        1_000,
        1_024,
        1_500_000,
        4_000_000_000,
        1_099_511_627_776,
    ]


def test_what_dagster_starts_by_itself_is_configured_and_nonsense_is_refused(tmp_path: Path) -> None:
    text = (
        COMPANY + '[dagster]\nstorage_url_env = "ACME_DB"\ndaily_at = "23:05"\ntimezone = "Europe/Berlin"\nwatch_inbox = true\n'
    )
    settings = parse_config(text, tmp_path / "quietlist.toml").dagster
    assert (settings.storage_url_env, settings.daily_at, settings.timezone, settings.watch_inbox) == (
        "ACME_DB",
        "23:05",
        "Europe/Berlin",
        True,
    )
    for line, said in (
        ('storage_url_env = "postgresql://me:secret@host/db"', "never the URL itself"),
        ('daily_at = "24:00"', "not a time of day such as 04:00"),
        ('daily_at = "4:00"', "not a time of day such as 04:00"),
        ('daily_at = "0 4 * * *"', "not a time of day such as 04:00"),
        ('timezone = "Mars/Olympus"', "not an IANA time zone"),
        ('schedule = "04:00"', "unknown key; allowed: daily_at, storage_url_env, timezone, watch_inbox"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_config(f"{COMPANY}[dagster]\n{line}\n", tmp_path / "quietlist.toml")
        assert f"dagster.{line.partition(' ')[0]}" in str(caught.value) and said in str(caught.value), (line, str(caught.value))
        assert "secret" not in str(caught.value), "a URL that stands in the file is not repeated"


FIRST_DAYS = """
[company]
name = "Acme"
{company}

[sources.crm]
format = "contacts"
{source}

[destinations.house]
system = "file_drop"
channels = ["postal"]
{destination}
"""


@pytest.mark.parametrize(
    ("why", "company", "source", "destination", "counts"),
    [
        ("nobody set one", "", "", "", (None, None, None)),
        ("a day begins in UTC", "live_since = 2026-04-01", "", "", ("2026-04-01T00:00", "2026-04-01T00:00", "2026-04-01T00:00")),
        (
            "and in the company's zone where it has one",
            'live_since = "2026-04-01"\ntimezone = "America/New_York"',
            "",
            "",
            ("2026-04-01T04:00", "2026-04-01T04:00", "2026-04-01T04:00"),
        ),
        (
            "a source and a destination may have their own",
            "live_since = 2026-04-01",
            "live_since = 2026-05-01T10:30:00",
            "live_since = 2026-06-01T00:00:00+02:00",
            ("2026-04-01T00:00", "2026-05-01T10:30", "2026-05-31T22:00"),
        ),
        ("also where the company has none", "", "", "live_since = 2026-06-01", (None, None, "2026-06-01T00:00")),
        # 25 October 2026, 01:30 comes twice in London: the earlier calls less inherited
        (
            "of an hour that comes twice the first",
            'live_since = 2026-10-25T01:30:00\ntimezone = "Europe/London"',
            "",
            "",
            ("2026-10-25T00:30",) * 3,
        ),
    ],
)
def test_a_first_day_is_the_companys_where_a_source_or_destination_has_no_own(
    why: str, company: str, source: str, destination: str, counts: tuple[str | None, ...]
) -> None:
    text = FIRST_DAYS.format(company=company, source=source, destination=destination)
    found = {(live.kind, live.name): live.since for live in parse_config(text, Path("quietlist.toml")).first_days}
    expected = [day and datetime.fromisoformat(day).replace(tzinfo=UTC) for day in counts]
    places = [("company", ""), ("source", "crm"), ("destination", "house")]
    assert [found[place] for place in places] == expected, why
    assert found["source", "found__house"] == expected[2], "what is found at a destination is as old as the destination"
    assert found["source", "decisions"] == expected[0]


@pytest.mark.parametrize(
    ("company", "source", "destination", "said"),
    [
        (
            "live_since = {tomorrow}",
            "live_since = {tomorrow}",
            "",
            ["company.live_since: {tomorrow} is still to come", "sources.crm.live_since: {tomorrow} is still to come"],
        ),
        (
            "live_since = 2026-04-01",
            "live_since = 2026-03-31",
            "live_since = 2026-03-31T23:59:59",
            [
                "sources.crm.live_since: 2026-03-31 is before company.live_since (2026-04-01)",
                "destinations.house.live_since: 2026-03-31 23:59:59 is before company.live_since (2026-04-01)",
            ],
        ),
        (
            "live_since = 1926-04-01",
            "live_since = 9999-12-31",
            "",
            [
                "company.live_since: '1926-04-01' is not between 2000 and 2099: correct the year",
                "sources.crm.live_since: '9999-12-31' is not between 2000 and 2099: correct the year",
            ],
        ),
        (
            'live_since = "April"',
            "live_since = 7",
            "live_since = 07:30:00",
            [
                "company.live_since: 'April' is neither a day such as 2026-04-01",
                "sources.crm.live_since: '7' is neither",
                "destinations.house.live_since: '07:30:00' is neither",
            ],
        ),
        ('timezone = "Mars/Olympus"', "", "", ["company.timezone: 'Mars/Olympus' is not an IANA time zone"]),
    ],
)
def test_every_first_day_that_cannot_be_is_refused_at_once(company: str, source: str, destination: str, said: list[str]) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    text = FIRST_DAYS.format(company=company, source=source, destination=destination).replace("{tomorrow}", tomorrow)
    with pytest.raises(ConfigError) as caught:
        parse_config(text, Path("quietlist.toml"))
    for sentence in said:
        assert sentence.replace("{tomorrow}", tomorrow) in str(caught.value), caught.value
