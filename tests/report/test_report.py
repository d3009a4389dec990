"""The compliance report: what it says, that it says nothing about anybody, and that it can be read and printed anywhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from orchestration.core.config import load_config
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.evidence.reading import evidence_of
from orchestration.publish.verdicts import Result, Verdict, acknowledge, store
from orchestration.report import figures
from orchestration.report.gather import gather
from orchestration.report.page import _labelled, write_report
from orchestration.report.statement import state
from tests.evidence.houses import AS_OF, CANARIES, make_tables


@pytest.fixture(scope="module")
def page(house: Home) -> str:
    return write_report(house, load_config(house), AS_OF).read_text(encoding="utf-8")


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, and the text between them."""

    VOID = frozenset(("meta", "link", "img", "br", "hr", "input"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.problems: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if not {"style", "title", "desc"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_no_report_holds_an_identifier_a_name_or_an_address(house: Home, page: str) -> None:
    with warehouse(house, read_only=True) as con:
        known = con.execute("select distinct identifier from golden.golden_suppression").fetchall()
        names = con.execute("select distinct name from raw.landed_files").fetchall()
    assert len(known) > 300, "the house has people to give away"
    lowered = page.lower()
    for canary in (*CANARIES, *(row[0].lower() for row in known), *(row[0].lower() for row in names)):
        assert canary.lower() not in lowered, f"the report shows {canary}"


def test_nothing_that_somebody_typed_becomes_markup(page: str) -> None:
    assert "<script" not in page.lower()
    assert "Autumn &lt;script&gt;alert(1)&lt;/script&gt; sale" in page, "the campaign's title is there, as text"
    assert "Acme &amp; Söhne &lt;Ltd&gt;" in page
    assert "<b>" not in page


def test_titles_and_scopes_are_shown_only_when_many_records_carry_them(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute("update ledger.requests set scope_given = 'club of one' where request_id = md5('request 3')")
        con.execute("update ledger.requests set scope_given = 'gold club' where source = 'hotline'")
        con.execute(
            "insert into exposure.summary values "
            "(date '2026-11-01', 'dialler', 'd', 'A call to Jo', 'voice', 'violation', 'x', 4, false)"
        )
    text = write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")
    assert "gold club" in text and "club of one" not in text
    assert "A call to Jo" not in text


def test_a_request_read_in_doubt_is_listed_for_a_person_with_its_record(house: Home, page: str) -> None:
    with warehouse(house, read_only=True) as con:
        count, file_id, record = con.execute(
            "select count(*), min(file_id), min_by(record_no, (file_id, record_no)) from ledger.requests "
            "where doubt = 'free_text' and source = (select min(source) from ledger.requests where doubt is not null)"
        ).fetchone()
        (everywhere,) = con.execute("select count(*) from ledger.requests where doubt is not null").fetchone()
    assert count > 0
    text = Reader(page).text
    assert f"{everywhere} requests were read in doubt." in text
    assert "a reply in free words that may ask to stop" in text
    assert f"{file_id} record {record}" in text


def test_the_page_needs_nothing_from_anywhere(page: str) -> None:
    reader = Reader(page)
    for tag, attributes in reader.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "form"), tag
        assert not any(name.startswith("on") for name in attributes), f"{tag} has a handler"
        for name in ("src", "href", "xlink:href", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith("#") or target == "data_docs/index.html", target
    assert set(re.findall(r"url\(([^)]*)\)", page)) <= {f"#fill-{key}" for key in figures.STATES}
    assert "@import" not in page and "http://" not in page and "https://" not in page
    assert (
        dict(tags for tags in reader.tags if tags[0] == "meta")["meta"]["content"]
        == "default-src 'none'; style-src 'unsafe-inline'"
    )


def test_the_page_is_well_formed_and_can_be_read_aloud(page: str) -> None:
    reader = Reader(page)
    assert not reader.problems and not reader.open, (reader.problems, reader.open)
    ids = Counter(attributes["id"] for _, attributes in reader.tags if "id" in attributes)
    assert max(ids.values()) == 1, ids.most_common(1)
    for tag, attributes in reader.tags:
        target = attributes.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids, f"{target} leads nowhere"
        if tag == "svg":
            assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes.get("scope") in ("row", "col"), "a header that heads nothing"
    tags = Counter(tag for tag, _ in reader.tags)
    assert tags["h1"] == 1 and tags["main"] == 1 and tags["h2"] == 13
    pictures = page.count('class="picture"')
    assert pictures >= 5 and page.count("<desc>") == pictures, "every picture says what it shows"
    assert dict(reader.tags[1:2])["html"]["lang"] == "en" if reader.tags[0][0] != "html" else reader.tags[0][1]["lang"] == "en"


def test_text_stands_out_from_the_paper(page: str) -> None:
    """WCAG asks for a contrast of 4.5 to 1; the page is white."""
    colours = set(re.findall(r"(?<![-\w])color: (#[0-9a-f]{6})", page)) | set(
        re.findall(r"--(?:ink|soft|accent|alarm|amber): (#[0-9a-f]{6})", page)
    )
    colours |= set(re.findall(r'<text [^>]*fill="(#[0-9a-f]{6})"', page))
    assert len(colours) >= 5
    for colour in colours:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = ((part / 12.92) if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        contrast = 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
        assert contrast >= 4.5, f"{colour} has a contrast of {contrast:.1f}"


def test_the_same_evidence_makes_the_same_bytes_and_keeps_a_dated_copy(house: Home, page: str) -> None:
    again = write_report(house, load_config(house), AS_OF)
    assert again == house.reports / "compliance.html"
    assert again.read_text(encoding="utf-8") == page
    assert (house.reports / "compliance_2026-11-23T220000Z.html").read_text(encoding="utf-8") == page
    assert again.stat().st_mode & 0o077 == 0


def test_an_empty_home_gets_a_report_that_says_what_is_not_there(empty_home: Home) -> None:
    text = Reader(write_report(empty_home, load_config(empty_home), AS_OF).read_text(encoding="utf-8")).text
    for said in (
        "Nothing has been published yet, so no system is in sync. No legal clock runs.",
        "No gate has judged anything yet.",
        "newsletter is late: nothing has ever arrived",
        "The list is empty.",
        "No registry copy was ever delivered.",
        "No record of sends, texts or calls was delivered",
    ):
        assert said in text, said


def test_a_home_without_sources_and_destinations_has_nothing_that_needs_a_person(empty_home: Home) -> None:
    empty_home.config_file.write_text('[company]\nname = "Acme"\n')
    text = Reader(write_report(empty_home, load_config(empty_home), AS_OF).read_text(encoding="utf-8")).text
    assert "Nothing needs a person's decision." in text
    assert "No source is configured and nothing has arrived." in text
    assert "No destination is configured, so nothing is pushed." in text


def test_the_figures_are_those_of_the_warehouse(house: Home) -> None:
    evidence = gather(house, load_config(house), AS_OF)
    with warehouse(house, read_only=True) as con:
        clocks = con.execute(
            "select rule_id, channel, destination, state, accepted_at, ended_at from deadlines.clocks"
        ).fetchall()
        requests = con.execute("select count(*), sum(records) from ledger.requests").fetchone()
        read = con.execute("select sum(records_read), sum(difference) from ledger.conservation").fetchone()
        golden = con.execute("select count(*) from golden.golden_suppression").fetchone()
        violations = con.execute("select sum(contacts) from exposure.summary where outcome = 'violation'").fetchone()
    expected: Counter[str] = Counter()
    for rule, _, destination, clock_state, accepted, ended in clocks:
        if rule != "COMPANY-PROMISE":
            # dialler_list is the destination that shows nothing
            expected["accepted" if destination == "dialler_list" and accepted and not ended else clock_state] += 1
    assert dict(evidence.clocks.states) == dict(expected)
    assert min(expected[key] for key in ("on_time", "accepted", "overdue")) > 0, "the house shows every kind"
    assert sum(row["total"] for row in evidence.clocks.by_rule) == sum(expected.values())
    assert sum(row["total"] for row in evidence.clocks.by_channel) == sum(expected.values())
    binned = [*evidence.clocks.tenths.values(), *evidence.clocks.durations.values()]
    assert sum(map(sum, binned)) == sum(expected.values()), "every clock is in one picture"
    assert (evidence.requests.total, evidence.requests.records) == requests
    assert sum(map(sum, evidence.requests.per_week.values())) + evidence.requests.earlier == requests[0]
    assert (
        sum(source.records_read for source in evidence.sources),
        sum(source.difference for source in evidence.sources),
    ) == read
    assert sum(evidence.composition["channel"].values()) == golden[0] == evidence.published.row_count
    assert evidence.exposure.violations == violations[0] > 0


def test_a_clock_at_a_system_that_shows_nothing_is_never_called_verified_or_overdue(house: Home) -> None:
    config = load_config(house)
    evidence = gather(house, config, AS_OF)
    silent = next(row for row in evidence.clocks.by_destination if row["destination"] == "dialler_list")
    assert silent["accepted"] == silent["total"] > 0
    assert all("dialler_list" not in row["destinations"] for row in evidence.clocks.worst)
    said = [line.said for line in state(evidence).unproven]
    assert any("accepted, not provable: dialler_list cannot be read back" in line for line in said)
    assert not any("dialler_list" in line.said for line in state(evidence).proven)


def test_the_worst_clocks_stand_by_request_and_what_can_still_be_helped_comes_first(house: Home) -> None:
    worst = gather(house, load_config(house), AS_OF).clocks.worst
    states = [row["state"] for row in worst]
    assert states == sorted(states, reverse=True), "overdue before late"
    overdue = [row["over"] for row in worst if row["state"] == "overdue"]
    assert overdue and overdue == sorted(overdue, reverse=True) and overdue[0] > timedelta(0)


def test_a_contact_to_a_canary_is_a_matter_of_whose_list_it_came_from(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute(
            "insert into exposure.canary_contacts by name select * from (values "
            "('c1', 'calls', 'esp', 'acme', 'email', 'mailer', timestamptz '2026-11-01 10:00:00+00'), "
            "('c2', 'calls', 'esp', 'acme', 'email', 'mailer', timestamptz '2026-11-02 10:00:00+00'), "
            "('c3', 'calls', 'unknown', null, 'voice', null, timestamptz '2026-11-03 10:00:00+00')) "
            "as met (contact_id, source, place, list_name, channel, system, contacted_at)"
        )
    evidence = gather(own_house, load_config(own_house), AS_OF)
    found = {matter.about: (matter.said, matter.count) for matter in state(evidence).matters if matter.kind == "canary_contacted"}
    assert found == {
        "esp": ("2 contacts were made to a canary of the list of esp, by mailer.", 2),
        "unknown": ("One contact was made to a canary of a list that is no longer configured, by calls.", 1),
    }
    text = Reader(write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")).text
    assert re.search(r"esp\s+acme\s+mailer\s+email", text), "the line of the report names list and system"


def test_a_stopped_gate_an_override_and_a_table_that_was_not_published_are_said(own_house: Home) -> None:
    failed = Result(
        "s", "S", "Nobody vanished.", "stop", "They would be contacted.", "t", "", False, False, {}, "its query returned no row"
    )
    verdict = Verdict("exit", "stop", "ab" * 32, AS_OF, (failed,))
    store(own_house, verdict)
    pointer = own_house.reports / "data_docs" / "exit.json"
    pointer.write_text(canonical_json(verdict.as_dict()))
    acknowledge(own_house, "0" * 32, person="Kim <kim>", reason="The vendor cannot send it again")
    text = Reader(write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")).text
    assert "The exit gate says stop: one expectation is not met; nothing new is published or pushed." in text
    assert "The table that was judged last is not the version in force" in text
    assert "could not be evaluated: its query returned no row" in text
    assert "Kim <kim>" in text and "The vendor cannot send it again" in text
    assert json.loads(pointer.read_text())["level"] == "stop"


def test_a_version_that_was_altered_is_not_called_proven(own_house: Home) -> None:
    part = own_house.golden_published / "version=2" / "part-0.parquet"
    part.write_bytes(part.read_bytes() + b"\0")
    text = Reader(write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")).text
    assert "The published list is not verified: it differs from what was published." in text
    assert "hashed again for this page" not in text


def test_a_renamed_column_stops_the_report_instead_of_reading_as_nothing(empty_home: Home) -> None:
    with warehouse(empty_home) as con:
        make_tables(con)
        con.execute("alter table deadlines.clocks rename column state to status")
    with pytest.raises(PermanentError, match=r"deadlines\.clocks\.state"):
        write_report(empty_home, load_config(empty_home), AS_OF)


@pytest.mark.parametrize(
    ("used", "allowed", "clock_state", "kind", "place"),
    [
        (timedelta(0), timedelta(days=10), "on_time", "tenths", 0),
        (timedelta(days=5), timedelta(days=10), "on_time", "tenths", 5),
        (timedelta(days=10), timedelta(days=10), "on_time", "tenths", 9),
        (timedelta(days=10, seconds=1), timedelta(days=10), "late", "tenths", 10),
        (timedelta(0), timedelta(0), "on_time", "durations", 0),
        (timedelta(hours=1), timedelta(0), "late", "durations", 0),
        (timedelta(hours=1, seconds=1), timedelta(0), "late", "durations", 1),
        (timedelta(days=31), timedelta(0), "late", "durations", 6),
    ],
)
def test_a_clock_falls_into_the_column_of_its_share_or_of_its_time(
    empty_home: Home, used: timedelta, allowed: timedelta, clock_state: str, kind: str, place: int
) -> None:
    with warehouse(empty_home) as con:
        make_tables(con)
        start = AS_OF - timedelta(days=90)
        con.execute(
            "insert into deadlines.clocks by name "
            "select 'r' as request_id, 'email' as channel, 'X' as rule_id, 'd' as destination, false as is_inherited, "
            "?::timestamptz as starts_at, ?::timestamptz as deadline_at, ?::timestamptz as ended_at, ? as state",
            [start, start + allowed, start + used, clock_state],
        )
    with evidence_of(empty_home) as con:
        figures.prepare(con, AS_OF)
        clocks = figures.clocks(con, AS_OF)
    counts = (clocks.tenths if kind == "tenths" else clocks.durations)["ended"]
    assert [index for index, count in enumerate(counts) if count] == [place]
    other = clocks.durations if kind == "tenths" else clocks.tenths
    assert not any(map(sum, other.values()))


def test_a_clock_that_ran_out_before_the_request_arrived_is_told_apart_and_a_request_stands_once(empty_home: Home) -> None:
    with warehouse(empty_home) as con:
        make_tables(con)
        asked = AS_OF - timedelta(days=30)
        for number, days in (("came late", 20), ("came in time", 1)):
            con.execute(
                "insert into ledger.requests by name select ? as request_id, 'shop' as source, 'opt_out' as action, "
                "?::timestamptz as at_earliest, ?::timestamptz as first_seen",
                [number, asked, asked + timedelta(days=days)],
            )
            for channel, destination, state, is_strictest in (
                ("email", "a", "overdue", True),
                ("email", "b", "overdue", True),
                ("ads", "a", "overdue", True),
                ("email", "a", "overdue", False),
            ):
                con.execute(
                    "insert into deadlines.clocks by name "
                    "select ? as request_id, ? as channel, 'X' as rule_id, ? as destination, ? as state, false as is_inherited, "
                    "? as is_strictest, ?::timestamptz as starts_at, ?::timestamptz as deadline_at",
                    [number, channel, destination, state, is_strictest, asked, asked + timedelta(days=10)],
                )
    with evidence_of(empty_home) as con:
        figures.prepare(con, AS_OF)
        clocks = figures.clocks(con, AS_OF)
    assert clocks.of("overdue") == 8 and clocks.lost_before_arrival == 4
    assert [(row["request_id"], row["channels"], row["destinations"]) for row in clocks.worst] == [
        ("came in time", ["ads", "email"], ["a", "b"]),
        ("came late", ["ads", "email"], ["a", "b"]),
    ]


QUARANTINE = "insert into ledger.quarantine (file_id, record_no, source, stage, reason)"


def said(home: Home, *statements: str) -> tuple[list[str], list[str], list[str], str]:
    """The proven, the unproven, the matters and the whole text, of a house that was changed."""
    with warehouse(home) as con:
        for statement in statements:
            con.execute(statement)
    config = load_config(home)
    stated = state(gather(home, config, AS_OF))
    text = Reader(write_report(home, config, AS_OF).read_text(encoding="utf-8")).text
    return *([line.said for line in lines] for lines in (stated.proven, stated.unproven, stated.matters)), text  # type: ignore[return-value]


def contacts(outcome: str, count: int, cause: str = "null") -> str:
    return (
        f"insert into exposure.summary values (date '2026-11-01', 's', 's', null, 'voice', '{outcome}', {cause}, {count}, false)"
    )


def test_contacts_that_could_not_be_judged_are_not_called_clean(own_house: Home) -> None:
    proven, unproven, _, text = said(
        own_house,
        "delete from exposure.summary",
        contacts("clean", 11),
        contacts("in_grace", 2),
        contacts("not_judged", 12, "'registry_no_copy'"),
        contacts("not_judged", 7, "'identifier_unreadable'"),
    )
    within = "2 of them came after the request and within the legal time"
    assert f"None of the 13 contacts that could be judged was a violation; {within}." in proven
    why = "12 because no copy of the registry that binds them was held then and 7 because the identifier is unreadable"
    assert f"19 contacts made could not be judged: {why}." in unproven
    assert "32 sends, texts and calls were made by our records; 13 could be compared" in text
    assert "None of 32" not in text and "None of these was a violation." in text


@pytest.mark.parametrize(
    ("case", "rows", "proves", "unproven"),
    [
        ("none was made", [], False, "nothing can be said about violations"),
        ("none could be judged", [contacts("not_judged", 3, "'registry_no_copy'")], False, "3 contacts made could not be judged"),
        ("one was a violation", [contacts("clean", 3), contacts("violation", 1, "'not_pushed'")], False, None),
        ("all are clean", [contacts("clean", 3)], True, None),
    ],
)
def test_nothing_is_proven_of_contacts_that_nobody_looked_at(
    own_house: Home, case: str, rows: list[str], proves: bool, unproven: str | None
) -> None:
    found, open_ones, _, text = said(own_house, "delete from exposure.summary", *rows)
    assert any("was a violation" in line for line in found) is proves, case
    assert ("was a violation." in text) is proves, case
    assert unproven is None or any(unproven in line for line in open_ones), case


def test_records_of_contacts_in_quarantine_are_said_to_be_compared_with_nothing(own_house: Home) -> None:
    quarantined = f"{QUARANTINE} values (md5('x'), 1, 'dialler', 'contact_made', 'unreadable_time')"
    unproven = said(own_house, "delete from exposure.summary", quarantined)[1]
    assert "One record of a contact made is in quarantine, and was compared with nothing." in unproven
    assert not any("was delivered, so nothing" in line for line in unproven), "one was delivered"


def test_a_refused_file_proves_nothing_about_how_much_is_in_it(own_house: Home) -> None:
    file_id = hashlib.md5(b"refused", usedforsecurity=False).hexdigest()
    with warehouse(own_house, read_only=True) as con:
        files, read, known = con.execute(
            "select count(*), sum(records_read), (select count(*) from ledger.quarantine) from ledger.conservation"
        ).fetchone()
    proven, unproven, matters, text = said(
        own_house,
        "update ledger.conservation set difference = 0",
        "insert into ledger.conservation by name "
        f"select '{file_id}' as file_id, 'shop' as source, 'requests' as feed, 1 as records_read, 1 as quarantined, "
        "0 as difference",
        f"insert into raw.load_log by name select '{file_id}' as file_id, 'json' as reader, 1 as physical_records, 0 as loaded",
        f"insert into raw.quarantine values ('{file_id}', 1, 'unreadable_file', null)",
        f"{QUARANTINE} values ('{file_id}', 1, 'shop', 'reader', 'unreadable_file')",
    )
    assert any(f"Each of {read:,} records in {files:,} files that could be read is accounted for" in line for line in proven), (
        proven
    )
    assert "One file was refused as a whole: nobody knows how many requests are in it." in unproven
    assert "One file was refused as a whole, with all that is asked in it." in matters
    assert any(f"{known} records are in quarantine." in line for line in matters), "the file is none of them"
    assert "unreadable file whole file shop unknown 1" in text
    lines = [row.sentence() for row in gather(own_house, load_config(own_house), AS_OF).sources if row.name == "shop"]
    assert "1 file refused as a whole" in lines[0]


def test_a_record_that_is_all_of_its_file_is_no_refused_file(own_house: Home) -> None:
    file_id = hashlib.md5(b"one record", usedforsecurity=False).hexdigest()
    _, unproven, _, _ = said(
        own_house,
        "insert into ledger.conservation by name "
        f"select '{file_id}' as file_id, 'shop' as source, 'requests' as feed, 1 as records_read, 1 as quarantined, "
        "0 as difference",
        f"insert into raw.load_log by name select '{file_id}' as file_id, 'json' as reader, 1 as physical_records, 0 as loaded",
        f"insert into raw.quarantine values ('{file_id}', 1, 'not_json', '{{broken')",
        f"{QUARANTINE} values ('{file_id}', 1, 'shop', 'reader', 'not_json')",
    )
    assert not any("refused" in line for line in unproven)


def test_requests_on_a_channel_without_a_destination_are_said_to_be_in_no_clock(own_house: Home) -> None:
    proven, unproven, _, text = said(
        own_house,
        "delete from deadlines.clocks",
        "delete from deadlines.request_rules",
        "delete from golden.applied_requests",
        "insert into deadlines.request_rules by name select 'r' || n as request_id, 'fax' as channel, 'X' as rule_id, "
        "'direct_request' as trigger from range(3) as t(n)",
        "insert into deadlines.request_rules by name select 'p' as request_id, 'voice' as channel, 'P' as rule_id, "
        "'company_promise' as trigger",
        "insert into golden.applied_requests by name select 'r' || n as request_id, 'fax' as channel from range(2) as t(n)",
        "insert into golden.applied_requests by name select 'p' as request_id, 'voice' as channel",
    )
    assert "2 legal clocks run where no destination could end them (fax): what is honoured there is in no figure." in unproven
    assert "Legal clocks run that no destination ends." in text and "No legal clock runs" not in text
    assert "2 requests on fax." in text and not any("clock" in line for line in proven)


def test_one_request_that_reaches_nobody_on_two_channels_is_one(own_house: Home) -> None:
    _, _, matters, _ = said(
        own_house,
        "delete from golden.unresolved_requests",
        "insert into golden.unresolved_requests by name select 'r' as request_id, 'shop' as source, "
        "unnest(['voice', 'sms']) as channel, timestamptz '2026-11-01 00:00+00' as at_earliest",
    )
    assert "One request reaches nobody on a channel it names." in matters


def test_the_promise_is_not_called_kept_when_it_was_not(own_house: Home) -> None:
    _, _, matters, _ = said(
        own_house,
        "update deadlines.clocks set state = 'late' where rule_id = 'COMPANY-PROMISE'",
    )
    assert any(re.fullmatch(r"(One clock|[\d,]+ clocks) of our own promise ended late\.", matter) for matter in matters), matters


def test_what_waits_is_in_no_figure_and_is_said(own_house: Home) -> None:
    (own_house.inbox / "shop").mkdir()
    (own_house.inbox / "shop" / "asks.csv").write_text("email\n")
    assert "1 file waits in the inbox: what is asked there is in none of these figures." in said(own_house)[1]


def test_a_gate_that_judged_another_table_proves_nothing_about_the_one_in_force(own_house: Home) -> None:
    good = Result("s", "S", "Nobody vanished.", "stop", "They would be contacted.", "t", "", True, True, {})
    for rows, proves in (("ab" * 32, False), (gather(own_house, load_config(own_house), AS_OF).published.rows_sha256, True)):
        verdict = Verdict("exit", "pass", rows, AS_OF, (good,))
        store(own_house, verdict)
        (own_house.reports / "data_docs" / "exit.json").write_text(canonical_json(verdict.as_dict()))
        proven = said(own_house)[0]
        assert any("of the exit gate was met, as of 23 Nov 2026" in line for line in proven) is proves, rows


def test_an_expectation_without_a_row_to_look_at_has_no_tick(own_house: Home) -> None:
    vacant = Result("s", "S", "Every row is fine.", "stop", "Because.", "t", "", True, True, {"rows": 0, "unexpected": 0})
    verdict = Verdict("clocks", "pass", "cd" * 32, AS_OF, (vacant,))
    store(own_house, verdict)
    (own_house.reports / "data_docs" / "clocks.json").write_text(canonical_json(verdict.as_dict()))
    page = write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")
    assert '<li class="vacant">Every row is fine. (there was no row to look at)</li>' in page


def test_a_destination_that_was_never_pushed_to_and_a_dry_run_are_said(own_house: Home) -> None:
    own_house.config_file.write_text(
        own_house.config_file.read_text()
        + '\n[destinations.fax_server]\nsystem = "file_drop"\nchannels = ["fax"]\n'
        + '\n[destinations.trial]\nsystem = "file_drop"\nchannels = ["fax"]\ndry_run = true\n'
    )
    unproven = said(own_house)[1]
    assert "fax_server: nothing was ever pushed there." in unproven and "trial: a dry run, nothing is sent there." in unproven


def test_whom_the_page_names_is_said_as_it_is(page: str) -> None:
    assert "names nobody who asked to be left alone" in page and "It names no person" not in page


def test_a_file_that_was_cut_off_proves_nothing_about_what_would_have_followed(own_house: Home) -> None:
    unproven = said(
        own_house,
        "insert into raw.quarantine by name select file_id, 7 as record_no, 'truncated' as reason, 'half a rec' as record_text "
        "from ledger.conservation order by file_id limit 1",
    )[1]
    assert "One file ends in the middle of a record: nobody knows what would have followed." in unproven


def test_gates_that_had_nothing_to_look_at_prove_nothing(empty_home: Home) -> None:
    good = Result("s", "S", "Nobody vanished.", "stop", "They would be contacted.", "t", "", True, True, {})
    (empty_home.reports / "data_docs").mkdir(parents=True)
    for gate in ("entry", "clocks"):
        verdict = Verdict(gate, "pass", "ab" * 32, AS_OF, (good,))
        store(empty_home, verdict)
        (empty_home.reports / "data_docs" / f"{gate}.json").write_text(canonical_json(verdict.as_dict()))
    with warehouse(empty_home) as con:
        make_tables(con)
    proven, _, _, text = said(empty_home)
    assert not any("expectation" in line for line in proven), proven
    assert "Nothing has arrived yet: what is ticked below" in text and "No clock ran: what is ticked below" in text


def test_what_is_inherited_is_told_apart_and_is_in_no_other_figure(own_house: Home) -> None:
    day = "timestamptz '2026-09-01 00:00:00+00'"
    before = gather(own_house, load_config(own_house), AS_OF)
    with warehouse(own_house) as con:
        con.execute(
            f"""
            update deadlines.first_days set live_from = {day};
            insert into deadlines.first_days values ('destination', 'ads_audience', timestamptz '2026-10-01 00:00:00+00');
            update deadlines.clocks set is_inherited = true, was_in_place = state = 'on_time', starts_at = {day}
            where asked_at < {day} and rule_id <> 'COMPANY-PROMISE';
            update exposure.summary set is_inherited = true where day < date '2026-11-10';
            update ledger.requests set vendor = 'sql_table' where source = 'shop'
            """
        )
        clocks = dict(
            con.execute(
                "select state, count(*) from deadlines.clocks where is_inherited and ended_at is null group by state"
            ).fetchall()
        )
        (own,) = con.execute(
            "select count(*) from deadlines.clocks join ledger.requests using (request_id) "
            "where is_inherited and was_in_place and vendor = 'sql_table' and destination = 'mail_system'"
        ).fetchone()
        (requests,) = con.execute(
            f"select count(*) from ledger.requests where at_latest < {day} or first_seen < {day}"
        ).fetchone()
        contacts = dict(
            con.execute("select outcome, sum(contacts) from exposure.summary where is_inherited group by outcome").fetchall()
        )
    evidence = gather(own_house, load_config(own_house), AS_OF)
    found = evidence.inherited
    assert own > 0 and contacts["violation"] > 0 and clocks["overdue"] > 0, "there is something to tell apart"
    assert (found.requests, found.own) == (requests, own)
    assert found.of("overdue", "at_risk", "open", "accepted") == sum(clocks.values())
    assert found.total + evidence.clocks.total == before.clocks.total, "each legal clock is counted once"
    assert evidence.clocks.of("overdue") == before.clocks.of("overdue") - found.of("overdue")
    assert found.outcomes == contacts
    assert evidence.exposure.violations == before.exposure.violations - contacts["violation"]
    for row in found.by_destination:
        assert sum(row[name] for name in ("own", "in_place", *figures.STATES)) == row["total"], row["destination"]

    text = Reader(write_report(own_house, load_config(own_house), AS_OF).read_text(encoding="utf-8")).text
    section = text[text.index("3 Before the first day Quietlist") :]
    section = section[: section.index("4 What needs a person")]
    for sentence in (
        "Quietlist is answered for since 1 Sep 2026, 00:00 UTC.",
        f"{requests:,} requests were made before the first day of their source.",
        f"there are {found.total:,}",
        f"{own:,} of them are of that system's own unsubscribes, which it honoured at once",
        f"{found.contacts:,} contacts were made before the first day:",
        "ads_audience 1 Oct 2026 added later"
        if any(row["destination"] == "ads_audience" for row in found.by_destination)
        else "mail_system",
    ):
        assert sentence in section, f"{sentence}: {section}"
    headline = state(evidence).headline
    assert f"{evidence.clocks.of('overdue'):,} legal clocks are overdue now" in headline, headline
    assert f"{found.of('overdue'):,} legal clocks of requests from before the first day are overdue." in text


def test_a_house_of_nothing_but_inherited_clocks_says_so_and_not_that_none_runs(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute("update deadlines.first_days set live_from = timestamptz '2026-11-23 00:00:00+00'")
        con.execute("update deadlines.clocks set is_inherited = true, starts_at = timestamptz '2026-11-23 00:00:00+00'")
    evidence = gather(own_house, load_config(own_house), AS_OF)
    assert evidence.clocks.total == 0 and evidence.inherited.total > 0
    assert "No legal clock has begun since the first day." in state(evidence).headline


def test_without_a_first_day_somebody_is_asked_for_one_when_much_of_what_is_late_is_older_than_the_house(own_house: Home) -> None:
    asked = "of the late and overdue clocks are of requests from before the first delivery."
    for arrived, is_asked in (("2026-11-23", True), ("2020-01-01", False)):
        with warehouse(own_house) as con:
            con.execute(f"update raw.landed_files set received_at = timestamptz '{arrived} 00:00:00+00'")
        evidence = gather(own_house, load_config(own_house), AS_OF)
        matters = [matter for matter in state(evidence).matters if asked in matter.said]
        assert len(matters) == is_asked, arrived
        assert all("live_since" in matter.next_step for matter in matters)
    with warehouse(own_house) as con:
        con.execute("update raw.landed_files set received_at = timestamptz '2026-11-23 00:00:00+00'")
        con.execute("update deadlines.first_days set live_from = timestamptz '2020-01-01 00:00:00+00'")
    assert not gather(own_house, load_config(own_house), AS_OF).inherited.lacks_first_day, "somebody has set one"


def test_each_cell_of_a_table_names_its_column_for_a_screen_that_shows_rows_as_cards() -> None:
    heads = '<thead><tr><th scope="col">Rule</th><th scope="col" class="n">late</th><th scope="col"><b>all</b></th></tr></thead>'
    row = '<tr><th scope="row">one</th><td class="n">1</td><td>2</td></tr>'
    foot = '<tfoot><tr><th scope="row" colspan="2">All</th><td>3</td></tr></tfoot>'
    assert _labelled(f"<table>{heads}<tbody>{row}</tbody>{foot}</table>") == (
        f'<table>{heads}<tbody><tr><th scope="row">one</th><td data-label="late" class="n">1</td><td data-label="all">2</td></tr>'
        '</tbody><tfoot><tr><th scope="row" colspan="2">All</th><td data-label="all">3</td></tr></tfoot></table>'
    )
    assert _labelled("<table><tbody><tr><td>1</td></tr></tbody></table>") == "<table><tbody><tr><td>1</td></tr></tbody></table>"
