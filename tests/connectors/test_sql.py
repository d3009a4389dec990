"""Tables of real databases: every row comes, whatever stands in its cursor, and nothing there is changed."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.audit.doctor import doctor
from orchestration.connectors import pulling, sql
from orchestration.connectors.contract import pull_problems
from orchestration.core.home import Home
from orchestration.landing import collect
from orchestration.readers.feeds import feeds_of_format
from orchestration.readers.recognise import recognise
from tests.connectors.conftest import NOON, House
from tests.connectors.shelf import contents
from tests.kills import killed_after
from tests.mariadb_server import mariadb_server
from tests.postgres_server import postgres_server
from tests.seed import SEED

_COUNTED = ("/orchestration/connectors/", "/orchestration/core/files.py")


class Base:
    """A database, seen by the program whose table it is."""

    def __init__(self, url: str, kind: str) -> None:
        self.url, self.kind = url, kind
        driven = url.replace("postgresql:", "postgresql+psycopg:").replace("mariadb:", "mysql+pymysql:")
        self.engine = sa.create_engine(driven, poolclass=sa.NullPool)
        self.made = 0

    def do(self, *statements: str, **values: Any) -> None:
        with self.engine.begin() as con:
            for statement in statements:
                con.execute(sa.text(statement), values)

    def table(self, cursor: str = "timestamp with time zone", key: str = "primary key") -> None:
        kind = cursor if self.kind == "postgresql" else {"timestamp with time zone": "datetime"}.get(cursor, cursor)
        made = f"create table asks (id integer {key}, action text, email text, changed_at {kind})"
        self.do("drop table if exists asks", made + (" character set utf8mb4" if self.kind == "mariadb" else ""))

    def put(self, *values: Any) -> None:
        """A row for each value of the cursor."""
        with self.engine.begin() as con:
            for value in values:
                con.execute(
                    sa.text("insert into asks values (:id, 'opt_out', :email, :at)"),
                    {"id": self.made, "email": f"person{self.made}@example.com", "at": self.said(value)},
                )
                self.made += 1

    def said(self, value: Any) -> Any:
        return value if self.kind != "sqlite" or not isinstance(value, datetime) else f"{value:%Y-%m-%d %H:%M:%S}"

    def held(self) -> set[str]:
        with self.engine.connect() as con:
            return {f"{row[0]}/{row[1]}" for row in con.execute(sa.text("select id, email from asks"))}

    def settings(self, **more: Any) -> dict[str, Any]:
        pull = {"kind": "sql", "url": self.url, "table": "asks", "cursor": "changed_at", **more}
        return {"format": "requests", "pull": {key: value for key, value in pull.items() if value is not None}}


def rows(home: Home) -> Counter[str]:
    found: Counter[str] = Counter()
    for _, content in contents(home, "table"):
        found.update(f"{row['id']}/{row['email']}" for row in map(json.loads, content.splitlines()))
    return found


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    with mariadb_server() as url:
        yield url


SERVERS = {"postgresql": "postgres", "mariadb": "mariadb"}


BASES = ["sqlite", *(pytest.param(kind, marks=getattr(pytest.mark, name)) for kind, name in SERVERS.items())]


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Base]:
    if request.param == "sqlite":
        file = tmp_path / "their data base.db"
        file.touch()
        made = Base(f"sqlite:///{file}", "sqlite")
    else:
        made = Base(request.getfixturevalue(SERVERS[request.param]), request.param)
        made.do("drop view if exists lately", "drop table if exists asks")
    yield made
    made.engine.dispose()


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_all_rows_come_and_then_what_is_new(house: House, base: Base) -> None:
    base.table()
    base.put(*(at(-hours) for hours in (400, 300, 250, 200, 20)))
    house.sources = {"table": base.settings()}
    (outcome,) = house.pull()
    assert (outcome.part, outcome.state, outcome.records) == ("asks", "whole", 5), outcome.failure
    assert set(rows(house.home)) == base.held()
    ((name, content),) = contents(house.home, "table")
    assert recognise(name, content, feeds_of_format("requests"), whole=True).feed is not None, "nobody knows what the file is"
    base.put(at(1))
    house.later(hours=24)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 2), "it reached back by the overlap, and no further"
    assert set(rows(house.home)) == base.held()
    house.later(days=8)
    assert house.pull()[0].records == 6, "everything is read from time to time"


@pytest.mark.parametrize(
    ("case", "before", "late", "comes"),
    [
        ("a tie at the highest value", [at(-20)], at(-20), True),
        ("a row that shows itself late", [at(-20)], at(-60), True),
        ("a row without a value", [at(-20)], None, True),
        ("a clock that is years ahead", [at(24 * 900), at(-20)], at(-15), True),
        ("nothing but clocks that are ahead", [at(24 * 900)], at(-15), True),
        ("a row that is older than the overlap", [at(-20)], at(-200), False),
    ],
)
def test_what_stands_in_the_cursor_costs_no_row(
    house: House, base: Base, case: str, before: list[Any], late: Any, comes: bool
) -> None:
    base.table()
    base.put(*before)
    house.sources = {"table": base.settings()}
    house.pull()
    base.put(late)
    house.later(hours=1)
    house.pull()
    assert (set(rows(house.home)) == base.held()) is comes, case
    house.later(days=8)
    house.pull()
    assert set(rows(house.home)) == base.held(), f"{case}: not even when everything is read"


@pytest.mark.parametrize(
    ("kind", "before", "late"),
    [
        ("integer", [1, 50], 45),
        ("integer", [50], 50),
        ("integer", [50], None),
        ("date", ["2026-03-19"], "2026-03-18"),
        ("text", ["2026-03-19T10:00:00Z"], "2026-03-18 09:00:00+05:00"),
        ("text", ["2026-03-19T10:00:00Z"], "yesterday"),
        ("text", ["2026-03-19"], ""),
        ("numeric(12,2)", ["17.25"], "17.20"),
        ("timestamp", [at(-20).replace(tzinfo=None)], None),
    ],
)
def test_cursors_of_every_kind(house: House, base: Base, kind: str, before: list[Any], late: Any) -> None:
    base.table(kind)
    base.put(*before)
    house.sources = {"table": base.settings(overlap_numbers=10)}
    house.pull()
    base.put(late)
    house.later(hours=1)
    (outcome,) = house.pull()
    assert outcome.state == "whole" and set(rows(house.home)) == base.held(), f"{kind}: {outcome.failure}"
    place = json.loads(json.loads((house.home.pulls / "table.json").read_text())["asks"]["place"])
    assert place["highest"] and "under_way" not in place, place


@pytest.mark.postgres
@pytest.mark.parametrize("odd", ["infinity", "-infinity", "0044-03-15 BC", "20260-01-01"])
def test_a_moment_that_no_calendar_has_costs_no_row(house: House, postgres: str, odd: str) -> None:
    base = Base(postgres, "postgresql")
    base.table()
    base.put(at(-20), odd)
    house.sources = {"table": base.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "whole" and set(rows(house.home)) == base.held(), outcome.failure
    base.put(at(-15))
    house.later(hours=1)
    house.pull()
    assert set(rows(house.home)) == base.held(), f"{odd} hides what comes after it"
    base.engine.dispose()


@pytest.mark.mariadb
@pytest.mark.parametrize("odd", ["0000-00-00 00:00:00", "2026-00-00 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_a_moment_that_is_none_in_mariadb_costs_no_row(
    house: House, mariadb: str, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_ROWS", 1)
    base = Base(mariadb, "mariadb")
    base.table()
    base.put(at(-20))
    with base.engine.begin() as con:
        con.execute(sa.text("set session sql_mode = ''"))  # as an old program has it
        con.execute(sa.text("insert into asks values (100, 'opt_out', 'odd@example.com', :odd)"), {"odd": odd})
    house.sources = {"table": base.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "whole" and set(rows(house.home)) == base.held(), outcome.failure
    base.put(at(-15))
    house.later(hours=1)
    house.pull()
    assert set(rows(house.home)) == base.held(), f"{odd} hides what comes after it"
    base.engine.dispose()


@pytest.mark.mariadb
@pytest.mark.parametrize("key", ["binary(16)", "varchar(40) collate utf8mb4_unicode_ci", "bigint unsigned", "bit(8)"])
def test_what_is_no_text_in_mariadb_comes_too(house: House, mariadb: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no UTF-8, in a key too; keys whose order the server has by a language; numbers past 2^53."""
    monkeypatch.setattr(sql, "_ROWS", 1)
    base = Base(mariadb, "mariadb")
    columns = f"id {key} primary key, email varbinary(200), note blob, flag bit(3), place point, kind enum('a', 'b')"
    base.do("drop table if exists asks", f"create table asks ({columns}) character set utf8mb4")
    keys = {"binary(16)": ["unhex('ff00')", "unhex('ff41')"], "bit(8)": ["b'1'", "b'10'"]}.get(
        key, ["9007199254740992", "9007199254740993"]
    )
    for number, value in enumerate(keys):
        base.do(f"insert into asks values ({value}, 'p{number}@example.com', x'ff4100', b'101', point(1, 2), 'b')")
    house.sources = {"table": base.settings(cursor=None)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 2), outcome.failure
    told = [json.loads(line) for _, content in contents(house.home, "table") for line in content.splitlines()]
    assert [row["email"] for row in told] == ["p0@example.com", "p1@example.com"]
    assert {row["kind"] for row in told} == {"b"} and "A" in told[0]["note"]
    base.engine.dispose()


