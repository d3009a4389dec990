"""A suppression table in a database: PostgreSQL, MariaDB, MySQL, or a SQLite file that needs no server.

The layout is documented here and made if it is missing (:func:`layout`). ``written_by`` is part of the key: whoever else
keeps rows in the table says so in their own name, and nothing here ever touches a row of another name. A row is in
force while ``released_at`` is null, whoever wrote it:

    select distinct identifier from suppression where channel = 'email' and released_at is null

Rows are never deleted. A release sets ``released_at`` and the id of the evidence, which is also added to ``spent_evidence``
and stays there: it releases that row once. ``home_id`` and ``push_id`` say which home wrote a row last, and by which of its
pushes. What other names write is read back and ingested as opt-outs.

MariaDB and MySQL compare texts by a language's rules unless they are told not to: ``Ann@example.com``, ``ann@example.com`` and
``ann@example.com`` with a blank behind it would be one row, and so would two names that differ in an accent. So the columns of
the key are made with a collation that compares every letter and every blank (``utf8mb4_nopad_bin``, on MySQL
``utf8mb4_0900_bin``), and a table whose key columns have another one is refused. There an identifier has at most 480
characters: an index holds no more. The tests ask a MariaDB server; for MySQL (8.0.17 and later) the statements are the same,
and its collation is from its manual.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from pydantic import Field, ValidationInfo, field_validator, model_validator
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import make_url

from orchestration.core.config import CHANNELS
from orchestration.core.credentials import secret
from orchestration.core.databases import MYSQLS, fault_of, mysql_session
from orchestration.core.errors import ConfigError, OutOfRoom, PermanentError, TransientError
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER
from orchestration.core.room import NEXT_STEP, full
from orchestration.destinations.contract import (
    IDENTIFIER_TYPES,
    KEY,
    BatchRejected,
    DestinationSettings,
    Facts,
    Outcome,
    Place,
    Push,
    ReadBack,
)

FACTS = Facts(
    system="sql_table",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.FULL,
    batch_size=100_000,  # one transaction each: some seconds of locks, some tens of MB staged
    mapping_version=2,  # rows say which home and which push wrote them
)

WRITER = "quietlist"
_LONGEST_KEY = 1_000  # characters; an address has 254 at most, a postal key some hundred
# What people type for "since ever" and "for ever". Nobody was on a list of ours before the first of them was kept by machine.
_FIRST_YEAR, _NEVER = 1970, 9999
_READ_ROWS = 50_000  # rows fetched at a time while reading back: some ten MB as Python values
_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")  # what PostgreSQL takes without quotes, and no more than its 63 bytes
# What libpq opens on this machine because a URL says so; "system" is its word for the machine's own certificates.
_FILES_IN_URLS = (
    *("passfile", "servicefile", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslrootcert"),
    *("read_default_file", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_key"),  # and the driver for MariaDB
)

# A SQLite file, or its folder, that cannot be written to.
_SHUT = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")

_MARIADB_EXACT, _MYSQL_EXACT = "utf8mb4_nopad_bin", "utf8mb4_0900_bin"
# Characters in the key there: together the 3,072 bytes that an index takes, at four bytes each.
_LONGEST_THERE = {"channel": 20, "identifier_type": 20, "identifier": 480, "scope": 200, "written_by": 40}
_ROWS_THERE = 20_000  # in one transaction: the driver writes each row as text, and the server must answer within the time-out

# A moment is kept as text in SQLite, which has no type for it: ISO 8601 in UTC, so that it sorts. MariaDB keeps one without a
# zone, to the second unless told: it is UTC.
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite").with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

_TEXT_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
_ARROW_MOMENT = pa.timestamp("us", tz="UTC")

# Added to a table that an earlier version made, by the first push that writes to it.
_ADDED = ("home_id", "push_id", "spent_evidence")

# What a row says beside its key; a change in one of them is written again.
_SAID = ("identifier_hash", "reason", "suppressed_since")
# And what every row that a push writes says of it.
_MARKS = ("written_by", "version", "written_at", "home_id", "push_id")


class _Exact(sa.types.TypeDecorator[str]):
    """A text that equals no other, whatever the server's language."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, longest: int | None = None) -> None:
        super().__init__()
        self.longest = longest
        """Characters, where a text in a key must have a bound."""

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name not in MYSQLS:
            return dialect.type_descriptor(sa.Text())
        exact = _MARIADB_EXACT if getattr(dialect, "is_mariadb", False) else _MYSQL_EXACT
        if self.longest is None:
            return dialect.type_descriptor(mysql.TEXT(charset="utf8mb4", collation=exact))
        return dialect.type_descriptor(mysql.VARCHAR(self.longest, charset="utf8mb4", collation=exact))


