"""The clock of a run against the machine's. What a run's clock means for a record is the models' business.

Everything that a run ingests and sends out is dated by its clock, and nothing may be dated before it later: order of arrival is
evidence. A clock that is typed a few years ahead would therefore shut the home until then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestration.core.errors import ConfigError

AHEAD = timedelta(minutes=5)
"""How far a clock may be ahead of this machine's. Synchronised machines differ by less than a second, and Kerberos bears the same
five minutes; a home that they shut is open again after them."""


def is_ahead(moment: datetime, now: datetime | None = None) -> bool:
    """Whether this machine's clock says that the moment is still to come."""
    return moment > (now or datetime.now(UTC)) + AHEAD


def require_not_ahead(moment: datetime, *, is_replay: bool = False, sends: tuple[str, ...] = ()) -> None:
    """Refuse a clock in the future, unless the home is a copy in which somebody plays it through.

    Args:
        is_replay: somebody said that it is one.
        sends: the destinations to which the home would push. A copy pushes nowhere.

    Raises:
        ConfigError: the clock is ahead.
    """
    if not is_ahead(moment) or (is_replay and not sends):
        return
    if is_replay:
        raise ConfigError(
            f"Replaying as of {moment.isoformat()}",
            seen=f"this home pushes to {', '.join(sends)}",
            allowed="a clock in the future only in a copy of a home whose destinations are all dry_run = true, or left out",
            next_step="copy the home, set dry_run = true in the copy, and run there",
        )
    raise ConfigError(
        f"Running as of {moment.isoformat()}",
        seen=f"this machine's clock says {datetime.now(UTC).replace(microsecond=0).isoformat()}",
        allowed=f"a moment at most {AHEAD // timedelta(minutes=1)} minutes ahead: no later run may be dated before this one, so "
        "the home would be shut until then",
        next_step="correct --as-of, or omit it to use the current time; to replay a copy of a home, add --replay",
    )