@pytest.mark.parametrize("key", ["primary key", ""])
def test_without_a_cursor_the_whole_table_comes_each_time(house: House, base: Base, key: str) -> None:
    base.table(key=key)
    base.put(at(1), None, at(2))
    house.sources = {"table": base.settings(cursor=None)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 3), outcome.failure
    assert house.pull(only_due=True)[0].state == "rests"
    base.do("delete from asks where id > 0")
    house.later(days=1)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 1) and "It held 3 records before" in outcome.attention


def test_a_view_and_odd_values_come_as_text(house: House, base: Base) -> None:
    base.table()
    base.put(at(-1))
    base.do("update asks set email = 'Zoë \"O''Neil\" 🙂\n@example.com'", "create view lately as select email, id from asks")
    house.sources = {"table": base.settings(table="lately", cursor=None)}
    house.pull()
    ((_, content),) = contents(house.home, "table")
    assert json.loads(content) == {"email": 'Zoë "O\'Neil" 🙂\n@example.com', "id": "0"}


def test_what_is_no_text_in_sqlite_comes_too(house: House, tmp_path: Path) -> None:
    file = tmp_path / "people.db"
    with sqlite3.connect(file) as con:
        con.execute("create table asks (id integer, email text, changed_at datetime, note blob)")
        con.execute("insert into asks values (1.5, cast(x'ff4100' as text), 1772326800, x'ff00')")
        con.execute("insert into asks values (2, 'ann@example.com', '2026-13-99', null)")
    house.sources = {"table": Base(f"sqlite:///{file}", "sqlite").settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 2), outcome.failure
    house.later(hours=1)
    assert house.pull()[0].records == 2, "a value that is no moment has no place, so its row comes each time"


