"""What went wrong with a database, told by its code alone: a database's own text quotes the row it stumbled over."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from orchestration.core.errors import error_code

# A transient fault of the server, by the first two characters of its SQLSTATE: connection, resources, operator
# intervention (a restart), serialization and deadlock.
_TRANSIENT_STATES = ("08", "40", "53", "57", "58")
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


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


def fault_of(error: BaseException) -> Fault | None:
    """The fault, where it is one of a database and not of this program."""
    driver = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    state, name = getattr(driver, "sqlstate", None) or "", getattr(driver, "sqlite_errorname", None) or ""
    if not isinstance(error, sa.exc.SQLAlchemyError) and not state and not name:
        return None
    code = f"sqlstate_{state}" if state else error_code(name or type(driver).__name__)
    is_lost = isinstance(error, sa.exc.OperationalError) and not state and not name
    return Fault(state, name, code, is_lost or state.startswith(_TRANSIENT_STATES) or name in _BUSY)
