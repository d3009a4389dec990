"""The ids of requests, and of contacts made, as people see them, and the way back to a request.

A request's own id is a hash of what it says. Beside the rest of a report it would give a telephone number away: there are so few
that one can try them all. So it stays in the warehouse and the set exported from it, which hold the number anyway, and what
leaves is keyed (:func:`orchestration.core.key.shown_id`). The way back is open to whoever holds the warehouse and the key, or
the retired key of the day on which a report was made.
"""

from __future__ import annotations

from typing import Any

import duckdb

from orchestration.core.home import Home
from orchestration.core.key import create_hmac_function, known_keys, shown_id

# A suppression is named by its request; one of a registry by the registry and its day, with colons between, which tells nothing.
_ID_FIELDS = frozenset({"request_id", "deciding_request_id", "opt_in_id", "suppression_id", "contact_id"})


def as_shown(data: Any, key: bytes) -> Any:
    """The same evidence with every request's id as people see it."""
    if isinstance(data, dict):
        return {
            name: shown_id(key, value)
            if name in _ID_FIELDS and isinstance(value, str) and ":" not in value
            else as_shown(value, key)
            for name, value in data.items()
        }
    return [as_shown(item, key) for item in data] if isinstance(data, list | tuple) else data


def request_of(con: duckdb.DuckDBPyConnection, home: Home, text: str) -> str | None:
    """The request's own id behind one that was shown, under whichever of the home's keys; None when there is none."""
    for key in known_keys(home):
        create_hmac_function(con, key)
        found = con.execute(
            "select request_id from ledger__requests where shown_id(request_id) = $shown", {"shown": text}
        ).fetchone()
        if found:
            return str(found[0])
    return None
