"""Which words of a vendor's answer may be repeated in an error, a ledger or a receipt: a number, or words all known here.

An answer's text may name whom it refuses, in whatever field the vendor writes it. That a text is short and without blanks does
not make it a code: ``ada_lovelace`` is as short. A word that is missing here costs a reason, and the status remains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELDS = ("error_code", "errorCode", "ErrorCode", "code", "error", "field", "title")  # where vendors put their codes
_MOST_WORDS = 6
_NUMBER = re.compile(r"[0-9]{1,5}")  # six digits could be a part of a telephone number; no vendor's code needs them

# The words of HTTP's own statuses, of OAuth's errors (RFC 6749, 6750), and of codes that vendors document; but none that people
# are called by, such as the "grant" of invalid_grant, or "field" and "page".
_LISTED = """
    a access account action address addresses already array audience authentication authorization bad body bounce broadcast
    bulk busy call campaign cannot client compliance conflict contact contacts content count credentials credit credits data
    date deleted denied description disabled document domain domains duplicate email emails empty enabled entity entries
    entry error errors exceeded exist exists expired failed failure fields for forbidden format found gateway generic global
    group groups id identifier inactive insufficient internal invalid is item items key large length limit list lists
    malformed many maximum member members message method minimum missing must name not number numbers of option out
    parameter parameters parse payload permission phone plan process property quota range rate read reason recipient
    recipients redirect request required resource response scope scopes sender server service size state status stream
    string subscriber subscribers suppression suppressions syntax temporarily timeout token too type unauthorized
    unavailable unexpected unknown unprocessable unsubscribe unsubscribed unsupported uri url user validation value values
    wrong
"""
_WORDS = frozenset(_LISTED.split())


def known_code(text: object) -> str | None:
    """The code that ``text`` is, in our form; None where it is anything else."""
    if isinstance(text, bool) or not isinstance(text, int | str):
        return None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(text).strip())
    parts = [part.lower() for part in re.split(r"[ _.\-]+", words)]
    if not 0 < len(parts) <= _MOST_WORDS or not all(part in _WORDS or _NUMBER.fullmatch(part) for part in parts):
        return None
    numbers = sum(part.isdigit() for part in parts)
    if numbers > 1:  # the parts of a telephone number
        return None
    return f"code_{parts[0]}" if len(parts) == numbers else "_".join(parts)


def codes_in(body: Any) -> Iterator[str]:
    """The codes of an answer, wherever vendors put them."""
    for where in _objects(body):
        for name in _FIELDS:
            if (code := known_code(where.get(name))) is not None:
                yield code


def _objects(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, dict):
        yield body
        for inner in (body.get("error"), body.get("errors")):
            first = inner[0] if isinstance(inner, list) and inner else inner
            if isinstance(first, dict):
                yield first
