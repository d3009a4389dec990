"""The suppression table, in a SQLite file and in real PostgreSQL and MariaDB servers: the same rows, the same promises."""

from __future__ import annotations

import json
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError, TransientError
from orchestration.core.home import Home
from orchestration.destinations.contract import BatchRejected, Push, destination_for

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb)]


def config(**keys):
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    text = '[company]\nname = "Acme"\n[destinations.table]\nsystem = "sql_table"\nchannels = ["email"]\n' + "\n".join(lines)
    return parse_config(text, Home.at("/nowhere").config_file)


class Database(NamedTuple):
    """Settings for one fresh table, and an engine that looks at it from outside."""

    settings: dict[str, object]
    engine: sa.Engine
    schema: str | None
    kind: str

    def kept(self, moment: datetime) -> object:
        """A moment as it lies there."""
        if self.kind == "sqlite":
            return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
        return moment if self.kind == "postgres" else moment.replace(tzinfo=None)

    def of_others(self, moment: datetime) -> object:
        """As another program would write it there."""
        return f"{moment:%Y-%m-%dT%H:%M:%S}Z" if self.kind == "sqlite" else moment


def driven(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://").replace("mariadb://", "mysql+pymysql://")


@pytest.fixture(params=DATABASES)
def database(request, home, monkeypatch):
    if request.param == "sqlite":
        engine = sa.create_engine(f"sqlite:///{home.outbox / 'table' / 'suppression.db'}")
        yield Database({}, engine, None, "sqlite")
    else:
        url = request.getfixturevalue(request.param)
        monkeypatch.setenv("TEST_DATABASE_URL", url)
        engine = sa.create_engine(driven(url))
        settings = {"url_env": "TEST_DATABASE_URL", "schema": "marketing", "table": "do_not_contact"}
        yield Database(settings, engine, "marketing", request.param)
        with engine.begin() as con:
            con.execute(sa.text(f"drop schema if exists marketing {'cascade' if request.param == 'postgres' else ''}"))
    engine.dispose()


@pytest.fixture
def table(database, home, a_push):
    destination = destination_for("table", config(**database.settings), home)
    destination.open(a_push)
    yield destination
    destination.close()


def look(database, table, *columns: str) -> list[tuple]:
    with database.engine.connect() as con:
        chosen = [table.table.c[name] for name in columns]
        return [
            tuple(row) for row in con.execute(sa.select(*chosen).order_by(table.table.c.identifier, table.table.c.written_by))
        ]


def somebody_writes(database, table, **values) -> None:
    row = {"channel": "email", "identifier_type": "email", "scope": "*", "written_by": "callcenter"} | values
    with database.engine.begin() as con:
        con.execute(sa.insert(table.table).values(**row))


def read(table) -> list[dict]:
    return sorted((row for batch in table.read() for row in batch.to_pylist()), key=lambda row: (row["identifier"], row["ours"]))


def test_opening_and_reading_makes_nothing(database, table, home) -> None:
    assert read(table) == []
    if database.schema is None:
        assert not (home.outbox / "table").exists()
    else:
        assert not sa.inspect(database.engine).has_schema("marketing")


def test_a_put_is_merged_and_a_replay_changes_nothing(database, table, stream) -> None:
    rows = [{"identifier": f"{number}@example.com"} for number in range(10)]
    assert table.put(stream(*rows)).changed == 10
    assert table.put(stream(*rows)).changed == 0
    assert table.put(stream({"identifier": "3@example.com", "reason": "complaint"}, *rows[4:])).changed == 1
    assert [row[0] for row in look(database, table, "identifier")] == [row["identifier"] for row in rows]
    assert {(row[0], row[1]) for row in look(database, table, "identifier", "reason")} >= {
        ("3@example.com", "complaint"),
        ("4@example.com", "opt_out"),
    }
    assert set(look(database, table, "written_by", "version", "released_at", "identifier_hash")) >= {
        ("quietlist", 7, None, "hash of 3@example.com")
    }
    assert [(row["identifier"], row["ours"], row["scope"]) for row in read(table)] == [
        (row["identifier"], True, "*") for row in rows
    ]


def test_a_moment_is_kept_to_the_microsecond_in_utc(database, table, stream) -> None:
    moment = datetime(2026, 2, 1, 8, 30, 5, 123456, tzinfo=UTC)
    table.put(
        stream(
            {"identifier": "ann@example.com", "suppressed_since": moment},
            {"identifier": "bob@example.com", "suppressed_since": None},
        )
    )
    (ann,), (bob,) = look(database, table, "suppressed_since")
    assert ann == database.kept(moment) and bob is None


def test_awkward_text_arrives_as_it_is(database, table, stream) -> None:
    texts = [
        "a,b@example.com",
        'say"hi"@example.com',
        "o'brien@example.com",
        "tab\t@example.com",
        "two\nlines@example.com",
        "\\N@example.com",
        "ü@example.com",
    ]
    table.put(stream(*({"identifier": text, "reason": text, "region": None} for text in texts)))
    assert (
        {row[0] for row in look(database, table, "identifier")}
        == set(texts)
        == {row[0] for row in look(database, table, "reason")}
    )


def test_null_and_empty_stay_apart(database, table, stream) -> None:
    table.put(stream({"identifier": "ann@example.com", "reason": ""}, {"identifier": "bob@example.com", "reason": None}))
    assert look(database, table, "reason") == [("",), (None,)]


def test_a_release_is_a_mark_with_its_evidence_and_happens_once(database, table, stream, a_push) -> None:
    table.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    assert table.release(stream({"identifier": "ann@example.com", "evidence_id": "opt-in 9"})).changed == 1
    assert table.release(stream({"identifier": "ann@example.com", "evidence_id": "opt-in 10"})).changed == 0
    at = database.kept(a_push.as_of)
    assert look(database, table, "identifier", "released_at", "release_evidence") == [
        ("ann@example.com", at, "opt-in 9"),
        ("bob@example.com", None, None),
    ]
    assert [row["identifier"] for row in read(table)] == ["bob@example.com"]
    assert table.put(stream({"identifier": "ann@example.com"})).changed == 1, "a new opt-out puts it back in force"
    assert look(database, table, "released_at", "release_evidence")[0] == (None, None)


def test_rows_of_another_name_are_read_and_never_touched(database, table, stream) -> None:
    table.put(stream({"identifier": "ann@example.com"}))
    since = datetime(2026, 1, 5, 9, tzinfo=UTC)
    stored = database.of_others(since)
    somebody_writes(database, table, identifier="ann@example.com", reason="asked on the phone")
    somebody_writes(database, table, identifier=" Eve@Example.com ", suppressed_since=stored)
    before = [row for row in look(database, table, *table.table.columns.keys()) if "callcenter" in row]
    assert [(row["identifier"], row["ours"], row["since"]) for row in read(table)] == [
        ("ann@example.com", False, None),
        ("ann@example.com", True, None),
        ("eve@example.com", False, since),
    ]
    assert table.put(stream({"identifier": "ann@example.com", "reason": "complaint"})).changed == 1
    assert table.release(stream({"identifier": "ann@example.com"}, {"identifier": " Eve@Example.com "})).changed == 1
    assert [row for row in look(database, table, *table.table.columns.keys()) if "callcenter" in row] == before


def test_a_failed_batch_leaves_nothing_behind(database, table, stream) -> None:
    table.put(stream({"identifier": "ann@example.com"}))
    with pytest.raises(BatchRejected) as caught:
        table.put(stream({"identifier": "bob@example.com"}, {"identifier": "eve@example.com", "scope": None}))
    assert "example.com" not in str(caught.value) and caught.value.__suppress_context__
    assert [row[0] for row in look(database, table, "identifier")] == ["ann@example.com"]
    assert table.put(stream({"identifier": "bob@example.com"})).changed == 1, "and the next one goes through"


def test_a_table_that_lacks_columns_is_refused_and_more_columns_do_no_harm(database, home, a_push, stream) -> None:
    settings, engine, schema, _ = database
    (home.outbox / "table").mkdir()
    name = settings.get("table", "suppression")
    with engine.begin() as con:
        if schema:
            con.execute(sa.schema.CreateSchema(schema))
        con.execute(sa.text(f"create table {schema + '.' if schema else ''}{name} (channel text, identifier text)"))
    found = destination_for("table", config(**settings), home)
    with pytest.raises(ConfigError, match="without identifier_type, scope, written_by"):
        found.open(a_push)
    with engine.begin() as con:
        con.execute(sa.text(f"drop table {schema + '.' if schema else ''}{name}"))
        found.table.create(con)
        con.execute(sa.text(f"alter table {schema + '.' if schema else ''}{name} add column note text"))
    found.open(a_push)
    assert found.put(stream({"identifier": "ann@example.com"})).changed == 1


ALIKE = [
    "ann@example.com", "Ann@example.com", "ANN@EXAMPLE.COM", "ann@example.com ", "ann@example.com  ", "ann@example.com\t",
    "änn@example.com", "a\u0308nn@example.com", "strasse@example.com", "straße@example.com", "ı@example.com", "i@example.com",
    "\U0001f642@example.com", "\U0001f643@example.com", "ａnn@example.com", "ann@example.com\u00a0", "ﬁ@example.com",
    "fi@example.com",
]  # fmt: skip


def test_no_two_identifiers_are_one_row_however_alike(database, table, stream) -> None:
    assert table.put(stream(*({"identifier": text} for text in ALIKE))).changed == len(ALIKE)
    assert {row[0] for row in look(database, table, "identifier")} == set(ALIKE)
    assert {row["identifier"] for row in read(table)} == set(ALIKE), "our own rows come back as they are"
    assert table.put(stream({"identifier": ALIKE[1], "reason": "Opt_Out"})).changed == 1, "also a word that differs in a capital"
    assert table.release(stream({"identifier": ALIKE[0]})).changed == 1
    assert {row["identifier"] for row in read(table)} == set(ALIKE[1:]), "one person is released, and nobody who looks alike"
    assert table.put(stream({"identifier": ALIKE[0]})).changed == 1


def test_scopes_and_writers_that_look_alike_are_others(database, table, stream) -> None:
    table.put(stream({"identifier": "ann@example.com", "scope": "acme"}, {"identifier": "ann@example.com", "scope": "acmé"}))
    somebody_writes(database, table, identifier="ann@example.com", scope="acme", written_by="Quietlist")
    somebody_writes(database, table, identifier="ann@example.com", scope="acme", written_by="quietlist ")
    assert [row["ours"] for row in read(table)] == [False, False, True, True]
    assert table.release(stream({"identifier": "ann@example.com", "scope": "acme"})).changed == 1
    assert [row["ours"] for row in read(table)] == [False, False, True]


@pytest.mark.mariadb
@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_unicode_nopad_ci"])
def test_a_table_that_takes_two_people_for_one_is_refused(mariadb, monkeypatch, home, a_push, stream, collation) -> None:
    """``utf8mb4_bin`` tells capitals apart, and takes a blank at the end for nothing."""
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb)
    table = destination_for("table", config(url_env="TEST_DATABASE_URL", table="loose"), home)
    table.open(a_push)
    table.put(stream({"identifier": "ann@example.com"}))
    engine = sa.create_engine(driven(mariadb))
    with engine.begin() as con:
        con.execute(sa.text(f"alter table loose modify identifier varchar(400) collate {collation} not null"))
    with pytest.raises(ConfigError, match=r"another collation of identifier: .*would be one row.*alter these columns"):
        table.open(a_push)
    with engine.begin() as con:
        con.execute(sa.text("drop table loose"))
    engine.dispose()


