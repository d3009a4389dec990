"""What went wrong with a database, told by its code alone: a database's own text quotes the row it stumbled over."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from orchestration.core.errors import error_code

MYSQLS = ("mysql", "mariadb")
"""SQLAlchemy's names of one kind of server."""

# A transient fault of the server, by the first two characters of its SQLSTATE: connection, resources, operator
# intervention (a restart), serialization and deadlock.
_TRANSIENT_STATES = ("08", "40", "53", "57", "58")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
# A fault of the row itself: data exception, integrity constraint.
_ROW_STATES = ("22", "23")
_FULL_STATE = "53100"
# MariaDB's and MySQL's own numbers: the SQLSTATE of most is HY000, which says nothing.
_MYSQL_TRANSIENT = (
    0,  # the driver found its connection closed
    *(1040, 1042, 1043, 1053, 1077, 1129, 1203),  # too many connections, shutting down, a host that is blocked for a while
    *(1158, 1159, 1160, 1161, 1184, 1927),  # the network, an aborted or killed connection
    *(1205, 1213),  # a lock that was waited for too long, a deadlock
    *(2002, 2003, 2005, 2006, 2013, 2014, 2055),  # no server, or none any more
)
_MYSQL_OF_A_ROW = (1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1452)  # null, a double key, too long, no such letter or value
_MYSQL_FULL = (1021, 1114)


@dataclass(frozen=True)
class Fault:
    """One error of a database's driver."""

    state: str
    """The SQLSTATE; empty where there is none."""
    name: str
    """SQLite's name of its error; empty where there is none."""
    code: str
    """Either of them, or the kind of the driver's error, as a code that may be told."""
    is_transient: bool
    """The server is down, busy or restarting."""
    is_of_a_row: bool = False
    """One of the rows cannot be kept; the others can."""
    is_full: bool = False
    """The disk of the database server is full."""


def fault_of(error: BaseException) -> Fault | None:
    """The fault, where it is one of a database and not of this program."""
    driver = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    state, name = getattr(driver, "sqlstate", None) or "", getattr(driver, "sqlite_errorname", None) or ""
    number = _mysql_number(driver)
    if number is not None:
        return Fault(
            "", "", f"mysql_{number}", number in _MYSQL_TRANSIENT, number in _MYSQL_OF_A_ROW, is_full=number in _MYSQL_FULL
        )
    if not isinstance(error, sa.exc.SQLAlchemyError) and not state and not name:
        return None
    code = f"sqlstate_{state}" if state else error_code(name or type(driver).__name__)
    is_lost = isinstance(error, sa.exc.OperationalError) and not state and not name
    return Fault(
        state,
        name,
        code,
        is_lost or state.startswith(_TRANSIENT_STATES) or name in _BUSY,
        state.startswith(_ROW_STATES) or name.startswith("SQLITE_CONSTRAINT"),
        is_full=state == _FULL_STATE,
    )


def mysql_session(timeout_seconds: int) -> str:
    """The statement that sets up a connection to MariaDB or MySQL: moments in UTC, no value cut to fit, and nobody waits for
    a lock longer than for an answer (its own bound for one is a day).
    """
    longest = max(timeout_seconds // 2, 1)
    return (
        "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "
        f"innodb_lock_wait_timeout = {longest}, lock_wait_timeout = {longest}"
    )


def _mysql_number(driver: object) -> int | None:
    said: tuple[object, ...] = getattr(driver, "args", ())
    number = said[0] if said and type(driver).__module__.startswith("pymysql") else None
    return number if isinstance(number, int) else None
