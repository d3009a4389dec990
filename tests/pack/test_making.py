"""What is in a pack and what is not: the period, the person, the destination, the masks, and the note on the chain."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.audit.verify import verify
from orchestration.cli import main
from orchestration.core.config import Limits, load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.journal import packs_log
from orchestration.core.key import home_key, shown_id
from orchestration.core.masks import mask
from orchestration.core.signing import PACKS, public_key
from orchestration.core.warehouse import warehouse
from orchestration.evidence.exported import export_evidence
from orchestration.pack.asked import asked
from orchestration.pack.making import Made
from orchestration.pack.tables import _MASKED, TABLES
from orchestration.pack.verifying import verify_pack
from tests.evidence.houses import AS_OF, CANARIES
from tests.pack.conftest import FROM, TO, made

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
# A row that says nothing but when it was asked: its clock is far outside.
ASK = """
    insert into ledger.requests by name
    select '{id}' as request_id, 'shop' as source, 'canonical' as vendor, 'requests' as feed, 'opt_out' as action,
        'web_form' as method,
        ['email'] as channels, '*' as scope, timestamptz '{at}' as at_earliest, timestamptz '{until}' as at_latest,
        'instant' as time_quality, timestamptz '{seen}' as first_seen, md5('file 1') as file_id, 7 as record_no,
        ['edge@example.org'] as emails, []::varchar[] as phones, 1 as records
"""


def table(folder: Path, name: str) -> list[dict[str, str]]:
    """A table as a spreadsheet has it; its Parquet holds the same number of rows."""
    with (folder / "tables" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    with duckdb.connect() as con:
        rows = con.execute("select count(*) from read_parquet(?)", [str(folder / "tables" / f"{name}.parquet")]).fetchall()
    assert rows[0][0] == len(found), name
    return found


def contents(folder: Path) -> dict[str, str]:
    """File -> all that can be read in it, Parquet too, in small letters."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            with duckdb.connect() as con:
                found[path.name] = str(con.execute("select * from read_parquet(?)", [str(path)]).fetchall()).lower()
        elif path.is_file():
            found[path.name] = path.read_bytes().decode("utf-8").lower()
    return found


EDGES = [
    ("its first moment", "2026-10-01 00:00:00+00", None, "2027-01-01 00:00:00+00", True),
    ("a microsecond before it", "2026-09-30 23:59:59.999999+00", None, "2027-01-01 00:00:00+00", False),
    ("its last moment but one", "2026-10-31 23:59:59.999999+00", None, "2027-01-01 00:00:00+00", True),
    ("the moment at which it is over", "2026-11-01 00:00:00+00", None, "2027-01-01 00:00:00+00", False),
    ("the first moment, in another zone", "2026-10-01 02:00:00+02", None, "2027-01-01 00:00:00+00", True),
    ("made long before, first seen in it", "2025-01-01 00:00:00+00", None, "2026-10-05 00:00:00+00", True),
    ("first seen at the moment at which it is over", "2025-01-01 00:00:00+00", None, "2026-11-01 00:00:00+00", False),
    ("a time that may be in it", "2026-09-30 12:00:00+00", "2026-10-01 12:00:00+00", "2027-01-01 00:00:00+00", True),
]


def test_a_period_is_half_open_and_in_utc(own_house: Home, tmp_path: Path) -> None:
    with warehouse(own_house) as con:
        for number, (_, at, until, seen, _) in enumerate(EDGES):
            con.execute(ASK.format(id=f"{number:032}", at=at, until=until or at, seen=seen))
    pack = made(own_house, tmp_path / "pack", start="2026-10-01", end="2026-11-01")
    found = {row["request_id"] for row in table(pack.folder, "requests")}
    for number, (case, *_, is_in) in enumerate(EDGES):
        assert (shown_id(home_key(own_house), f"{number:032}") in found) is is_in, case
    assert "1 Oct 2026, 00:00 UTC to 1 Nov 2026, 00:00 UTC" in (pack.folder / "index.html").read_text()