@pytest.mark.mariadb
def test_a_key_of_their_own_on_the_table_lets_nothing_be_written_over(mariadb, monkeypatch, home, a_push, stream) -> None:
    """``on duplicate key update`` would take the call centre's row for ours."""
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb)
    table = destination_for("table", config(url_env="TEST_DATABASE_URL", table="keyed"), home)
    table.open(a_push)
    table.put(stream({"identifier": "bob@example.com"}))
    engine = sa.create_engine(driven(mariadb))
    with engine.begin() as con:
        con.execute(sa.text("alter table keyed add unique (identifier)"))
        con.execute(
            sa.text(
                "insert into keyed (channel, identifier_type, identifier, scope, written_by, reason) "
                "values ('email', 'email', 'ann@example.com', '*', 'callcenter', 'on the phone')"
            )
        )
    with pytest.raises(BatchRejected) as caught:
        table.put(stream({"identifier": "ann@example.com"}))
    assert caught.value.code == "mysql_1062" and "example.com" not in str(caught.value)
    with engine.begin() as con:
        rows = con.execute(sa.text("select written_by, reason from keyed where identifier = 'ann@example.com'")).fetchall()
        assert [tuple(row) for row in rows] == [("callcenter", "on the phone")]
        con.execute(sa.text("drop table keyed"))
    engine.dispose()


