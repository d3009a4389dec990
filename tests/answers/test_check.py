"""``check``: who may be contacted, from the published files alone."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from benchmarks.published import publish_registry
from orchestration.answers.check import (
    Answer,
    Listing,
    Question,
    Row,
    ancestry,
    check,
    check_file,
    check_many,
    is_below,
    suppressing,
    worst,
)
from orchestration.cli import main
from orchestration.core.asked import Asked, asked
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.home import Home
from orchestration.core.waiting import Waiting, note_published
from orchestration.core.warehouse import warehouse
from tests.evidence.houses import AS_OF

NODES = ("*", "acme", "acme/newsletter", "acme/newsletter/weekly", "acme/offers", "outlet", "outlet/x")


def row(scope: str, *except_scopes: str, basis: str = "direct", since: datetime = AS_OF) -> Row:
    return Row(scope, except_scopes, "opt_out", basis, since, "r1", None, None)


@pytest.mark.parametrize(
    ("case", "rows", "node", "expected"),
    [
        ("a row at the node", [row("acme")], "acme", True),
        ("a row above it", [row("acme")], "acme/newsletter", True),
        ("a row at the root", [row("*")], "acme/newsletter", True),
        ("a row below it says nothing of it", [row("acme/newsletter")], "acme", False),
        ("a row beside it", [row("outlet")], "acme", False),
        ("a name that only begins alike", [row("acme")], "acmeworld", False),
        ("the excepted node", [row("*", "acme/newsletter")], "acme/newsletter", False),
        ("below the excepted node", [row("*", "acme")], "acme/newsletter", False),
        ("above the excepted node", [row("*", "acme/newsletter")], "acme", True),
        ("beside the excepted node", [row("*", "acme/newsletter")], "acme/offers", True),
        ("another row still stands there", [row("*", "acme"), row("acme/newsletter")], "acme/newsletter", True),
        ("an exception that is not below its row counts for nothing", [row("acme", "acme", "*")], "acme", True),
        ("no row at all", [], "*", False),
    ],
)
def test_a_node_is_suppressed_as_the_contract_says(case: str, rows: list[Row], node: str, expected: bool) -> None:
    assert bool(suppressing(rows, node)) is expected, case


def test_suppressing_equals_a_reading_of_the_contract_sentence() -> None:
    """Seeded: 'suppressed when a row names it or an ancestor, unless except_scopes of that row names it or an ancestor of
    it below the row'."""
    seed = random.randrange(2**32)
    luck = random.Random(seed)
    above = {node: {other for other in NODES if other == "*" or node == other or node.startswith(other + "/")} for node in NODES}
    for _ in range(2000):
        rows = [row(luck.choice(NODES), *luck.sample(NODES, luck.randint(0, 3))) for _ in range(luck.randint(0, 3))]
        node = luck.choice(NODES)
        expected = any(
            entry.scope in above[node]
            and not any(
                free in above[node] and free != entry.scope and entry.scope in above[free] for free in entry.except_scopes
            )
            for entry in rows
        )
        assert bool(suppressing(rows, node)) is expected, f"seed {seed}: {rows} at {node}"


def test_the_deciding_row_is_the_persons_own_word_and_then_the_earliest() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    found = suppressing(
        [row("*", basis="registry", since=early), row("acme", since=late), row("*", since=early, basis="person")], "acme"
    )
    assert [entry.basis for entry in found] == ["direct", "person", "registry"]


def test_ancestry_and_below() -> None:
    assert ancestry("a/b/c") == ("a/b/c", "a/b", "a", "*")
    assert (
        is_below("a/b", "a")
        and is_below("a", "*")
        and not is_below("a", "a")
        and not is_below("ab", "a")
        and not is_below("*", "a")
    )


def test_any_spelling_of_a_suppressed_number_or_address_is_found(house: Home) -> None:
    for channel, spelling in (
        ("email", "canary1@example.com"),
        ("email", " Canary1@EXAMPLE.com "),
        ("voice", "+12015550002"),
        ("voice", "(201) 555-0002"),
        ("voice", "1-201-555-0002"),
    ):
        answer = check(house, channel, spelling)
        assert answer.suppressed is True and answer.may_contact is False, spelling
        assert answer.version == 2 and answer.as_of == AS_OF
        assert answer.deciding is not None and answer.deciding.deciding_request_id


def test_a_request_at_a_list_says_nothing_about_the_company(house: Home) -> None:
    at_list = check(house, "email", "canary40@example.com", "acme/newsletter")
    assert at_list.suppressed is True and at_list.deciding.scope == "acme/newsletter"
    assert check(house, "email", "canary40@example.com", "acme").suppressed is False