def test_the_requests_and_clocks_are_those_that_an_oracle_chooses(house: Home, written: Made) -> None:
    home = Home.at(written.folder.parent / "home")
    with warehouse(home, read_only=True) as con:
        requests = con.execute("select request_id, at_earliest, at_latest, first_seen from ledger.requests").fetchall()
        clocks = con.execute("select request_id, starts_at, deadline_at, ended_at, state from deadlines.clocks").fetchall()
        against = con.execute("select request_id, contacted_at, contacted_by from exposure.violations").fetchall()

    def within(*moments: datetime | None) -> bool:
        return any(moment is not None and START <= moment < END for moment in moments)

    wanted = {key for key, first, last, seen in requests if (last >= START and first < END) or within(seen)}
    wanted |= {key for key, start, due, end, state in clocks if within(start, due, end) or (state == "overdue" and due < END)}
    wanted |= {key for key, first, last in against if key and last >= START and first < END}
    key = home_key(home)
    known = {request for request, *_ in requests}
    assert {row["request_id"] for row in table(written.folder, "requests")} == {shown_id(key, one) for one in wanted & known}
    assert len(table(written.folder, "clocks")) == sum(request in wanted for request, *_ in clocks) > 10
    assert len(table(written.folder, "violations")) == sum(last >= START and first < END for _, first, last in against) > 0
    assert {row["in_pack_because"] for row in table(written.folder, "requests")} > {
        "first seen in the period; made in the period"
    }


def test_the_times_between_are_told(written: Made) -> None:
    rows = table(written.folder, "clocks")
    row = next(row for row in rows if row["stopped_at"])
    started, stopped = (datetime.fromisoformat(row[name]) for name in ("starts_at", "stopped_at"))
    assert float(row["hours_start_to_stopped"]) == round((stopped - started) / timedelta(hours=1), 2)
    for name in ("made_at", "landed_at", "first_seen", "accepted_at", "deadline_at", "state", "rule_id", "destination"):
        assert row[name], name
    assert all(not row["hours_start_to_stopped"] for row in rows if not row["stopped_at"]), "what has not stopped has no length"
    assert any(row["state"] == "late" for row in rows) and any(not row["stopped_at"] for row in rows), "the house has both"


def test_a_masked_pack_holds_no_identifier_in_any_file(written: Made) -> None:
    found = contents(written.folder)
    assert len(found) > 45
    for name, text in found.items():
        for canary in CANARIES:
            assert canary.lower() not in text, f"{canary} in {name}"
    raw = written.archive.read_bytes().lower()
    assert not [canary for canary in CANARIES if canary.encode() in raw]
    assert any("c***@example.com" in text for text in found.values()), "they are there, masked"


def test_what_is_shown_masked_is_what_the_house_masks() -> None:
    cases = [
        ("email", "ann@example.com"), ("email", "ö@example.org"), ("phone", "+12025550123"), ("phone", "+447700900123"),
        ("phone", "+4512345"), ("phone", "+79161234567"), ("postal", "ann|1 quiet lane|12345|us"),
    ]  # fmt: skip
    with duckdb.connect() as con:
        con.execute(f"create temp macro pack_shown(kind, value) as {_MASKED}")
        for kind, value in cases:
            shown = con.execute("select pack_shown(?, ?)", [kind, value]).fetchall()[0][0]
            assert shown == mask(kind, value), f"{kind} {value}"


def test_an_empty_period_is_a_pack_that_says_so(own_house: Home, tmp_path: Path) -> None:
    pack = made(own_house, tmp_path / "pack", start="2020-01-01", end="2020-02-01")
    page = (pack.folder / "index.html").read_text()
    # An overdue clock of before would be in it, and none is that old.
    assert pack.counts["requests"] == pack.counts["clocks"] == pack.counts["violations"] == 0
    assert "No request was made, first seen, due or ended in the period" in page
    assert "That is no proof that there were none." in page and "so their absence here proves nothing" in page
    assert "The first file arrived here at" in page, "what was before is said to be unknown"
    assert verify_pack(pack.folder).proven
    for name in {one.name for one in TABLES} - {"sources", "versions", "receipts", "registry_copies"}:
        assert table(pack.folder, name) == [], name