@pytest.mark.mariadb
def test_an_identifier_too_long_for_the_index_is_its_own_fault_and_is_not_cut(mariadb, monkeypatch, home, a_push, stream) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb)
    table = destination_for("table", config(url_env="TEST_DATABASE_URL", table="bounded"), home)
    table.open(a_push)
    assert table.put(stream({"identifier": "x" * 480})).changed == 1
    with pytest.raises(BatchRejected) as caught:
        table.put(stream({"identifier": "x" * 481}))
    assert caught.value.code == "mysql_1406" and [row["identifier"] for row in read(table)] == ["x" * 480]


@pytest.mark.mariadb
def test_a_mariadb_that_is_away_locked_or_shut_is_told_apart(mariadb, monkeypatch, home, a_push, stream) -> None:
    settings = {"url_env": "TEST_DATABASE_URL", "table": "guarded", "timeout_seconds": 2}
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb.replace("ql-my-", "nowhere-"))
    with pytest.raises(TransientError, match="mysql_2003") as caught:
        destination_for("table", config(**settings), home).open(a_push)
    assert "nowhere" not in str(caught.value), "the URL is not repeated"
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb)
    owner = destination_for("table", config(**settings), home)
    owner.open(a_push)
    owner.put(stream({"identifier": "ann@example.com"}))
    engine = sa.create_engine(driven(mariadb))
    with engine.connect() as con:
        con.execute(sa.text("select * from guarded for update"))
        with pytest.raises(TransientError, match="mysql_1205"):
            owner.put(stream({"identifier": "ann@example.com", "reason": "complaint"}))
        con.rollback()
        con.execute(sa.text("create user reader identified by 'swordfish'"))
        con.execute(sa.text("grant select, create temporary tables on lists.* to reader"))
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb.replace("root@", "reader:wrong@"))
    with pytest.raises(PermanentError, match="mysql_1045") as caught:
        destination_for("table", config(**settings), home).open(a_push)
    assert "wrong" not in str(caught.value).replace("what is wrong", "")
    monkeypatch.setenv("TEST_DATABASE_URL", mariadb.replace("root@", "reader:swordfish@"))
    reader = destination_for("table", config(**settings), home)
    reader.open(a_push)
    assert len(read(reader)) == 1
    with pytest.raises(PermanentError, match="mysql_1142"):
        reader.put(stream({"identifier": "bob@example.com"}))
    with engine.begin() as con:
        con.execute(sa.text("drop user reader"))
        con.execute(sa.text("drop table guarded"))
    engine.dispose()


