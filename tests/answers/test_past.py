"""Answers about the past: equal to a replay of landing up to then, and never "not suppressed" where nobody knows."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.answers.check import MAY, MAY_NOT, NOBODY_KNOWS, Question, Row, suppressing
from orchestration.answers.past import Moment, Past, past
from orchestration.cli import main
from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.config import Config, load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.evidence.houses import AS_OF
from tests.reconcile.test_golden_oracle import deliver, golden_rows, make_home, reconcile
from tests.reconcile.worlds import SCOPES, make_world, write_contacts
from tests.seed import SEED

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
Golden = dict[tuple[str, str, str, str], dict[str, object]]


def replayed(root: Path, worlds: int, runs: int) -> tuple[Home, Config, list[tuple[datetime, Golden]]]:
    """A home of some days, and the golden table as it was at the end of each: what a replay of landing up to then makes."""
    rng = random.Random(SEED)
    made = [make_world(number, rng) for number in range(worlds)]
    requests = [request for world in made for request in world.requests]
    contacts = [contact for world in made for contact in world.contacts]
    for shuffled in (requests, contacts):
        rng.shuffle(shuffled)
    home, config = make_home(root / "home")
    days: list[tuple[datetime, Golden]] = []
    for run in range(runs):
        deliver(home, f"requests{run}.csv", requests[run::runs])
        # Customers come later than requests that reach them, and join persons that were several until then.
        write_contacts(home.inbox / "crm" / f"contacts{run}.csv", contacts[: len(contacts) * (run + 1) // runs])
        as_of = FIRST + timedelta(days=run)
        reconcile(home, config, as_of)
        days.append((as_of, golden_rows(home)))
    return home, config, days


def compare(home: Home, config: Config, days: list[tuple[datetime, Golden]], at_most: int) -> int:
    """Contact points that were ever known, on each channel, at a node or anywhere, as known at the end of each day. So many
    questions a day, drawn, with those that a later day answers otherwise before all others.
    """
    rng = random.Random(SEED)
    with warehouse(home, read_only=True) as con:
        points = con.execute("select distinct identifier_type, identifier from identity.node_points order by all").fetchall()
    nodes = [None, "*", *SCOPES]
    held = 0
    for as_of, golden in days:
        rows: dict[tuple[str, str, str], list[Row]] = {}
        for (channel, kind, identifier, scope), row in golden.items():
            one = Row(scope, tuple(row["except_scopes"] or ()), "", "direct", FIRST, None, None, None)
            rows.setdefault((channel, kind, identifier), []).append(one)
        questions = [
            (kind, Question(channel, identifier, node))
            for channel, kinds in TYPES_OF_CHANNEL.items()
            for kind, identifier in points
            if kind in kinds
            for node in nodes
        ]
        moved = {key[:3] for _, other in days for key in other.keys() ^ golden.keys()}
        rng.shuffle(questions)
        questions.sort(key=lambda asked: (asked[1].channel, asked[0], asked[1].identifier) not in moved)
        questions = questions[:at_most]
        answers = past(home, config, [question for _, question in questions], Moment(as_of, as_of), as_of + timedelta(days=90))
        for (kind, question), answer in zip(questions, answers, strict=True):
            known = rows.get((question.channel, kind, question.identifier), [])
            wanted = bool(suppressing(known, question.scope))
            case = f"{question}, {kind}, as known at the end of {as_of:%d %b}, seed {SEED}"
            assert bool(answer.held) == wanted, case
            assert answer.exit_code != MAY or not wanted, case
            held += wanted
    return held


def test_answers_about_the_past_equal_a_replay_of_landing_up_to_then(tmp_path: Path) -> None:
    home, config, days = replayed(tmp_path, worlds=12, runs=3)
    assert days[0][1].keys() != days[-1][1].keys(), "the days differ"
    assert compare(home, config, days, 250) > 50, "some were suppressed"


@pytest.mark.slow
@pytest.mark.timeout(7200)  # six runs of dbt and some hundred thousand answers on a busy machine
def test_answers_about_the_past_equal_a_replay_long(tmp_path: Path) -> None:
    home, config, days = replayed(tmp_path, worlds=150, runs=6)
    assert compare(home, config, days, 250) > 500


@pytest.fixture
def ask(own_house: Home) -> Iterator[object]:
    """The house with a clock, and a history that says one thing at a time."""
    with warehouse(own_house) as con:
        con.execute("create table if not exists raw.stamps (name varchar primary key, value varchar)")
        con.execute("insert or replace into raw.stamps values ('clock', ?)", [AS_OF.isoformat()])
        con.execute("delete from golden.suppression_history")
        con.execute(
            """
            insert into golden.suppression_history by name
            select 's1' as suppression_id, md5('request 1') as request_id, 'email' as channel, 'email' as identifier_type,
                'ann@example.com' as identifier, 'acme' as scope, 'opt_out' as action, 'direct' as basis,
                released_scope, in_force_from, in_force_to, known_from, known_to
            from (values
                (null, timestamptz '2026-10-01 00:00:00+00', null, timestamptz '2026-10-03 00:00:00+00',
                    timestamptz '2026-10-20 00:00:00+00'),
                (null, timestamptz '2026-10-01 00:00:00+00', timestamptz '2026-10-10 00:00:00+00',
                    timestamptz '2026-10-20 00:00:00+00', null),
                ('acme/offers', timestamptz '2026-10-05 00:00:00+00', null, timestamptz '2026-10-05 00:00:00+00', null)
            ) as rows(released_scope, in_force_from, in_force_to, known_from, known_to)
            """
        )

    def asking(at: str, known_at: str | None = None, scope: str | None = "acme", identifier: str = "Ann@Example.com") -> Past:
        asked = Moment(datetime.fromisoformat(at), datetime.fromisoformat(known_at) if known_at else None)
        question = Question("email", identifier, scope)
        return past(own_house, load_config(own_house), [question], asked, AS_OF + timedelta(hours=2))[0]

    return asking


CASES = [
    ("before it was asked", "2026-09-30T23:59:59Z", None, "acme", MAY),
    ("at the moment it was asked", "2026-10-01T00:00:00Z", None, "acme", MAY_NOT),
    ("in another part of the company", "2026-10-02T00:00:00Z", None, "outlet", MAY),
    ("in a part below", "2026-10-02T00:00:00Z", None, "acme/newsletter", MAY_NOT),
    ("in a part that was released later", "2026-10-04T23:59:59Z", None, "acme/offers", MAY_NOT),
    ("in a part that was released then", "2026-10-05T00:00:00Z", None, "acme/offers", MAY),
    ("anywhere, though a part was released", "2026-10-05T00:00:00Z", None, None, MAY_NOT),
    ("at the moment it was lifted, by what is known now", "2026-10-10T00:00:00Z", None, "acme", MAY),
    ("just before", "2026-10-09T23:59:59Z", None, "acme", MAY_NOT),
    ("after the lift, when that was not known yet", "2026-10-12T00:00:00Z", "2026-10-19T23:59:59Z", "acme", MAY_NOT),
    ("after the lift, from when it was known", "2026-10-12T00:00:00Z", "2026-10-20T00:00:00Z", "acme", MAY),
    ("asked, and not known here yet", "2026-10-02T00:00:00Z", "2026-10-02T23:59:59Z", "acme", MAY),
    ("asked, and just known here", "2026-10-02T00:00:00Z", "2026-10-03T00:00:00Z", "acme", MAY_NOT),
    ("a moment that has not come", "2026-12-24T00:00:00Z", None, "outlet", NOBODY_KNOWS),
    ("after the last run", "2026-11-23T23:00:00Z", None, "outlet", NOBODY_KNOWS),
    ("known after the last run", "2026-10-02T00:00:00Z", "2026-11-23T23:00:00Z", "outlet", NOBODY_KNOWS),
    ("before the history begins", "2020-01-01T00:00:00Z", None, "acme", NOBODY_KNOWS),
    ("when nothing was known", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "acme", NOBODY_KNOWS),
]


def test_each_moment_is_answered_by_both_axes_of_time(ask) -> None:
    for case, at, known_at, scope, code in CASES:
        answer = ask(at, known_at, scope)
        assert answer.exit_code == code, (case, answer.as_dict())
        assert ("NOBODY KNOWS" in next(iter(answer.lines()))) is (code == NOBODY_KNOWS), case
    assert ask("2026-10-02T00:00:00Z", identifier="no address").exit_code == NOBODY_KNOWS
    with pytest.raises(ConfigError, match="is earlier than --at"):
        ask("2026-10-02T00:00:00Z", "2026-10-01T00:00:00Z")


def test_a_number_is_free_only_where_its_registries_of_then_could_have_shown_it(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute("create table if not exists raw.stamps (name varchar primary key, value varchar)")
        con.execute("insert or replace into raw.stamps values ('clock', ?)", [AS_OF.isoformat()])
        con.execute("delete from golden.suppression_history")
        con.execute("delete from registries.area_versions")
        con.execute(
            "insert into registries.area_versions select registry, '212', 1, 'v1', timestamptz '2026-10-01 00:00:00+00' "
            "from (values ('us_ftc'), ('us_state_dnc'), ('litigators'), ('reassigned_numbers')) as names(registry)"
        )
        con.execute(
            "insert into identity.node_points values "
            "('c:N', true, 'N', 'phone', '+12125550147', '2026-09-01 00:00:00+00', '', true)"
        )
    config = load_config(own_house)

    def asked(at: str, number: str = "+12125550147") -> Past:
        moment = Moment(datetime.fromisoformat(at))
        return past(own_house, config, [Question("voice", number, "acme")], moment, AS_OF + timedelta(hours=2))[0]

    for case, at, number, said in (
        ("before the first copy", "2026-09-30T00:00:00Z", "+12125550147", "no copy of us_ftc that was held then"),
        (
            "a copy that had become too old",
            "2026-11-20T00:00:00Z",
            "+12125550147",
            "the copy of us_ftc that was held then was of 1 Oct",
        ),
        ("an area that was never taken", "2026-10-05T00:00:00Z", "+13125550147", "no copy of us_ftc that was held then"),
        ("a number that nobody knew", "2026-10-05T00:00:00Z", "+12125550148", "cannot be asked about a number"),
    ):
        answer = asked(at, number)
        assert answer.exit_code == NOBODY_KNOWS and said in "; ".join(answer.doubts), (case, answer.doubts)
    assert asked("2026-10-05T00:00:00Z").exit_code == MAY, asked("2026-10-05T00:00:00Z").doubts


def test_the_commands_answer_about_the_past_and_end_with_the_answer(own_house: Home, ask) -> None:
    home = ["--home", str(own_house.root)]
    check = ["check", "--channel", "email", "--identifier", "ann@example.com", *home]
    for arguments, code, said in (
        ([*check, "--at", "2026-10-02T00:00:00Z"], 4, "Was SUPPRESSED: a***@example.com on email"),
        ([*check, "--at", "2026-10-12T00:00:00Z"], 0, "Was not suppressed"),
        ([*check, "--at", "2026-10-12T00:00:00Z", "--known-at", "2026-10-12T00:00:00Z"], 4, "by what was known at 12 Oct 2026"),
        ([*check, "--at", "2126-10-12T00:00:00Z"], 5, "NOBODY KNOWS"),
        ([*check, "--known-at", "2026-10-12T00:00:00Z"], 2, "--known-at without --at"),
        ([*check, "--at", "2026-10-12"], 2, "ISO 8601 with a zone"),
        (["check", "--at", "2026-10-12T00:00:00Z", *home], 2, "--at without --channel and --identifier"),
        (["explain", "ann@example.com", "--at", "2026-10-02T00:00:00Z", *home], 4, "opt out at acme by request"),
    ):
        ran = CliRunner().invoke(main, arguments)
        assert (ran.exit_code, said in ran.output) == (code, True), (arguments, ran.exit_code, ran.output)
    ran = CliRunner().invoke(main, [*check, "--at", "2026-10-02T00:00:00Z", "--json"])
    assert json.loads(ran.output)["suppressed"] is True