def test_an_empty_home_has_a_pack_too(empty_home: Home, tmp_path: Path) -> None:
    pack = made(empty_home, tmp_path / "pack")
    assert verify_pack(pack.archive).proven and "nothing was published yet" in (pack.folder / "index.html").read_text()


def test_a_violation_is_told_with_rule_cause_and_fix(written: Made) -> None:
    row = table(written.folder, "violations")[0]
    page = (written.folder / "index.html").read_text()
    for name in ("cause", "fix", "contact_id", "file_id"):
        assert row[name] and row[name] in page, name
    assert f"{len(table(written.folder, 'violations'))} contacts of the period were made against a request" in page
    assert "[address]" in " ".join(row["campaign"] for row in table(written.folder, "violations")), "a title that names somebody"


def test_violations_from_before_the_first_day_are_in_no_figure(own_house: Home, tmp_path: Path) -> None:
    with warehouse(own_house) as con:
        con.execute("update exposure.violations set is_inherited = true")
    page = (made(own_house, tmp_path / "pack").folder / "index.html").read_text()
    assert "no contact that could be judged was made against a request" in page
    assert re.search(r"that did were made before the first day of their source, listed below and counted nowhere", page)


def test_one_destination_is_its_clocks_and_pushes_alone(own_house: Home, tmp_path: Path) -> None:
    pack = made(own_house, tmp_path / "pack", destination="mail_system")
    clocks, pushes = table(pack.folder, "clocks"), table(pack.folder, "pushes")
    assert clocks and {row["destination"] for row in clocks} == {"mail_system"}
    assert pushes and {row["destination"] for row in pushes} == {"mail_system"}
    assert {row["channel"] for row in table(pack.folder, "violations")} <= {"email"}
    assert {row["destination"] for row in table(pack.folder, "receipts")} <= {"mail_system"}
    assert "Only mail_system:" in (pack.folder / "index.html").read_text()


@pytest.mark.parametrize("given", ["Canary21@Example.com", "hash"])
def test_a_pack_about_a_person_holds_what_is_about_that_contact_point(own_house: Home, tmp_path: Path, given: str) -> None:
    with warehouse(own_house, read_only=True) as con:
        digest, wanted = con.execute(
            "select identifier_hash, (select count(*) from raw.sync__row_state where identifier = 'canary21@example.com') "
            "from identifiers.contact_point where identifier = 'canary21@example.com'"
        ).fetchall()[0]
    person = digest if given == "hash" else given
    pack = made(own_house, tmp_path / "pack", persons=(person,), start=None, end=None)
    for name in ("reached", "suppressions", "history", "pushes", "contacts", "opt_ins"):
        assert {row["contact_point"] for row in table(pack.folder, name)} <= {digest}, name
    assert len(table(pack.folder, "pushes")) == wanted > 0
    assert {row["action"] for row in table(pack.folder, "requests")} == {"opt_out", "opt_in"}
    letter = (pack.folder / "letter.html").read_text()
    for said in ("c***@example.com", "asked not to be contacted", "Our number for it: ", "mail_system", "By e-mail, since "):
        assert said in letter, said
    assert not (pack.folder / "tables" / "contact_counts.csv").exists(), "counts of all people are nobody's own data"
    assert not (pack.folder / "receipts").exists()
    assert not [canary for canary in CANARIES if canary in str(contents(pack.folder))]