@pytest.mark.postgres
def test_a_value_that_postgres_cannot_store_is_that_rows_fault(postgres, monkeypatch, home, a_push, stream) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres)
    table = destination_for("table", config(url_env="TEST_DATABASE_URL", table="nul"), home)
    table.open(a_push)
    with pytest.raises(BatchRejected) as caught:
        table.put(stream({"identifier": "ann@example.com", "reason": "nul \x00 byte"}))
    assert caught.value.code == "sqlstate_22021"


@pytest.mark.postgres
def test_a_server_that_is_away_is_worth_another_try(postgres, monkeypatch, home, a_push) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres.replace("ql-pg-", "nowhere-"))
    with pytest.raises(TransientError) as caught:
        destination_for("table", config(url_env="TEST_DATABASE_URL"), home).open(a_push)
    assert "nowhere" not in str(caught.value), "the URL is not repeated"


@pytest.mark.postgres
def test_a_missing_right_is_not(postgres, monkeypatch, home, a_push, stream) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgres)
    owner = destination_for("table", config(url_env="TEST_DATABASE_URL", table="guarded"), home)
    owner.open(a_push)
    owner.put(stream({"identifier": "ann@example.com"}))
    engine = sa.create_engine(postgres.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as con:
        con.execute(sa.text("create role reader login; grant select on guarded to reader"))
    engine.dispose()
    monkeypatch.setenv("TEST_DATABASE_URL", postgres.replace("quietlist@", "reader@"))
    reader = destination_for("table", config(url_env="TEST_DATABASE_URL", table="guarded"), home)
    reader.open(a_push)
    assert len(read(reader)) == 1
    with pytest.raises(PermanentError, match="sqlstate_42501"):
        reader.put(stream({"identifier": "bob@example.com"}))


def test_a_locked_sqlite_file_is_worth_another_try(home, a_push, stream) -> None:
    table = destination_for("table", config(timeout_seconds=1), home)
    table.open(a_push)
    table.put(stream({"identifier": "ann@example.com"}))
    engine = sa.create_engine(f"sqlite:///{home.outbox / 'table' / 'suppression.db'}")
    with engine.connect() as con:
        con.exec_driver_sql("begin exclusive")
        with pytest.raises(TransientError, match="sqlite_busy"):
            table.put(stream({"identifier": "bob@example.com"}))
    engine.dispose()
    assert table.put(stream({"identifier": "bob@example.com"})).changed == 1


@pytest.mark.parametrize(("kind", "driver"), [("postgresql", "psycopg"), ("mariadb", "pymysql")])
def test_a_server_that_lets_nobody_in_and_says_nothing_does_not_hold_the_run(home, a_push, monkeypatch, kind, driver) -> None:
    pytest.importorskip(driver, reason=f"the driver for {kind} is not installed (pip install 'quietlist[postgres,mariadb]')")
    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel takes the connection; nobody ever answers
        monkeypatch.setenv("SILENT_URL", f"{kind}://quietlist@127.0.0.1:{server.getsockname()[1]}/list")
        table = destination_for("table", config(url_env="SILENT_URL", timeout_seconds=1), home)
        with pytest.raises(TransientError):
            table.open(a_push)


def test_the_sqlite_file_is_its_owners_alone(home, a_push, stream) -> None:
    table = destination_for("table", config(url="sqlite:///outbox/elsewhere.db"), home)
    table.open(a_push)
    table.put(stream({"identifier": "ann@example.com"}))
    assert (home.outbox / "elsewhere.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"url": "oracle://host/db"}, "a oracle database"),
        ({"url": "mariadb://host"}, "no database in the URL"),
        ({"url": "mysql://host/db?local_infile=1"}, "local_infile"),
        ({"url": "mysql://me@host/db?passwd=hidden"}, "holds a password"),
        ({"url": "sqlite://"}, "without a plain file"),
        ({"url": "not a url"}, "is not a SQLAlchemy URL"),
        ({"url": "postgresql://me:hidden@host/db"}, "holds a password"),
        ({"url": "postgresql://host/db?password=hidden"}, "holds a password"),
        ({"url": "sqlite:///x.db", "url_env": "X_URL"}, "exclude each other"),
        ({"schema": "marketing"}, "only with PostgreSQL or MariaDB"),
        ({"table": "x; drop table y"}, "lower-case letters"),
        ({"url_env": "UNSET_URL"}, "UNSET_URL is not set"),
        ({"colour": "blue"}, "unknown key"),
    ],
)
def test_wrong_settings_are_refused_without_showing_a_secret(home, monkeypatch, keys, complaint) -> None:
    monkeypatch.delenv("UNSET_URL", raising=False)
    with pytest.raises(ConfigError, match=complaint) as caught:
        destination_for("table", config(**keys), home)
    assert "hidden" not in str(caught.value)