def test_a_registry_row_names_its_registry_and_version(house: Home) -> None:
    answer = check(house, "voice", "+12015559901", "outlet")
    assert answer.deciding.basis == "registry" and answer.sentence().startswith("May not be contacted: ")
    assert "us_ftc, version 2026-10-14-full" in answer.sentence()


def test_a_number_that_nobody_knows_is_not_called_screened(house: Home) -> None:
    answer = check(house, "sms", "+12025550147")
    assert answer.suppressed is False and "quietlist scrub" in answer.sentence()
    assert check(house, "email", "nobody@example.com").note is None


def test_no_sentence_holds_the_identifier(house: Home) -> None:
    for channel, identifier in (("email", "canary1@example.com"), ("voice", "+12015550002"), ("sms", "+12025550147")):
        assert identifier not in check(house, channel, identifier).sentence()
        assert check(house, channel, identifier).as_dict()["identifier"] == identifier


def test_a_thousand_questions_are_answered_in_their_order(house: Home) -> None:
    with warehouse(house, read_only=True) as con:
        known = con.execute(
            "select channel, identifier, scope from golden.golden_suppression order by hash(identifier)"
        ).fetchall()
    questions = [Question(*entry) for entry in known] * 2 + [Question("email", f"nobody{n}@example.com") for n in range(200)]
    questions.insert(500, Question("email", "no address"))
    answers = check_many(house, questions, load_config(house))
    assert len(answers) == len(questions) > 1000
    for question, answer in zip(questions, answers, strict=True):
        assert answer.question is question
        expected = None if question.identifier == "no address" else not question.identifier.startswith("nobody")
        assert answer.suppressed is expected, question
    assert answers[500].problem == "no_at" and not answers[500].may_contact
    assert answers[500].sentence().startswith("Nobody knows: this identifier on email")