def test_a_revealed_pack_about_a_person_shows_no_other_identifier(own_house: Home, tmp_path: Path) -> None:
    """Requests of the third kind name an address, and reach the number of the customer who has it."""
    with warehouse(own_house) as con:
        con.execute("update ledger.requests set phones = ['+12015557777'] where list_contains(emails, 'canary21@example.com')")
    pack = made(
        own_house,
        tmp_path / "pack",
        persons=("canary21@example.com",),
        start=None,
        end=None,
        revealed=True,
        made_for="Ann, by post",
    )
    text = str(contents(pack.folder))
    assert "canary21@example.com" in text and "+12015557777" not in text and "+1******7777" in text
    assert "canary2@" not in text and "Canary Agent".lower() not in text
    assert "for Ann, by post" in (pack.folder / "letter.html").read_text()


def test_a_person_whom_nobody_knows_has_a_pack_that_says_nothing_is_held(own_house: Home, tmp_path: Path) -> None:
    pack = made(own_house, tmp_path / "pack", persons=("nobody@example.net",), start=None, end=None)
    letter = (pack.folder / "letter.html").read_text()
    for said in ("No request about it has reached us.", "Our list has no entry that forbids it.", "n***@example.net"):
        assert said in letter, said


def test_revealing_says_for_whom_and_lies_outside_the_home_and_is_on_the_chain(own_house: Home, tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any], Path | None, str]] = [
        ("without --for", {"revealed": True}, tmp_path / "pack", "--for: is required with --reveal"),
        ("with a blank --for", {"revealed": True, "made_for": "  "}, tmp_path / "pack", "--for: is required with --reveal"),
        ("without --out", {"revealed": True, "made_for": "ICO"}, None, "no --out"),
        ("in the home", {"revealed": True, "made_for": "ICO"}, own_house.reports / "pack", "a folder of the home"),
    ]
    for case, question, out, said in cases:
        with pytest.raises(ConfigError, match=re.escape(said)):
            made(own_house, out, **question)
        assert not packs_log(own_house).entries(), case
    pack = made(own_house, tmp_path / "pack", revealed=True, made_for="ICO, case 17")
    assert "canary" in str(contents(pack.folder)) and "ICO, case 17" in (pack.folder / "index.html").read_text()
    entry = packs_log(own_house).entries()[-1]
    assert (entry["revealed"], entry["made_for"], entry["public_key"]) == (True, "ICO, case 17", public_key(own_house, PACKS))
    assert entry["manifest_sha256"] == pack.manifest_sha256 and (entry["from"], entry["to"]) == (
        START.isoformat(),
        END.isoformat(),
    )
    verified = verify(own_house, load_config(own_house))
    assert verified.whole and verified.kinds["pack"] == 1


def test_a_note_that_was_changed_breaks_the_chain(own_house: Home, tmp_path: Path) -> None:
    made(own_house, tmp_path / "pack", revealed=True, made_for="ICO")
    log = packs_log(own_house).path
    log.write_text(log.read_text().replace('"revealed":true', '"revealed":false'))
    verified = verify(own_house, load_config(own_house))
    assert not verified.whole and "packs.jsonl" in verified.sentence()


def test_everything_wrong_with_a_question_is_said_at_once(empty_home: Home) -> None:
    with pytest.raises(ConfigError) as caught:
        asked(load_config(empty_home), start="yesterday", end=None, destination="fax_machine", revealed=True)
    for said in (
        "--from: is neither",
        "--to: is required",
        "--destination: none has this name; there are: ads_audience",
        "--for: is",
    ):
        assert said in str(caught.value), said
    for start, end in (("2026-03-02", "2026-03-01"), ("2026-03-01", "2026-03-01"), ("2026-03-01T01:00:00+01:00", "2026-03-01")):
        with pytest.raises(ConfigError, match="is not later than --from"):
            asked(load_config(empty_home), start=start, end=end)
    with pytest.raises(ConfigError, match="nor a moment with a zone"):
        asked(load_config(empty_home), start="2026-03-01T10:00:00", end="2026-04-01")