def test_a_destination_that_was_not_opened_writes_nothing(home, stream) -> None:
    table = destination_for("table", config(), home)
    with pytest.raises(PermanentError, match="not open"):
        table.put(stream({"identifier": "ann@example.com"}))
    assert Push(version=1, run=1, as_of=datetime(2026, 1, 1, tzinfo=UTC)).run == 1 and not (home.outbox / "table").exists()


HOSTILE_KEYS = {
    "no identifier": {"identifier": None},
    "no channel": {"channel": None},
    "no type": {"identifier_type": None},
    "no scope": {"scope": None},
    "a text longer than any key": {"identifier": "x" * 5_000},
}
# Where a text has a bound nobody can write a longer one.
NOT_THERE = {"mariadb": {"a text longer than any key"}}
HOSTILE_MOMENTS = {
    "sqlite": [
        "infinity",
        "-infinity",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01",
        "soon",
        "\u2028",
    ],
    "postgres": ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "9999-12-31 23:59:59-14", "294276-12-31 23:59:59+00"],
    "mariadb": ["0000-00-00 00:00:00", "2026-00-00 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "soon"],
}


def a_table_without_rules(database, table) -> str:
    """The same columns, and nothing that keeps others from writing what they like. Its name in SQL."""
    _, engine, schema, _ = database
    name = f"{schema}.do_not_contact" if schema else "suppression"
    if not schema:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as con:
        if schema:
            con.execute(sa.text(f"create schema if not exists {schema}"))
        columns = ", ".join(f"{column.name} {column.type.compile(con.dialect)}" for column in table.table.columns)
        con.execute(sa.text(f"create table {name} ({columns})"))
    return name