def test_nothing_there_is_changed(house: House, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    base.table()
    base.put(at(-1))
    plain = sql._Table._reflected

    def writes(self: Any, con: sa.Connection) -> sa.Table:
        con.execute(sa.text("delete from asks"))
        return plain(self, con)

    house.sources = {"table": base.settings()}
    monkeypatch.setattr(sql._Table, "_reflected", writes)
    (outcome,) = house.pull()
    code = {"sqlite": "sqlite_readonly", "postgresql": "sqlstate_25006", "mariadb": "mysql_1792"}[base.kind]
    assert outcome.state == "failed" and code in outcome.failure and len(base.held()) == 1, outcome.failure


def test_a_first_pull_may_begin_later_and_goes_on_where_it_stopped(
    house: House, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_ROWS", 2)
    base.table()
    base.put(*(at(-number) for number in range(1, 11)))
    source = base.settings()
    source["pull"]["max_minutes"] = 6 / 60
    house.sources = {"table": source}
    tick = house.fast.monotonic

    def slow() -> float:
        house.fast.ahead += 1
        return tick()

    house.fast.monotonic = slow  # type: ignore[method-assign]
    states = []
    while "whole" not in states and len(states) < 20:
        states.append(house.pull()[0].state)
    assert states[0] == "under_way" and states[-1] == "whole", states
    assert set(rows(house.home)) == base.held()
    assert rows(house.home).total() < 20, "each go began from the start"
    later = House(Home.at(house.home.root.parent / "later").create(), sources={"table": base.settings()})
    later.pull(since=at(-3))
    assert 3 <= len(rows(later.home)) <= 10
    base.put(at(0))
    later.later(hours=1)
    later.pull()
    assert f"{base.made - 1}/person{base.made - 1}@example.com" in rows(later.home)


@pytest.mark.parametrize("points", [pytest.param(12, id="short"), pytest.param(100, id="long", marks=pytest.mark.slow)])
# What a kill can undo is the place it had come to, which is kept alike of every database: in the short form that of one.
@pytest.mark.parametrize(
    "base", ["sqlite", *(pytest.param(*kind.values, marks=[*kind.marks, pytest.mark.slow]) for kind in BASES[1:])], indirect=True
)
@pytest.mark.parametrize("cursor", ["changed_at", None])
def test_a_kill_at_any_step_loses_nothing(
    house: House, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cursor: str | None, points: int
) -> None:
    monkeypatch.setattr(sql, "_ROWS", 2)
    monkeypatch.setattr(pulling, "_BUNDLE", 200)
    base.table()
    base.put(None, None, None, *(at(-number // 2) for number in range(9)))
    source = base.settings(cursor=cursor)
    steps = 64
    while killed_after(House(Home.at(tmp_path / f"probe{steps}").create(), sources={"table": source}).pull, steps, _COUNTED):
        steps *= 2
    rng, died = random.Random(SEED), 0
    for number in sorted(rng.sample(range(1, steps), min(points, steps - 1))):
        one = House(Home.at(tmp_path / f"killed{number}").create(), sources={"table": source})
        died += killed_after(one.pull, number, _COUNTED)
        if rng.random() < 0.5:
            collect(one.home, one.config, NOON)
        killed_after(one.pull, max(1, number // 2), _COUNTED)
        (outcome,) = one.pull()
        where = f"seed {SEED}, {base.kind}, killed at call {number}"
        assert outcome.state == "whole" and set(rows(one.home)) == base.held(), f"{where}: {outcome.failure}"
    assert died, "nothing was ever killed"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.integers(-47, 0)),  # hours: as late as the overlap allows
        st.tuples(st.just("comes"), st.integers(1, 9_000)),  # and by clocks that are ahead
        st.tuples(st.just("without"), st.just(0)),
        st.tuples(st.just("changes"), st.integers(0, 20)),
        st.tuples(st.just("killed"), st.integers(1, 300)),
        st.tuples(st.just("pulled"), st.just(0)),
        st.tuples(st.just("collected"), st.just(0)),
        st.tuples(st.just("passes"), st.integers(1, 30)),
    ),
    min_size=3,
    max_size=16,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_whatever_happens_every_row_that_a_whole_pull_met_has_come(steps: list[tuple[str, int]]) -> None:
    """The oracle is what the table held when a pull said that it was whole."""
    kept, sql._ROWS = sql._ROWS, 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "theirs.db").touch()
            base = Base(f"sqlite:///{folder}/theirs.db", "sqlite")
            base.table()
            house = House(Home.at(Path(folder) / "home").create(), sources={"table": base.settings()})
            met: set[str] = set()
            for step, number in [*steps, ("pulled", 0)]:
                if step == "comes":
                    base.put(house.now + timedelta(hours=number))
                elif step == "without":
                    base.put(None)
                elif step == "changes":
                    moment = base.said(house.now)
                    base.do("update asks set email = email || 'x', changed_at = :at where id = :id", at=moment, id=number)
                elif step == "killed":
                    killed_after(house.pull, number, _COUNTED)
                elif step == "collected":
                    collect(house.home, house.config, house.now)
                elif step == "passes":
                    house.later(hours=number)
                else:
                    (outcome,) = house.pull()
                    assert outcome.state == "whole", outcome.failure
                    met |= base.held()
                house.later(seconds=1)
            assert not met - set(rows(house.home)), f"lost: {met - set(rows(house.home))}"
            base.engine.dispose()
    finally:
        sql._ROWS = kept


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("no such table", {"table": "nowhere"}, "no such table, or none that may be read"),
        ("no such column", {"cursor": "updated"}, "no column updated. Allowed: id, action, email, changed_at"),
        ("no such file", {"url": "sqlite:////nowhere/people.db"}, "no such file"),
        ("a path from nowhere", {"url": "sqlite:///people.db"}, "a path that is not absolute"),
        ("another database", {"url": "oracle://host/people"}, "a oracle database. Allowed: postgresql, mariadb, mysql, sqlite"),
        ("no database", {"url": "mariadb://nobody@127.0.0.1:9"}, "no database in the URL"),
        ("a server that may read us", {"url": "mysql://nobody@127.0.0.1:9/people?local_infile=1"}, "Seen: local_infile"),
        ("no MariaDB", {"url": "mariadb://nobody@127.0.0.1:9/people", "timeout_seconds": 2}, "mysql_2003. Next step: check that"),
        ("no server", {"url": "postgresql://nobody@127.0.0.1:9/people", "timeout_seconds": 2}, "check that the database is up"),
        ("no URL", {"url": None, "url_env": "TABLE_URL"}, "TABLE_URL is not set"),
    ],
)
def test_what_stands_in_the_way_is_named(house: House, tmp_path: Path, case: str, change: dict[str, Any], said: str) -> None:
    (tmp_path / "people.db").touch()
    base = Base(f"sqlite:///{tmp_path}/people.db", "sqlite")
    base.table()
    house.sources = {"table": base.settings(**change)}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome.failure}"
    assert not (tmp_path / "nowhere.db").exists()


def test_a_password_in_a_url_is_never_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_URL", "postgresql://acme:swordfish@127.0.0.1:9/people")
    settings = {"kind": "sql", "url_env": "TABLE_URL", "table": "asks", "timeout_seconds": 2}
    house.sources = {"table": {"format": "requests", "pull": settings}}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "swordfish" not in outcome.failure and "acme" not in outcome.failure


def test_the_doctor_asks_and_takes_nothing(house: House, base: Base) -> None:
    base.table()
    base.put(at(-1))
    house.sources = {"table": base.settings()}
    found = [(item.level, item.said) for item in doctor(house.home, house.config, online=True) if item.topic == "sources"]
    assert found == [("ok", "table/asks answers")] and rows(house.home).total() == 0


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("no URL", {"url": None}, "needs exactly one of url and url_env"),
        ("two URLs", {"url_env": "TABLE_URL"}, "needs exactly one of url and url_env"),
        ("a password", {"url": "postgresql://acme:swordfish@host/people"}, "url holds a password"),
        ("no URL at all", {"url": "people.db"}, "is not a SQLAlchemy URL"),
        ("a format that is never JSON", {"format": "uk_tps"}, "rows arrive as JSON, which uk_tps is never read from"),
        ("a snapshot by a cursor", {"format": "contacts"}, "is a snapshot: read it whole"),
        ("an unknown key", {"tabel": "x"}, "did you mean table?"),
    ],
)
def test_what_is_configured_wrongly_is_told(house: House, case: str, change: dict[str, Any], said: str) -> None:
    source = Base("sqlite:////people.db", "sqlite").settings(**{key: value for key, value in change.items() if key != "format"})
    house.sources = {"table": {**source, "format": change.get("format", "requests")}}
    problems = pull_problems(house.config)
    assert len(problems) == 1 and said in problems[0], f"{case}: {problems}"
    assert "swordfish" not in problems[0]