def test_a_pack_is_never_written_over_another(own_house: Home, tmp_path: Path) -> None:
    pack = made(own_house, tmp_path / "pack")
    before = (pack.folder / "manifest.json").read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        made(own_house, tmp_path / "pack")
    pack.archive.unlink()
    with pytest.raises(ConfigError, match="something in it already"):
        made(own_house, tmp_path / "pack")
    assert (pack.folder / "manifest.json").read_bytes() == before
    assert len(packs_log(own_house).entries()) == 1


def test_a_pack_is_its_owners_alone(own_house: Home) -> None:
    pack = made(own_house, None)
    assert pack.folder.parent == own_house.reports / "evidence"
    for path in (pack.folder, pack.archive, *pack.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_page_needs_nothing_from_elsewhere(written: Made) -> None:
    page = (written.folder / "index.html").read_text()
    assert "<script" not in page and "<img" not in page and not re.search(r"(src|href)=\"(?!#)", page)
    assert "alert(1)" not in page.replace("&lt;script&gt;alert(1)", ""), "what somebody typed is text"
    for row in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL):
        assert not re.search(r"<td(?![^>]*data-label)", row), "each cell names its column, for a narrow screen"


# Holds the lock that a run holds, and the warehouse, until a line comes in.
_HELD = """
import sys
from orchestration.core.home import Home
from orchestration.core.lock import run_lock
from orchestration.core.warehouse import warehouse
home = Home.at(sys.argv[1])
with run_lock(home), warehouse(home):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_pack_is_made_while_a_run_goes_on(own_house: Home, tmp_path: Path) -> None:
    alone = made(own_house, tmp_path / "alone")
    export_evidence(own_house, Limits(), AS_OF)
    run = subprocess.Popen(
        [sys.executable, "-c", _HELD, str(own_house.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert run.stdout and run.stdout.readline() == "held\n"
        pack = made(own_house, tmp_path / "during")
    finally:
        run.communicate("\n", timeout=60)
    page = (pack.folder / "index.html").read_text()
    assert "A run is in progress: this is the evidence of" in page and "only where they were violations" in page
    assert {row["outcome"] for row in table(pack.folder, "contacts")} == {"violation"}
    assert {row["outcome"] for row in table(alone.folder, "contacts")} == {"violation", "before_request"}
    for name in {one.name for one in TABLES} - {"contacts", "sources"}:
        assert table(pack.folder, name) == table(alone.folder, name), name
    assert verify_pack(pack.archive).proven


def test_the_command_makes_and_proves_a_pack(own_house: Home, tmp_path: Path) -> None:
    home, out = ["--home", str(own_house.root)], tmp_path / "pack"
    period = ["--from", FROM, "--to", TO, "--as-of", "2026-11-24T00:00:00Z"]
    ran = CliRunner().invoke(main, ["evidence", *home, *period, "--out", str(out), "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.output)
    key = CliRunner().invoke(main, ["evidence", "key", *home]).output.strip()
    assert said["public_key"] == key and said["rows"]["requests"] > 0
    for given, key_given, code, words in (
        (out, key, 0, "which is the key that was given"),
        (Path(f"{out}.zip"), key, 0, "Proven"),
        (out, "0" * 63 + "1", 3, "manifest.sig: is of another key"),
        (out, "12ab", 2, "64 hex digits, as quietlist evidence key prints them"),
        (tmp_path / "nothing", key, 3, "neither a folder nor an archive"),
    ):
        ran = CliRunner().invoke(main, ["evidence", "verify", str(given), "--public-key", key_given])
        assert (ran.exit_code, words in ran.output) == (code, True), (given, key_given, ran.output)
    ran = CliRunner().invoke(main, ["evidence", *home, *period, "--out", str(tmp_path / "other"), "--reveal"])
    assert ran.exit_code == 2 and "--for" in ran.output and not (tmp_path / "other").exists()
    ran = CliRunner().invoke(main, ["evidence", *home])
    assert ran.exit_code == 2 and "--from: is required" in ran.output