def test_a_row_of_others_that_makes_no_sense_ends_no_read(database, table) -> None:
    a_table_without_rules(database, table)
    somebody_writes(database, table, identifier="Good@Example.com ")
    hostile = [values for case, values in HOSTILE_KEYS.items() if case not in NOT_THERE.get(database.kind, ())]
    for values in hostile:
        somebody_writes(database, table, **{"identifier": "bad@example.com", **values})
    somebody_writes(database, table, identifier="good@example.com", written_by=None)  # a duplicate, of nobody
    somebody_writes(database, table, identifier=None, written_by="quietlist")
    rows = [row for batch in table.read() for row in batch.to_pylist()]
    assert len(rows) == 3 + len(hostile), "every row is handed over, so that what makes no sense is counted"
    good = [row for row in rows if None not in (row["channel"], row["identifier_type"], row["identifier"], row["scope"])]
    assert {row["identifier"] for row in good} == {"good@example.com"} and len(good) == 2


def test_a_moment_of_others_that_is_none_ends_no_read(database, table, stream) -> None:
    table.put(stream({"identifier": "ours@example.com"}))
    kind = database.kind
    name = "marketing.do_not_contact" if database.schema else "suppression"
    for number, moment in enumerate(HOSTILE_MOMENTS[kind]):
        with database.engine.begin() as con:
            if kind == "mariadb":
                con.execute(sa.text("set session sql_mode = ''"))  # as an old program has it
            con.execute(
                sa.text(
                    f"insert into {name} (channel, identifier_type, identifier, scope, written_by, suppressed_since, written_at) "
                    "values ('email', 'email', :who, '*', 'callcenter', :moment, :moment)"
                ),
                {"who": f"{number}@example.com", "moment": moment},
            )
    somebody_writes(
        database,
        table,
        identifier="when@example.com",
        suppressed_since=database.of_others(datetime(2026, 1, 2, tzinfo=UTC)),
    )
    since = {row["identifier"]: row["since"] for row in read(table)}
    assert since.pop("when@example.com") == datetime(2026, 1, 2, tzinfo=UTC)
    assert set(since.values()) == {None} and len(since) == 1 + len(HOSTILE_MOMENTS[kind]), since
    assert table.put(stream({"identifier": "later@example.com"})).changed == 1, "everybody else goes on"


def test_any_bytes_in_a_sqlite_text_end_no_read(home, a_push, stream) -> None:
    table = destination_for("table", config(), home)
    table.open(a_push)
    table.put(stream({"identifier": "ours@example.com"}))
    with sqlite3.connect(home.outbox / "table" / "suppression.db") as con:
        for identifier in (
            "cast(x'ff40fe' as text)",
            "x'0001ff'",
            "'nul' || char(0) || '@example.com'",
            "4711",
            "'fine@example.com'",
        ):
            con.execute(
                "insert into suppression (channel, identifier_type, identifier, scope, written_by) "
                f"values ('email', 'email', {identifier}, '*', 'callcenter')"
            )
    con.close()
    found = [row["identifier"] for batch in table.read() for row in batch.to_pylist() if not row["ours"]]
    assert sorted(found, key=str) == ["4711", None, None, None, "fine@example.com"]
    table.close()