def test_a_file_of_questions(house: Home) -> None:
    lines = io.StringIO(
        "Channel,identifier,scope\nemail,canary1@example.com,\nEMAIL,nobody@example.com,acme\nvoice,(201) 555-0002,outlet\n"
    )
    answers = check_file(house, load_config(house), lines)
    assert [answer.suppressed for answer in answers] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jane@example.com,email\n", "a header of 2 columns"),
        ("channel,identifier,name\nemail,a@example.com,Jane\n", "a header of 3 columns"),
        ("channel,identifier\nemail\n", "row 1 has not as many columns"),
        ("channel,identifier\nemail,a,b\n", "row 1 has not as many columns"),
        ("channel,identifier\nmail,a@example.com\n", "the channel of question 1 is not one of email"),
        ("", "a header of 0 columns"),
        ("channel,identifier\n", "there is no question below the header"),
    ],
)
def test_a_file_that_is_no_list_of_questions_is_refused_without_quoting_it(house: Home, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_file(house, load_config(house), io.StringIO(text))
    assert said in str(caught.value)
    assert "jane" not in str(caught.value).lower()


def test_unknown_channels_and_scopes_are_named_with_what_is_allowed(house: Home) -> None:
    with pytest.raises(ConfigError) as caught:
        check_many(house, [Question("mail", "a@example.com", "acme/weekly")])
    assert "channel of question 1 is not one of email, voice" in str(caught.value)
    assert "is not one of *, acme, acme/newsletter" in str(caught.value)
    assert "mail'" not in str(caught.value) and "weekly" not in str(caught.value), "what was given may be somebody's address"


def test_of_an_identifier_that_names_nobody_nobody_knows_and_it_is_not_quoted(house: Home) -> None:
    answer = check(house, "voice", "canary at home")
    assert (answer.may_contact, answer.exit_code) == (None, 5)
    assert answer.sentence().startswith("Nobody knows: ") and "canary" not in answer.sentence()


def test_before_the_first_version_nobody_knows(empty_home: Home) -> None:
    answer = check(empty_home, "email", "a@example.com")
    assert (answer.suppressed, answer.may_contact, answer.exit_code, answer.version) == (None, None, 5, None)
    assert answer.sentence().startswith("Nobody knows: a***@example.com on email anywhere in the company: nothing is published")
    json.dumps(answer.as_dict(), default=str)


@pytest.mark.parametrize(
    ("case", "rows", "listed", "unscreened", "unread", "problem", "may"),
    [
        ("nothing stands against it", (), False, False, Waiting(), None, True),
        ("a row", (row("acme"),), False, False, Waiting(), None, False),
        ("a registry", (), True, False, Waiting(), None, False),
        ("a registry that could not have shown it", (), False, True, Waiting(), None, None),
        ("a row and such a registry", (row("acme"),), False, True, Waiting(), None, False),
        ("a file that nobody has read", (), False, False, Waiting(files=1), None, None),
        ("a delivery that is in no version", (), False, False, Waiting(deliveries=1), None, None),
        ("a malformed row that was held back", (), False, False, Waiting(held_back=1), None, None),
        ("a row, and a file that may lift it", (row("acme"),), False, False, Waiting(files=1), None, False),
        ("a registry, and a file", (), True, False, Waiting(files=1), None, False),
        ("an identifier that names nobody", (), False, False, Waiting(), "no_at", None),
    ],
)
def test_the_first_words_and_the_exit_code_say_whether_one_may_contact(
    case: str, rows: tuple[Row, ...], listed: bool, unscreened: bool, unread: Waiting, problem: str | None, may: bool | None
) -> None:
    answer = Answer(
        Question("voice", "x"),
        "phone",
        None if problem else "+12025550123",
        None if problem else bool(rows),
        rows,
        1,
        AS_OF,
        problem,
        (Listing("us_ftc", "v1", "r"),) if listed else (),
        ("us_ftc (why)",) if unscreened else (),
        waiting=unread,
    )
    assert answer.may_contact is may, case
    assert answer.exit_code == {True: 0, False: 4, None: 5}[may] == answer.as_dict()["exit_code"], case
    first = {True: "May be contacted: ", False: "May not be contacted: ", None: "Nobody knows: "}[may]
    assert answer.sentence().startswith(first), case
    assert ("Not the last word: " in answer.sentence()) is bool(unread), case
    assert "not suppressed" not in answer.sentence().lower(), case


@pytest.mark.parametrize(("codes", "expected"), [((), 0), ((0, 0), 0), ((0, 5), 5), ((0, 4), 4), ((5, 4, 0), 4)], ids=str)
def test_many_answers_end_as_the_worst_of_them(codes: tuple[int, ...], expected: int) -> None:
    answers = [
        Answer(Question("email", "x"), "email", "x@example.com", {0: False, 4: True, 5: None}[code], (), 1, AS_OF)
        for code in codes
    ]
    assert worst(answers) == expected


def test_without_a_scope_the_question_is_anywhere_in_the_company(house: Home) -> None:
    assert check(house, "email", "canary40@example.com").may_contact is False, "suppressed at a list is suppressed somewhere"
    beside = check(house, "email", "canary40@example.com", "outlet")
    assert beside.may_contact is True and beside.elsewhere == ("acme/newsletter",)
    assert beside.sentence().startswith("May be contacted: ") and "there is a row at acme/newsletter" in beside.sentence()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--channel", "email", "--identifier", "nobody@example.com"], 0),
        (["--channel", "email", "--identifier", "canary40@example.com"], 4),
        (["--channel", "email", "--identifier", "canary40@example.com", "--scope", "outlet"], 0),
        (["--channel", "email", "--identifier", "nobody"], 5),
        (["--channel", "sms", "--identifier", "+12025550147"], 5),
        (["--channel", "email", "--identifier", "nobody@example.com", "--scope", "nowhere"], 2),
        (["--channel", "email"], 2),
    ],
)
def test_the_command_ends_with_the_answer(house: Home, arguments: list[str], code: int) -> None:
    for also in ([], ["--json"]):
        assert CliRunner().invoke(main, ["check", "--home", str(house.root), *arguments, *also]).exit_code == code, arguments


