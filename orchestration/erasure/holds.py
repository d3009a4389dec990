"""Legal holds: while one stands, nothing of the person may be erased, whatever they ask.

A hold and its lifting are entries of the journal of erasures, by keyed hashes alone, with who said so and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.core.errors import ConfigError
from orchestration.core.files import sha256_text
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.journal import erasures_log, who_and_why
from orchestration.core.key import fingerprint, home_key, known_keys
from orchestration.core.tombstones import keyed
from orchestration.erasure.points import Point, pattern

_ID_DIGITS = 8  # of a hash: enough to tell a home's holds apart


class Held(ConfigError):
    """A legal hold forbids it. A gate, and no mistake of whoever asked."""

    exit_code = 1


@dataclass(frozen=True)
class Hold:
    """One that stands."""

    id: str
    person: str
    since: str
    points: frozenset[tuple[str, str, str]]
    """Type, fingerprint of the key, keyed hash."""

    def as_dict(self) -> dict[str, Any]:
        return {"hold": self.id, "by": self.person, "since": self.since, "contact_points": len(self.points)}


def standing(home: Home) -> tuple[Hold, ...]:
    """The holds that were not lifted, oldest first."""
    log = erasures_log(home)
    found: dict[str, Hold] = {}
    for entry in log.entries() if log.path.is_file() else ():
        if entry["entry"] == "held":
            points = frozenset((point["identifier_type"], point["key"], point["identifier_hash"]) for point in entry["points"])
            found[entry["id"]] = Hold(entry["id"], entry["person"], entry["at"], points)
        elif entry["entry"] == "lifted":
            found.pop(entry["id"], None)
    return tuple(found.values())


def require_none(home: Home, points: Sequence[Point], tried: str) -> None:
    """Raises Held when a hold stands on one of the points."""
    holds = standing(home)
    if not holds:
        return
    mine = {
        (point.identifier_type, fingerprint(key), keyed(key, point.identifier)) for point in points for key in known_keys(home)
    }
    if found := [hold.id for hold in holds if hold.points & mine]:
        raise Held(
            tried,
            seen=f"a legal hold stands on them ({', '.join(found)})",
            next_step="nothing was erased; once the hold is no longer needed, lift it with quietlist hold lift ID --by --reason",
        )


def hold(home: Home, points: Sequence[Point], *, person: str, reason: str, now: datetime) -> Hold:
    """Put a hold on contact points; one that stands on exactly them stays as it is."""
    _require_said(points, person, reason)
    key = home_key(home)
    said = [
        {"identifier_type": point.identifier_type, "key": fingerprint(key), "identifier_hash": keyed(key, point.identifier)}
        for point in sorted(points, key=lambda point: (point.identifier_type, point.identifier))
    ]
    wanted = frozenset((point["identifier_type"], point["key"], point["identifier_hash"]) for point in said)
    home.erasures_folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    log = erasures_log(home)
    with log.alone():
        for known in standing(home):
            if known.points == wanted:
                return known
        number = sum(entry["entry"] == "held" for entry in log.entries())
        name = f"H{number + 1}-{sha256_text(str(said))[:_ID_DIGITS]}"
        log.add(home, {"entry": "held", "id": name, "at": now.isoformat(), "person": person, "reason": reason, "points": said})
    return next(known for known in standing(home) if known.id == name)


def lift(home: Home, hold_id: str, *, person: str, reason: str, now: datetime) -> None:
    """End a hold.

    Raises:
        ConfigError: there is none of that id.
    """
    _require_said((), person, reason)
    log = erasures_log(home)
    known = [known.id for known in standing(home)]
    if hold_id not in known:
        raise ConfigError(
            "Lifting a legal hold",
            seen="no hold of that id stands",
            allowed=", ".join(known) or "none stands",
            next_step="copy the id from quietlist hold list",
        )
    with log.alone():
        log.add(home, {"entry": "lifted", "id": hold_id, "at": now.isoformat(), "person": person, "reason": reason})


def _require_said(points: Sequence[Point], person: str, reason: str) -> None:
    problems = who_and_why(person, reason)
    if points and pattern(points).search(f"{person}\n{reason}".encode()):
        problems.append("--by and --reason are kept for ever: they must not name who it is about")
    if problems:
        raise ConfigError("Recording a legal hold", problems, next_step="give both; nothing was recorded")
