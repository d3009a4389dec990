"""``check``: DESIGN 5.3 word for word, from the published files alone."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest

from benchmarks.published import publish_registry
from orchestration.core.asked import Asked, asked
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.evidence.check import Question, Row, ancestry, check, check_file, check_many, is_below, suppressing
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
    assert answer.deciding.basis == "registry"
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
    assert "Treat it as suppressed" in answers[500].sentence()


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


def test_an_unreadable_identifier_is_refused_without_quoting_it(house: Home) -> None:
    with pytest.raises(ConfigError) as caught:
        check(house, "voice", "canary at home")
    assert "canary" not in str(caught.value) and "+1 202 555 0123" in str(caught.value)


def test_before_the_first_version_the_answer_is_an_error_and_not_a_no(empty_home: Home) -> None:
    with pytest.raises(PermanentError, match="nothing was published yet"):
        check(empty_home, "email", "a@example.com")


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
        "import sys; from orchestration.core.home import Home; from orchestration.evidence import check as checking; "
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
    assert [entry.registry for entry in listed.listed] == ["us_ftc"] and "REGISTRY: it is listed in us_ftc" in listed.sentence()
    assert check(own_house, "sms", "(202) 555-0148").may_contact is True
    unknown = check(own_house, "sms", "(415) 555-0148")
    assert unknown.may_contact is None and "area code 415 was never taken" in unknown.sentence()
    assert check(own_house, "ads", "(202) 555-0147").may_contact is True, "it binds no advertising"


def test_a_configuration_is_validated_again_when_it_changes(own_house: Home) -> None:
    assert asked(own_house) == Asked.of(load_config(own_house)) == asked(own_house), "noted or not, it says the same"
    note = own_house.warehouse_folder / "config_passed.json"
    for spoilt in ("", "[]", "{}", '{"state": 1}'):
        note.write_text(spoilt)
        assert asked(own_house).default_region == "US", spoilt
    assert json.loads(note.read_text())["scopes"], "the note was made anew"
    own_house.config_file.write_text(
        own_house.config_file.read_text() + "\n[destinations.x]\nsystem = 'nothing'\nchannels = ['email']\n"
    )
    with pytest.raises(ConfigError, match="'nothing' is not one of"):
        check(own_house, "email", "a@example.com")


def test_a_question_does_not_validate_what_passed_before(house: Home) -> None:
    asked(house)
    program = (
        "import sys; from orchestration.core.home import Home; from orchestration.evidence import check as checking; "
        f"checking.check(Home.at({str(house.root)!r}), 'voice', '+12025550147'); "
        "print([name for name in ('pydantic', 'pyarrow', 'numpy', 'orchestration.core.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