def test_the_command_on_a_file_ends_as_the_worst_answer(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    for text, code in (
        ("email,nobody@example.com,\n", 0),
        ("email,nobody@example.com,\nemail,nobody,\n", 5),
        ("email,nobody,\nemail,canary40@example.com,\n", 4),
        ("", 2),
    ):
        file.write_text(f"channel,identifier,scope\n{text}")
        result = CliRunner().invoke(main, ["check", "--home", str(house.root), "--file", str(file)])
        assert result.exit_code == code, (text, result.output)


def test_files_that_nobody_has_read_are_said(own_house: Home) -> None:
    def may() -> object:
        return check(own_house, "email", "nobody@example.com").may_contact

    assert may() is True, "everything delivered is in the version"
    (own_house.inbox / "dialler").mkdir()
    (own_house.inbox / "dialler" / "calls.csv").write_text("contact_key\n")
    assert may() is None, "what came of a call may be an opt-out"
    (own_house.inbox / "dialler" / "calls.csv").unlink()
    (own_house.inbox / "shop").mkdir()
    (own_house.inbox / "shop" / ".gitkeep").touch()
    assert may() is True, "nor does a placeholder"
    (own_house.inbox / "shop" / "asks.csv").write_text("email\n")
    answer = check(own_house, "email", "nobody@example.com")
    assert answer.may_contact is None and "1 file waits in the inbox" in answer.sentence()
    assert answer.as_dict()["waiting"] == {"files": 1, "deliveries": 0, "held_back": 0}
    assert check(own_house, "email", "canary1@example.com").may_contact is False
    (own_house.inbox / "shop" / "asks.csv").unlink()
    (own_house.inbox / "a source of nobody").mkdir()
    (own_house.inbox / "a source of nobody" / "x").touch()
    assert may() is None, "a folder without a source is not read by any run"


def test_deliveries_that_no_version_has_taken_in_are_said(own_house: Home) -> None:
    last = own_house.manifest_file.read_bytes().splitlines()[-1]
    for settings in (b'"format":"contacts_made"', b'"format":"requests"'):
        with own_house.manifest_file.open("ab") as stream:
            stream.write(last.replace(b'"format":"requests"', settings).replace(b'"seq":', b'"seq":9') + b"\n")
        answer = check(own_house, "email", "nobody@example.com")
        assert answer.may_contact is None, settings
        assert "1 delivery landed and not published yet" in answer.sentence(), settings
        note_published(own_house, held_back=1)
        held = check(own_house, "email", "nobody@example.com")
        assert held.may_contact is None and "1 malformed row is held back" in held.sentence(), "it may be theirs"
        note_published(own_house)
        assert check(own_house, "email", "nobody@example.com").may_contact is True, "a run found nothing new in it"
    (own_house.warehouse_folder / "published_inputs.json").write_text("[]")
    assert check(own_house, "email", "nobody@example.com").may_contact is None, "a spoilt note is no note"


@pytest.mark.parametrize("victim", ["manifest.json", "part-0.parquet"])
def test_an_altered_version_gives_no_answer(own_house: Home, victim: str) -> None:
    file = own_house.golden_published / "version=2" / victim
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(PermanentError, match="is not as it was published"):
        check(own_house, "email", "canary1@example.com")


def test_the_warehouse_is_never_opened(own_house: Home) -> None:
    own_house.warehouse_file.write_bytes(b"a run is writing here")
    assert check(own_house, "email", "canary1@example.com").suppressed is True


def test_a_question_loads_no_more_than_it_needs(house: Home) -> None:
    """The time of an answer is the time of the imports: these take longer than everything else together."""
    program = (
        "import sys; from orchestration.core.home import Home; from orchestration.answers import check as checking; "
        f"checking.check(Home.at({str(house.root)!r}), 'email', 'a@example.com'); "
        "print([name for name in ('pyarrow', 'pandas', 'numpy', 'dagster', 'great_expectations', 'dbt', 'jinja2', "
        "'phonenumbers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_registry_speaks_of_numbers_the_company_does_not_know(own_house: Home) -> None:
    with duckdb.connect() as con:
        publish_registry(con, own_house, "us_ftc", "select 12025550147::ubigint as number", AS_OF, ["202"])
    listed = check(own_house, "sms", "(202) 555-0147")
    assert (listed.suppressed, listed.may_contact) == (False, False), "the table does not suppress it, the registry lists it"
    assert [entry.registry for entry in listed.listed] == ["us_ftc"] and "on a registry, us_ftc, version" in listed.sentence()
    assert listed.sentence().startswith("May not be contacted: ") and listed.exit_code == 4
    assert check(own_house, "sms", "(202) 555-0148").may_contact is True
    unknown = check(own_house, "sms", "(415) 555-0148")
    assert unknown.may_contact is None and "area code 415 was never taken" in unknown.sentence()
    assert check(own_house, "ads", "(202) 555-0147").may_contact is True, "it binds no advertising"


def test_a_configuration_is_validated_again_when_it_changes(own_house: Home) -> None:
    assert asked(own_house) == Asked.of(load_config(own_house)) == asked(own_house), "noted or not, it says the same"
    note = own_house.warehouse_folder / "config_passed.json"
    for spoilt in ("", "[]", "{}", '{"state": 1}'):
        note.write_text(spoilt)
        assert asked(own_house) == Asked.of(load_config(own_house)), spoilt
    assert json.loads(note.read_text())["scopes"], "the note was made again"
    own_house.config_file.write_text(
        own_house.config_file.read_text() + "\n[destinations.x]\nsystem = 'nothing'\nchannels = ['email']\n"
    )
    with pytest.raises(ConfigError, match="'nothing' is not one of"):
        check(own_house, "email", "a@example.com")


def test_a_question_does_not_validate_what_passed_before(house: Home) -> None:
    asked(house)
    program = (
        "import sys; from orchestration.core.home import Home; from orchestration.answers import check as checking; "
        f"checking.check(Home.at({str(house.root)!r}), 'voice', '+12025550147'); "
        "print([name for name in ('pydantic', 'pyarrow', 'numpy', 'orchestration.core.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