class Settings(DestinationSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    url_env: str = ""
    """Name of the environment variable that holds the SQLAlchemy URL, as any URL with a password must."""
    url: str = ""
    """A URL without a password. With neither: a SQLite file in ``outbox/<name>/``."""
    schema_name: str = Field(default="", alias="schema")
    """Schema of PostgreSQL, or database of MariaDB; made if missing. Default: the connection's own."""
    table: str = "suppression"
    timeout_seconds: int = Field(default=30, ge=1, le=600)
    """How long a server may take to let us in, or another writer of a SQLite file to let go of it, before the push's own
    pauses and attempts begin. Without it a server that accepts and says nothing would hold the run for ever."""

    @field_validator("schema_name", "table")
    @classmethod
    def _check_name(cls, name: str, info: ValidationInfo) -> str:
        if (name or info.field_name == "table") and not _NAME.match(name):
            raise ValueError("a name is lower-case letters, digits and _, at most 63")
        return name

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not url:
            return url
        try:
            parsed = make_url(url)
        except sa.exc.ArgumentError:
            raise ValueError("is not a SQLAlchemy URL such as sqlite:///list.db") from None
        if parsed.password or {"password", "passwd"} & set(parsed.query):
            raise ValueError("holds a password: put the URL into an environment variable and name it in url_env")
        return url

    @model_validator(mode="after")
    def _one_url(self) -> Settings:
        if self.url and self.url_env:
            raise ValueError("url and url_env exclude each other")
        return self

    def paths(self, place: Place) -> list[tuple[str, Path]]:
        key = "url_env" if self.url_env else "url"
        try:
            url = make_url(os.environ.get(self.url_env, "") if self.url_env else self.url)
        except sa.exc.ArgumentError:
            return []  # nothing to open; connecting says what is wrong with it
        named = [url.query[name] for name in _FILES_IN_URLS if name in url.query]
        if url.get_backend_name() == "sqlite" and url.database:
            named.append(url.database)
        files = [text for texts in named for text in ([texts] if isinstance(texts, str) else texts) if text != "system"]
        paths = [(place.home.root / Path(text).expanduser()).resolve() for text in files]
        return [(key, path) for path in paths]


def layout(table: str, schema: str | None = None) -> sa.Table:
    """The table as it is made, and as it must be if it is there already (more columns do no harm)."""
    key: list[sa.Column[Any]] = [sa.Column(name, _Exact(_LONGEST_THERE[name]), primary_key=True) for name in (*KEY, "written_by")]
    return sa.Table(
        table,
        sa.MetaData(schema=schema),
        *key,
        sa.Column("identifier_hash", _Exact()),
        sa.Column("reason", _Exact()),
        sa.Column("suppressed_since", _MOMENT),
        sa.Column("released_at", _MOMENT),
        sa.Column("release_evidence", _Exact()),
        sa.Column("version", sa.BigInteger()),
        sa.Column("written_at", _MOMENT),
        *(sa.Column(name, _Exact()) for name in _ADDED),
    )


def connect(place: Place, settings: Settings) -> SqlTable:
    """The destination for one configured table."""
    text = settings.url
    if settings.url_env:
        text = secret(settings.url_env, f"[destinations.{place.name}] url").get_secret_value()
    tried = f"Reading the database URL of [destinations.{place.name}]"
    try:
        url = make_url(text or "sqlite:///" + str(place.home.outbox / place.name / "suppression.db"))
    except sa.exc.ArgumentError:
        raise ConfigError(
            tried, seen="no SQLAlchemy URL", allowed="postgresql://..., mariadb://..., mysql://... or sqlite:///..."
        ) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    elif backend in MYSQLS:
        if not url.database and not settings.schema_name:
            raise ConfigError(
                tried, seen="no database in the URL", allowed="mariadb://user@host/database, or schema in quietlist.toml"
            )
        if "local_infile" in url.query:  # lets the server ask for any file of this machine
            raise ConfigError(tried, seen="local_infile", allowed="a URL without it")
        url = url.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"})
    elif backend == "sqlite":
        if settings.schema_name:
            raise ConfigError(tried, seen="a schema for a SQLite file", allowed="schema only with PostgreSQL or MariaDB")
        if not url.database or url.database == ":memory:" or url.query:
            raise ConfigError(tried, seen="a SQLite URL without a plain file", allowed="sqlite:///<file>")
        url = url.set(drivername="sqlite", database=str((place.home.root / url.database).resolve()))
    else:
        raise ConfigError(tried, seen=f"a {backend} database", allowed="postgresql, mariadb, mysql, sqlite")
    return SqlTable(url, layout(settings.table, settings.schema_name or None), settings.timeout_seconds)


class SqlTable:
    """One table, reached by one URL."""

    carries = _SAID

    def __init__(self, url: sa.URL, table: sa.Table, timeout_seconds: int = 30) -> None:
        self.table = table
        self._sqlite = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self._is_mysql = url.get_backend_name() in MYSQLS
        self.facts = replace(FACTS, batch_size=_ROWS_THERE) if self._is_mysql else FACTS
        self._timeout = timeout_seconds
        waits = {"timeout" if self._sqlite else "connect_timeout": timeout_seconds}
        if self._is_mysql:  # its connect_timeout is for the network alone: what comes first must be bounded too
            waits |= {"read_timeout": timeout_seconds, "write_timeout": timeout_seconds}
        try:
            self._engine = sa.create_engine(
                url,
                poolclass=sa.NullPool,  # pushes are rare and long apart: a kept connection would only grow stale
                hide_parameters=True,  # an error's text would quote the rows
                connect_args=waits,
            )
        except ModuleNotFoundError:
            what, driver, extra = ("MariaDB", "PyMySQL", "mariadb") if self._is_mysql else ("PostgreSQL", "psycopg", "postgres")
            raise ConfigError(
                f"Connecting to {what}", seen=f"{driver} is not installed", next_step=f"pip install 'quietlist[{extra}]'"
            ) from None
        sa.event.listen(self._engine, "connect", self._forgiving)
        self._push: Push | None = None

    def _forgiving(self, driver: Any, _: object) -> None:
        """A connection on which a text or moment that somebody else wrote ends no read, and nothing is cut to fit."""
        if self._sqlite is not None:
            # SQLite keeps any bytes as a text; what is no UTF-8 is told apart by its U+FFFD.
            driver.text_factory = lambda data: data.decode("utf-8", "replace")
            return
        settings = mysql_session(self._timeout) if self._is_mysql else "set datestyle = 'ISO, YMD'"
        with driver.cursor() as cursor:
            cursor.execute(settings)
        driver.commit()

    def open(self, push: Push) -> None:
        """Check the layout of a table that is there already. Makes nothing."""
        self._push = push
        with self._connection() as con:
            if con is not None and (lacks := [name for name in self._lacks(con) if name not in _ADDED]):
                raise ConfigError(
                    f"Opening the table {self.table.fullname}",
                    seen=f"it exists, without {', '.join(lacks)}",
                    allowed=", ".join(self.table.columns.keys()),
                    next_step="add the columns, or name another table",
                )
            if con is not None and (loose := self._loose(con)):
                raise ConfigError(
                    f"Opening the table {self.table.fullname}",
                    seen=f"another collation of {', '.join(loose)}: two people whose addresses differ in a capital or a blank "
                    "would be one row",
                    allowed=f"{_MARIADB_EXACT}, and on MySQL {_MYSQL_EXACT}",
                    next_step="alter these columns, or name another table",
                )

    def close(self) -> None:
        self._push = None
        self._engine.dispose()

    def read(self) -> Iterator[pa.RecordBatch]:
        """Every row in force, whoever wrote it."""
        names = (*KEY, "written_by", "suppressed_since", "written_at", "push_id", "spent_evidence")
        with self._connection() as con:
            if con is None or not self._exists(con):
                return
            lacks = self._lacks(con)
            columns = [sa.null().label(name) if name in lacks else self._readable(name) for name in names]
            found = con.execution_options(yield_per=_READ_ROWS).execute(
                sa.select(*columns).where(self.table.c.released_at.is_(None))
            )
            for part in found.partitions():
                channel, kind, identifier, scope, writer, since, written, push, spent = zip(*part, strict=True)
                ours = [name == WRITER for name in writer]
                yield pa.record_batch(
                    {
                        "channel": _texts(channel),
                        "identifier_type": _texts(kind),
                        # Others type as they like; what differs only in case or blanks is one address.
                        "identifier": _texts(
                            text if own or not isinstance(text, str) else text.strip().lower()
                            for text, own in zip(identifier, ours, strict=True)
                        ),
                        "scope": _texts(scope),
                        "ours": pa.array(ours, pa.bool_()),
                        "since": pa.array(
                            [None if own else _moment(at) for at, own in zip(since, ours, strict=True)], _ARROW_MOMENT
                        ),
                        "written_at": pa.array(
                            [_moment(at) if own else None for at, own in zip(written, ours, strict=True)], _ARROW_MOMENT
                        ),
                        "push": _texts(push),
                        "spent": _texts(spent),
                    }
                )

    def _readable(self, name: str) -> sa.ColumnElement[Any]:
        """A column as it can be read whatever others put there: PostgreSQL's driver refuses a whole result for one moment that
        Python has no value for (``infinity``, a year before 1 or past 9999), so a moment is asked for as text.
        """
        column = self.table.c[name]
        return sa.cast(column, sa.Text()).label(name) if self._sqlite is None and isinstance(column.type, sa.DateTime) else column

    def writers(self) -> list[tuple[str, str]]:
        """The pushes whose rows are there, released ones too."""
        with self._connection() as con:
            if con is None or not self._exists(con) or set(_ADDED) & set(self._lacks(con)):
                return []
            found = con.execute(
                sa.select(self.table.c.push_id, self.table.c.home_id)
                .where(self.table.c.written_by == WRITER, self.table.c.push_id.is_not(None))
                .distinct()
            )
            return [(str(push), str(home or "")) for push, home in found]

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        """Stage the rows and merge them in one transaction. A row that says the same already is not touched."""
        push = self._opened()
        with self._transaction() as con:
            self._make(con)
            names = [*KEY, *_SAID]
            with self._staged(con, rows, names) as stage:
                if self._is_mysql:
                    return Outcome(changed=self._merged(con, stage, push))
                insert = (postgresql.insert if self._sqlite is None else sqlite.insert)(self.table)
                merge = insert.from_select(
                    [*names, *_MARKS],
                    # SQLite cannot tell a join's ON from ON CONFLICT without a WHERE
                    sa.select(*(stage.c[name] for name in names), *self._marks(push).values()).where(sa.true()),
                )
                merge = merge.on_conflict_do_update(
                    index_elements=[self.table.c[name] for name in (*KEY, "written_by")],
                    set_={
                        **{name: merge.excluded[name] for name in (*_SAID, *_MARKS[1:])},
                        "released_at": sa.null(),
                        "release_evidence": sa.null(),
                    },
                    where=sa.or_(
                        self.table.c.released_at.is_not(None),
                        self.table.c.push_id.is_(None),  # of before rows were marked
                        *(self.table.c[name].is_distinct_from(merge.excluded[name]) for name in _SAID),
                    ),
                )
                return Outcome(changed=con.execute(merge, execution_options={"preserve_rowcount": True}).rowcount)

    def _merged(self, con: sa.Connection, stage: sa.Table, push: Push) -> int:
        """Where there is no ON CONFLICT for one key: its like there, ON DUPLICATE KEY, also takes any other unique key that
        somebody gave the table, and would write our words over another's row.
        """
        names, marks = [*KEY, *_SAID], self._marks(push)
        is_same = [self.table.c[name] == stage.c[name] for name in KEY]
        is_ours = self.table.c.written_by == WRITER
        update = (
            sa.update(self.table)
            .values(
                {
                    **{name: stage.c[name] for name in _SAID},
                    **{name: value for name, value in marks.items() if name != "written_by"},
                    "released_at": sa.null(),
                    "release_evidence": sa.null(),
                }
            )
            .where(*is_same, is_ours)
            .where(
                sa.or_(
                    self.table.c.released_at.is_not(None),
                    self.table.c.push_id.is_(None),
                    *(self.table.c[name].is_distinct_from(stage.c[name]) for name in _SAID),
                )
            )
        )
        insert = sa.insert(self.table).from_select(
            [*names, *_MARKS],
            sa.select(*(stage.c[name] for name in names), *marks.values())
            .select_from(stage.outerjoin(self.table, sa.and_(*is_same, is_ours)))
            .where(self.table.c.written_by.is_(None)),
        )
        return sum(con.execute(merge, execution_options={"preserve_rowcount": True}).rowcount for merge in (update, insert))

    def _marks(self, push: Push) -> dict[str, sa.ColumnElement[Any]]:
        """What every row that this push writes has in common."""
        return {
            "written_by": sa.literal(WRITER),
            "version": sa.literal(push.version, sa.BigInteger()),
            "written_at": self._at(push),
            "home_id": sa.literal(push.home),
            "push_id": sa.literal(push.id),
        }

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        """Mark these rows of ours as released, with their evidence."""
        push = self._opened()
        with self._transaction() as con, self._staged(con, rows, [*KEY, "evidence_id"]) as stage:
            self._make(con)
            update = (
                sa.update(self.table)
                .values(
                    released_at=self._at(push),
                    release_evidence=stage.c.evidence_id,
                    spent_evidence=sa.func.coalesce(self.table.c.spent_evidence + "\n", "") + stage.c.evidence_id,
                    home_id=push.home,
                    push_id=push.id,
                )
                .where(*(self.table.c[name] == stage.c[name] for name in KEY))
                .where(self.table.c.written_by == WRITER, self.table.c.released_at.is_(None))
            )
            return Outcome(changed=con.execute(update).rowcount)

    def _opened(self) -> Push:
        if self._push is None:
            raise PermanentError(
                f"Writing to {self.table.fullname}", seen="the destination is not open", next_step="call open first"
            )
        return self._push

    def _at(self, push: Push) -> sa.ColumnElement[Any]:
        utc = push.as_of.astimezone(UTC)
        return sa.literal(utc.strftime(_TEXT_MOMENT) if self._sqlite else utc, _MOMENT)

    def _exists(self, con: sa.Connection) -> bool:
        return sa.inspect(con).has_table(self.table.name, schema=self.table.schema)

    def _lacks(self, con: sa.Connection) -> list[str]:
        if not self._exists(con):
            return []
        present = {column["name"] for column in sa.inspect(con).get_columns(self.table.name, schema=self.table.schema)}
        return [name for name in self.table.columns.keys() if name not in present]  # noqa: SIM118

    def _loose(self, con: sa.Connection) -> list[str]:
        """The key's columns that the server would compare by a language's rules."""
        if not self._is_mysql or not self._exists(con):
            return []
        asked = sa.text(
            "select column_name, collation_name from information_schema.columns "
            "where table_schema = coalesce(:schema, database()) and table_name = :name"
        )
        answer = con.execute(asked, {"schema": self.table.schema, "name": self.table.name})
        found = {str(name): collation for name, collation in answer}
        return [name for name in (*KEY, "written_by") if found.get(name) not in (_MARIADB_EXACT, _MYSQL_EXACT)]

    def _make(self, con: sa.Connection) -> None:
        if self.table.schema and not sa.inspect(con).has_schema(self.table.schema):
            con.execute(sa.schema.CreateSchema(self.table.schema, if_not_exists=True))
        self.table.create(con, checkfirst=True)
        for name in self._lacks(con):
            con.exec_driver_sql(f"alter table {self.table.fullname} add column {name} text")  # names that need no quotes

    @contextmanager
    def _staged(self, con: sa.Connection, rows: pa.RecordBatchReader, names: list[str]) -> Iterator[sa.Table]:
        """The rows in a temporary table of this connection."""
        stage = sa.Table(
            "quietlist_stage",
            sa.MetaData(),
            *(sa.Column(name, self.table.c[name].type if name in self.table.c else _Exact()) for name in names),
            prefixes=["TEMPORARY"],
        )
        stage.create(con, checkfirst=False)
        for batch in rows:
            columns = {name: batch.column(name) for name in names}
            for name, column in columns.items():
                if pa.types.is_timestamp(column.type):
                    # Arrow's %S has the microseconds; MariaDB keeps moments of no zone, and refuses one.
                    columns[name] = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S" + ("" if self._is_mysql else "Z"))
            arriving = pa.table(columns)
            if self._sqlite is None and not self._is_mysql:
                self._copy(con, stage.name, arriving)
            else:
                # SQLite has no bulk loader, and MariaDB's is often switched off. Its driver puts many rows into one statement.
                marks = ", ".join("%s" if self._is_mysql else "?" for _ in names)
                values = list(zip(*(column.to_pylist() for column in arriving.columns), strict=True))
                if values:
                    con.exec_driver_sql(f"insert into {stage.name} ({', '.join(names)}) values ({marks})", values)
        yield stage
        # With the word: without it MariaDB ends the transaction.
        con.exec_driver_sql(f"drop {'temporary ' if self._is_mysql else ''}table {stage.name}")

    def _copy(self, con: sa.Connection, stage: str, rows: pa.Table) -> None:
        buffer = io.BytesIO()
        pa_csv.write_csv(rows, buffer, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
        driver = con.connection.driver_connection
        assert driver is not None
        with (
            driver.cursor() as cursor,
            cursor.copy(f"copy {stage} ({', '.join(rows.column_names)}) from stdin (format csv)") as copy,
        ):
            copy.write(buffer.getbuffer())

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection | None]:
        """A connection for reading; None where a SQLite file is not there yet, since connecting would make it."""
        if self._sqlite is not None and not self._sqlite.exists():
            yield None
            return
        with self._our_errors(), self._engine.connect() as con:
            yield con

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if self._sqlite is not None and not self._sqlite.exists():
            self._sqlite.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            os.close(os.open(self._sqlite, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE))
        with self._our_errors(), self._engine.begin() as con:
            yield con

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Say what went wrong by its code alone: a database's own text quotes the row it stumbled over."""
        tried = f"Talking to the database about {self.table.fullname}"
        try:
            yield
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            if fault.name == "SQLITE_FULL" and self._sqlite is not None:
                raise OutOfRoom(tried, seen=full(self._sqlite), next_step=NEXT_STEP) from None
            if fault.name.startswith(_SHUT) and self._sqlite is not None:
                raise PermanentError(
                    tried,
                    seen=f"{fault.code}: {self._sqlite.parent} or its file may not be written to, or is gone",
                    next_step="correct owner, mode or mount of that folder, or the url of the destination",
                ) from None
            if fault.is_of_a_row:
                raise BatchRejected(tried, code=fault.code) from None
            if fault.is_full:
                raise TransientError(
                    tried, seen=f"{fault.code}: the disk of the database server is full", next_step="make room there, run again"
                ) from None
            if fault.is_transient:
                raise TransientError(tried, seen=fault.code, next_step="check that the database is up and reachable") from None
            raise PermanentError(
                tried, seen=fault.code, next_step="look up the code; check rights, the URL and the table"
            ) from None


def _texts(values: Iterable[Any]) -> pa.Array:
    """Keys that anybody may have written; null for what can be no key, so that the row is counted and left alone."""
    return pa.array([value if isinstance(value, str) and _is_key(value) else None for value in values], pa.string())


def _is_key(text: str) -> bool:
    return len(text) <= _LONGEST_KEY and "\0" not in text and "\ufffd" not in text


def _moment(value: Any) -> datetime | None:
    """A moment that somebody else wrote; None when it is not one, or stands for "always" or "never"."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or not _FIRST_YEAR <= value.year < _NEVER:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
