"""A table or view of a database (PostgreSQL, MariaDB, MySQL, a SQLite file): its rows, each as a line of JSON. Only read, in a
transaction that may not write.

With a cursor column each pull asks for the rows from the last one's highest value on, less an overlap, for a row may show itself
after others with higher values. Rows without a value are asked for each time. From time to time everything is read, since a value
that was set wrongly, or a row that changed without it, shows nowhere else. Without a cursor each pull reads the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from pydantic import Field, model_validator
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import make_url

from orchestration.connectors.contract import Batch, Part, PullSettings
from orchestration.core.config import Config, Source
from orchestration.core.credentials import secret
from orchestration.core.databases import MYSQLS, fault_of, mysql_session
from orchestration.core.errors import ConfigError, PermanentError, TransientError
from orchestration.core.files import canonical_json, sha256_text
from orchestration.core.pace import Pace, Timer
from orchestration.readers.feeds import feeds_of_format

_ROWS = 1_000  # of one batch: some hundred kB as text
_READERS = ("json", "auto")
# A moment without a zone may be of any, and the last of them is 12 hours behind: what is later than this is ahead of the clock.
_ZONES = timedelta(hours=12)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_LIKE_A_DATE = "____-__-__%"
_FIRST_DAY = "0001-01-01"  # before it MariaDB has a date that is none, 0000-00-00
# What MariaDB cannot tell as a text.
_NO_TEXT = (
    *(sa.LargeBinary, sa.BINARY, sa.VARBINARY, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB, mysql.BIT),
    sa.types.NullType,  # of a kind that SQLAlchemy does not know
)
_ANSWER_SECONDS = 3_600  # how long MariaDB may sort a table before its first row


class Settings(PullSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "sql"``."""

    url_env: str = ""
    """Name of the environment variable that holds the SQLAlchemy URL, as any URL with a password must."""
    url: str = ""
    """A URL without a password, such as ``sqlite:////var/lib/app/people.db``."""
    schema_name: str = Field(default="", alias="schema")
    """The schema of the table; absent, the connection's own."""
    table: str = Field(min_length=1)
    """A table, or a view: what is not to be read is left out by a view of its own."""
    cursor: str = ""
    """The column that grows when a row is added or changed: a time, a date or a number. Absent: all is read in each pull."""
    overlap_hours: float = Field(default=48.0, gt=0)
    """How far each pull reaches back behind the highest time that the last one saw: as long as a transaction may stay open."""
    overlap_numbers: int = Field(default=10_000, ge=0)
    """The same, where the cursor is a number."""
    whole_every_hours: float = Field(default=168.0, gt=0)
    """So often everything is read all the same. More often is safer."""
    timeout_seconds: int = Field(default=60, ge=1, le=600)
    """How long a server may take to let us in."""

    @model_validator(mode="after")
    def _check(self) -> Settings:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("needs exactly one of url and url_env")
        if self.url:
            try:
                parsed = make_url(self.url)
            except sa.exc.ArgumentError:
                raise ValueError("url is not a SQLAlchemy URL such as postgresql://user@host/database") from None
            if parsed.password or {"password", "passwd"} & set(parsed.query):
                raise ValueError("url holds a password: put the URL into an environment variable and name it in url_env")
        return self

    def problems(self, source: Source) -> list[tuple[str, str]]:
        feeds = feeds_of_format(source.format)
        if not any(feed.reader in _READERS for feed in feeds):
            return [("kind", f"rows arrive as JSON, which {source.format} is never read from")]
        if self.cursor and (snapshots := sorted(feed.feed for feed in feeds if feed.snapshot)):
            why = f"{', '.join(snapshots)} of {source.format} is a snapshot: read it whole, or whoever is not new counts as gone"
            return [("cursor", why)]
        return []


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the table."""
    return [_Table(name, settings, timer)]


class _Table:
    """One table of one database."""

    saves_as, ending, overlap_hours, counts_records = "rows", ".jsonl", 0.0, True

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        self.name = settings.table
        self.is_whole, self.goes_on = not settings.cursor, bool(settings.cursor)
        # Not what the URL says: it may be given again with another password.
        self.asks = sha256_text(
            canonical_json([settings.url, settings.url_env, settings.schema_name, settings.table, settings.cursor])
        )
        self._source, self._settings, self._timer = source, settings, timer
        self._tried = f"Reading the table of source {source}"

    def batches(self, place: str, since: datetime | None) -> Iterator[Batch]:
        with self._connection() as con:
            table = self._reflected(con)
            if self._settings.cursor:
                yield from self._new_rows(con, table, self._cursor_of(con, table), _Place.read(place), since)
            else:
                yield from self._all_rows(con, table, place)

    def _new_rows(
        self, con: sa.Connection, table: sa.Table, cursor: _Cursor, place: _Place, since: datetime | None
    ) -> Iterator[Batch]:
        now = self._timer.now()
        if not place.is_under_way:
            whole_at, highest, low = place.whole_at, place.highest, ""
            if whole_at is not None and timedelta(0) <= now - whole_at < self._every and highest:
                low = cursor.before(highest)
            else:
                if since is not None and whole_at is None:
                    low = cursor.of(since)
                whole_at, highest = now, ""  # a value that was set wrongly, and is corrected, is forgotten
            place = _Place(highest, whole_at, True, low)
        low, highest = place.low, place.highest
        columns = [*_readable(con, table), cursor.text.label(_CURSOR)]
        # Rows without a value have no place of their own: they come last, so that a pull that goes on need not read them again.
        nowhere = sa.select(*columns).where(cursor.is_nowhere)
        somewhere = sa.select(*columns).where(~cursor.is_nowhere).order_by(cursor.column)
        if low:
            somewhere = somewhere.where(cursor.is_from(low))
        for asked in (somewhere, nowhere):
            for rows in self._fetched(con, asked):
                value = str(rows[-1][-1])
                if asked is somewhere:
                    low = value
                    highest = cursor.higher(highest, value)
                yield Batch(_lines(table, rows), len(rows), _Place(highest, place.whole_at, True, low).kept())
        ended = _Place(cursor.not_ahead(highest, now), place.whole_at, False, "")
        yield Batch(b"", 0, ended.kept(), is_last=True)

    @property
    def _every(self) -> timedelta:
        return timedelta(hours=self._settings.whole_every_hours)

    def _all_rows(self, con: sa.Connection, table: sa.Table, place: str) -> Iterator[Batch]:
        """By the primary key where that is one column, so that a pull that broke off goes on; else in one go."""
        keys = list(table.primary_key.columns)
        key = keys[0] if len(keys) == 1 and (con.dialect.name not in MYSQLS or _has_a_text(keys[0])) else None
        asked = sa.select(*_readable(con, table))
        if key is not None:
            asked = asked.add_columns(sa.cast(key, sa.Text()).label(_CURSOR)).order_by(key)
            if place:
                asked = asked.where(key > _as_told(con, key, place))
        for rows in self._fetched(con, asked):
            yield Batch(_lines(table, rows), len(rows), str(rows[-1][-1]) if key is not None else "")

    def _fetched(self, con: sa.Connection, asked: sa.Select[Any]) -> Iterator[list[Any]]:
        found = con.execution_options(stream_results=True, yield_per=_ROWS).execute(asked)
        for some in found.partitions():
            yield list(some)

    def _cursor_of(self, con: sa.Connection, table: sa.Table) -> _Cursor:
        name, settings = self._settings.cursor, self._settings
        if name not in table.columns:
            raise ConfigError(
                self._tried,
                seen=f"no column {name}",
                allowed=", ".join(table.columns.keys()),
                next_step="correct cursor in quietlist.toml",
            )
        column: sa.Column[Any] = table.columns[name]
        if isinstance(column.type, sa.Integer | sa.Numeric):
            return _Number(column, settings.overlap_numbers)
        if isinstance(column.type, sa.String) or con.dialect.name == "sqlite":  # which keeps moments as texts
            return _Written(column, settings.overlap_hours, con.dialect.name)
        if isinstance(column.type, sa.DateTime | sa.Date):
            return (_MomentOfNoZone if con.dialect.name in MYSQLS else _Moment)(column, settings.overlap_hours)
        raise ConfigError(
            self._tried,
            seen=f"a cursor of type {column.type}",
            allowed="a time, a date, a number, or a text such as 2026-03-20T10:00:00",
        )

    def _reflected(self, con: sa.Connection) -> sa.Table:
        settings = self._settings
        try:
            schema = sa.MetaData(schema=settings.schema_name or None)
            return sa.Table(settings.table, schema, autoload_with=con, resolve_fks=False)
        except sa.exc.NoSuchTableError:
            raise ConfigError(
                self._tried,
                seen="no such table, or none that may be read",
                next_step="correct table and schema in quietlist.toml, or give the user the right to select from it",
            ) from None

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        url = self._url()
        is_file, is_mysql = url.get_backend_name() == "sqlite", url.get_backend_name() in MYSQLS
        seconds = self._settings.timeout_seconds
        waits = {"timeout" if is_file else "connect_timeout": seconds, **({"read_timeout": seconds} if is_mysql else {})}
        try:
            engine = sa.create_engine(
                url,
                poolclass=sa.NullPool,
                hide_parameters=True,  # an error's text would quote the values
                connect_args=waits,
            )
        except ModuleNotFoundError:
            driver, extra = ("PyMySQL", "mariadb") if is_mysql else ("psycopg", "postgres")
            raise ConfigError(
                self._tried, seen=f"{driver} is not installed", next_step=f"pip install 'quietlist[{extra}]'"
            ) from None
        prepare = _forgiving if is_file else self._only_read if is_mysql else _in_utc
        sa.event.listen(engine, "connect", prepare)
        try:
            with self._our_errors():
                con = Pace(None, self._timer).call(lambda: self._connected(engine))
                with con:
                    if not is_file and not is_mysql:
                        con = con.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                    yield con
        finally:
            engine.dispose()

    def _only_read(self, driver: Any, _: object) -> None:
        """MariaDB: a session in UTC that may not write, whose rows of one pull are of one moment."""
        with driver.cursor() as cursor:
            cursor.execute(mysql_session(self._settings.timeout_seconds))
            cursor.execute("set session transaction isolation level repeatable read, read only")
            cursor.execute(f"set session net_write_timeout = {_ANSWER_SECONDS}")  # we may rest between two batches
        # Let in, it may take its time: the driver has one bound for both. Should a later one not know this, the shorter stays.
        driver._read_timeout = _ANSWER_SECONDS

    def _connected(self, engine: sa.Engine) -> sa.Connection:
        with self._our_errors():
            return engine.connect()

    def _url(self) -> sa.URL:
        settings = self._settings
        text = settings.url
        if settings.url_env:
            text = secret(settings.url_env, f"[sources.{self._source}.pull] url").get_secret_value()
        try:
            url = make_url(text)
        except sa.exc.ArgumentError:
            raise ConfigError(
                self._tried, seen="no SQLAlchemy URL", allowed="postgresql://..., mariadb://..., mysql://... or sqlite:///..."
            ) from None
        backend = url.get_backend_name()
        if backend == "postgresql":
            return url.set(drivername="postgresql+psycopg")
        if backend in MYSQLS:
            return self._mysql_url(url)
        if backend != "sqlite":
            raise ConfigError(self._tried, seen=f"a {backend} database", allowed="postgresql, mariadb, mysql, sqlite")
        if not url.database or url.database == ":memory:" or url.query:
            raise ConfigError(self._tried, seen="a SQLite URL without a plain file", allowed="sqlite:///<file>")
        path = Path(url.database)
        if not path.is_absolute():
            raise ConfigError(self._tried, seen="a path that is not absolute", allowed="sqlite:////var/lib/app/people.db")
        if not path.is_file():
            raise PermanentError(self._tried, seen="no such file", next_step="correct url in quietlist.toml")
        # Read only: nobody here makes the file, and another program may be writing to it.
        return url.set(drivername="sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})

    def _mysql_url(self, url: sa.URL) -> sa.URL:
        if not url.database and not self._settings.schema_name:
            raise ConfigError(self._tried, seen="no database in the URL", allowed="mariadb://user@host/database")
        if "local_infile" in url.query:  # lets the server ask for any file of this machine
            raise ConfigError(self._tried, seen="local_infile", allowed="a URL without it")
        return url.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"})

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            if fault.is_transient:
                raise TransientError(
                    self._tried, seen=fault.code, next_step="check that the database is up and reachable"
                ) from None
            raise PermanentError(
                self._tried, seen=fault.code, next_step="look up the code; check the URL, the table and the right to select"
            ) from None


_CURSOR = "quietlist_cursor"


class _Place:
    """How far a table with a cursor was read, as it is kept between two batches."""

    def __init__(self, highest: str, whole_at: datetime | None, is_under_way: bool, low: str) -> None:
        self.highest = highest
        """The highest value seen."""
        self.whole_at = whole_at
        """When everything was last asked for."""
        self.is_under_way = is_under_way
        self.low = low
        """The value at which the pull under way goes on; empty for everything."""

    @classmethod
    def read(cls, place: str) -> _Place:
        try:
            kept = json.loads(place) if place else {}
            whole_at = datetime.fromisoformat(kept["whole_at"]) if kept.get("whole_at") else None
            return cls(str(kept.get("highest", "")), whole_at, bool(kept.get("under_way")), str(kept.get("low", "")))
        except (ValueError, TypeError, AttributeError):
            return cls("", None, False, "")  # then everything is read

    def kept(self) -> str:
        whole_at = self.whole_at.isoformat() if self.whole_at else ""
        said = {"highest": self.highest, "whole_at": whole_at, "under_way": self.is_under_way, "low": self.low}
        return canonical_json({name: value for name, value in said.items() if value})


class _Number:
    """A number that grows, such as a serial one."""

    def __init__(self, column: sa.Column[Any], overlap: int) -> None:
        self.column, self._overlap = column, overlap
        self.text = sa.cast(column, sa.Text())
        self.is_nowhere: sa.ColumnElement[bool] = column.is_(None)

    def is_from(self, low: str) -> sa.ColumnElement[bool]:
        return self.column >= sa.cast(sa.literal(low, sa.Text()), self.column.type)

    def higher(self, highest: str, value: str) -> str:
        if not _NUMBER.fullmatch(value):
            return highest  # not a number, though of its type: it is above all others, and comes each time
        return value if not highest or Decimal(value) > Decimal(highest) else highest

    def before(self, highest: str) -> str:
        return str(Decimal(highest) - self._overlap)

    def of(self, moment: datetime) -> str:
        return ""  # no number belongs to a moment

    def not_ahead(self, highest: str, now: datetime) -> str:
        return highest


class _Moment:
    """A time or date, as a database that has a type for it tells one in UTC and ISO 8601."""

    def __init__(self, column: sa.Column[Any], overlap_hours: float) -> None:
        self.column: sa.ColumnElement[Any] = column
        self._overlap = timedelta(hours=overlap_hours)
        self.text = sa.cast(column, sa.Text())
        self.is_nowhere: sa.ColumnElement[bool] = column.is_(None) | (column == self._cast("-infinity"))

    def _cast(self, text: str) -> sa.ColumnElement[Any]:
        return sa.cast(sa.literal(text, sa.Text()), self.column.type)

    def is_from(self, low: str) -> sa.ColumnElement[bool]:
        return self.column >= self._cast(low)

    def higher(self, highest: str, value: str) -> str:
        moment = _moment(value)
        if moment is None:
            return highest  # "infinity", or a year that no calendar of ours has: above all others, and comes each time
        before = _moment(highest)
        return moment.isoformat() if before is None or moment > before else highest

    def before(self, highest: str) -> str:
        moment = _moment(highest)
        return "" if moment is None else self.of(moment - self._overlap)

    def of(self, moment: datetime) -> str:
        return moment.isoformat()

    def not_ahead(self, highest: str, now: datetime) -> str:
        """A value later than any clock shows would hide all that come after it."""
        moment = _moment(highest)
        return highest if moment is None else min(moment, now - _ZONES).isoformat()


class _MomentOfNoZone(_Moment):
    """The same of MariaDB and MySQL: the session is in UTC, and no value names a zone. A date that is none sorts below all."""

    def __init__(self, column: sa.Column[Any], overlap_hours: float) -> None:
        super().__init__(column, overlap_hours)
        self.is_nowhere = column.is_(None) | (column < self._cast(_FIRST_DAY))

    def is_from(self, low: str) -> sa.ColumnElement[bool]:
        moment = _moment(low)
        # A month 00 is a value there, and no moment: what cannot be compared with is no reason to leave a row out.
        return sa.true() if moment is None else self.column >= self._cast(f"{moment:%Y-%m-%d %H:%M:%S.%f}")


class _Written(_Moment):
    """The same, written as a text, which the database compares letter by letter."""

    def __init__(self, column: sa.Column[Any], overlap_hours: float, dialect: str) -> None:
        self._overlap = timedelta(hours=overlap_hours)
        text = sa.type_coerce(column, sa.Text())
        # PostgreSQL and MariaDB sort by a language's rules, if they are not told.
        self.column = sa.collate(text, "C") if dialect == "postgresql" else text
        if dialect in MYSQLS:
            self.column = sa.cast(text, sa.LargeBinary())
        self.text = sa.cast(text, sa.Text())
        self.is_nowhere = column.is_(None) | self.text.not_like(_LIKE_A_DATE)

    def is_from(self, low: str) -> sa.ColumnElement[bool]:
        return self.column >= sa.literal(low, sa.Text())

    def of(self, moment: datetime) -> str:
        # The day alone compares with every way of writing what follows it; and the day before, for the zone is not known.
        return f"{moment - timedelta(days=1):%Y-%m-%d}"


_Cursor = _Number | _Moment


def _moment(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _readable(con: sa.Connection, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """The columns as texts, which a driver hands over whatever stands in them: a moment past the year 9999, bytes."""
    if con.dialect.name == "sqlite":
        return [sa.type_coerce(column, sa.Text()) for column in table.columns]
    if con.dialect.name in MYSQLS:  # which makes NULL of bytes that are no text; the driver hands them over as they are
        return [_text_of(column) if _has_a_text(column) else column for column in table.columns]
    return [_text_of(column) for column in table.columns]


def _text_of(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.Text())


def _has_a_text(column: sa.Column[Any]) -> bool:
    """Whether MariaDB can tell a value of it as a text, and compare with one."""
    return not isinstance(column.type, _NO_TEXT)


def _as_told(con: sa.Connection, key: sa.Column[Any], place: str) -> sa.ColumnElement[Any]:
    """A key's value, as the place has it in words."""
    told = sa.literal(place, sa.Text())
    # A text that is cast has a collation of its own there, which may not be the key's.
    is_text = con.dialect.name in MYSQLS and isinstance(key.type, sa.String)
    return told if is_text else sa.cast(told, key.type)


def _lines(table: sa.Table, rows: Sequence[Sequence[Any]]) -> bytes:
    names = list(table.columns.keys())
    return "\n".join(
        json.dumps({name: _told(value) for name, value in zip(names, row, strict=False)}, ensure_ascii=False) for row in rows
    ).encode("utf-8", "replace")


def _told(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, str) else str(value)


def _forgiving(driver: Any, _: object) -> None:
    # SQLite keeps any bytes as a text.
    driver.text_factory = lambda data: data.decode("utf-8", "replace")


def _in_utc(driver: Any, _: object) -> None:
    with driver.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute("set datestyle = 'ISO, YMD'")
    driver.commit()
