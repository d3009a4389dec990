"""What every destination should hold, how much of that is proved, and what is missing. Only looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from orchestration.core.canaries import canaries_of
from orchestration.core.config import Config, Destination
from orchestration.core.errors import kind_of
from orchestration.core.home import Home
from orchestration.core.masks import mask_label
from orchestration.core.wording import age, counted, moment
from orchestration.destinations.contract import facts_of
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import rows
from orchestration.sync.receipts import last_receipt

SHOWN_LISTS = 5  # named in one line; more are counted


@dataclass(frozen=True)
class DestinationHealth:
    """One destination: what it should hold, and how much of that is proved."""

    name: str
    system: str
    is_configured: bool
    channels: tuple[str, ...]
    scopes: tuple[str, ...]
    dry_run: bool
    verify_class: str | None
    """full, point, receipt or none; None before the first push."""
    wanted: int
    states: Mapping[str, int]
    """State -> rows, over all rows ever wanted."""
    unprovable: int
    """Accepted by a system that shows nothing: as good as it gets, but not proved."""
    unverified: int
    """Wanted, provable, and not proved."""
    oldest_unverified_at: datetime | None
    """When the longest waiting of them was first wanted."""
    oldest_unverified_for: timedelta | None
    last_push: datetime | None
    last_version: int | None
    held: Mapping[str, int]
    """Reason -> rows that the last push held back."""
    alarms: tuple[str, ...]
    stopped: str | None
    """Kind of the error that ended the last push early."""
    unmapped_lists: tuple[str, ...] = ()
    """Lists of the system that are in no scope of the destination, as the last push found them."""
    unmapped_since: datetime | None = None
    """Since when the first of them is known."""
    lists_itself: bool = True
    """False: the system, or the key, does not say which lists there are, so that a new one goes unnoticed."""
    canaries: int = 0
    """How many addresses and numbers of our own stand in its lists."""
    limits: tuple[str, ...] = ()
    """What the system cannot do, whatever is asked of it."""
    unverified_facts: tuple[str, ...] = ()
    """What its module takes to be so without having it from the vendor."""

    @property
    def proof(self) -> str:
        """The class of proof in words (promise 7)."""
        return {
            "full": "read back in full",
            "point": "read back row by row",
            "receipt": "accepted row by row, not provable after",
            "none": "accepted, not provable",
            None: "not pushed yet",
        }.get(self.verify_class, str(self.verify_class))

    @property
    def shown(self) -> str:
        """The first of the lists that nobody mapped."""
        return ", ".join(self.unmapped_lists[:SHOWN_LISTS]) + (", ..." if len(self.unmapped_lists) > SHOWN_LISTS else "")

    def as_dict(self) -> dict[str, Any]:
        waiting = None if self.oldest_unverified_for is None else round(self.oldest_unverified_for / timedelta(hours=1), 2)
        kept = {key: value for key, value in asdict(self).items() if key != "oldest_unverified_for"}
        return kept | {"oldest_unverified_hours": waiting, "proof": self.proof}

    def sentence(self) -> str:
        """One line for a terminal."""
        parts = [f"{self.name} ({self.system})", f"{self.wanted:,} wanted", f"{self.states.get('verified', 0):,} verified"]
        figures = dict(self.states) | {"sent": self.states.get("sent", 0) - self.unprovable}
        parts += [f"{figures[state]:,} {state}" for state in ("sent", "missing", "rejected", "released") if figures.get(state)]
        if self.unprovable:
            parts.append(f"{self.unprovable:,} accepted, not provable")
        if self.unverified:
            parts.append(f"the oldest unproved row waits for {age(self.oldest_unverified_for)}")
        parts += [f"{count:,} held ({reason})" for reason, count in self.held.items()]
        parts.append(f"last push {moment(self.last_push)}" + (f" of version {self.last_version}" if self.last_version else ""))
        if self.stopped:
            parts.append(f"STOPPED by {self.stopped}")
        if self.unmapped_lists:
            parts.append(
                f"{counted(len(self.unmapped_lists), 'list')} in no scope, so nothing is suppressed there ({self.shown})"
            )
        if not self.lists_itself:
            parts.append("it does not say which lists there are: a new one goes unnoticed")
        if self.canaries:
            parts.append(f"{self.canaries:,} {'canary' if self.canaries == 1 else 'canaries'}")
        if self.dry_run:
            parts.append("dry run: nothing is sent")
        if not self.is_configured:
            parts.append("no longer configured")
        parts += self.limits
        if self.unverified_facts:
            known = f"docs/reference/destinations/{self.system}.md"
            parts.append(f"{counted(len(self.unverified_facts), 'fact')} about it not verified ({known})")
        return f"{parts[0]}: {'; '.join(parts[1:])}"


def destination_health(home: Home, config: Config, as_of: datetime) -> list[DestinationHealth]:
    """Every configured destination, and every other one that rows were ever pushed to."""
    with evidence_at_hand(home, config) as (con, exported):
        return destinations_of(con, home, config, as_of, exported)


def destinations_of(
    con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime, exported: Exported | None = None
) -> list[DestinationHealth]:
    """:func:`destination_health` on an open connection. Of an exported set with the receipts that there were then: those since
    tell of rows that it does not know.
    """
    figures: dict[str, list[dict[str, Any]]] = {}
    for row in rows(
        con,
        """
        select
            destination, system, verify_class, state, count(*) as rows, count(*) filter (where wanted) as wanted,
            min(first_wanted_at) filter (where wanted and state not in ('verified', 'released')) as oldest
        from raw__sync__row_state
        group by all
        order by all
        """,
    ):
        figures.setdefault(row["destination"], []).append(row)
    lists: dict[str, list[dict[str, Any]]] = {}
    for row in rows(con, "select destination, list_name, first_seen_at from raw__sync__unmapped_lists order by list_name"):
        lists.setdefault(row["destination"], []).append(row)
    found = []
    for name in sorted({*config.destinations, *figures}):
        configured = config.destinations.get(name)
        mine, unmapped = figures.get(name, []), lists.get(name, []) if configured else []
        receipt = exported.last_receipt(home, name) if exported else last_receipt(home, name)
        body = receipt.body if receipt else {}
        classes = {row["verify_class"] for row in mine if row["verify_class"]}
        states: Counter[str] = Counter()
        unprovable = unverified = 0
        oldest: datetime | None = None
        for row in mine:
            states[row["state"]] += row["rows"]
            if row["state"] == "sent" and row["verify_class"] in ("none", "receipt"):
                unprovable += row["wanted"]
            elif row["state"] not in ("verified", "released"):
                unverified += row["wanted"]
                oldest = min(filter(None, (oldest, row["oldest"])), default=None)
        found.append(
            DestinationHealth(
                name=name,
                system=configured.system if configured else next((row["system"] for row in mine), "unknown"),
                is_configured=configured is not None,
                channels=configured.channels if configured else (),
                scopes=configured.scopes if configured else (),
                dry_run=configured.dry_run if configured else False,
                verify_class=body.get("verify_class") or (sorted(classes)[0] if classes else None),
                wanted=sum(row["wanted"] for row in mine),
                states=dict(states),
                unprovable=unprovable,
                unverified=unverified,
                oldest_unverified_at=oldest,
                oldest_unverified_for=as_of - oldest if oldest else None,
                last_push=datetime.fromisoformat(body["as_of"]) if body else None,
                last_version=body.get("version"),
                held={entry["reason"]: int(entry["rows"]) for entry in body.get("held", [])},
                alarms=tuple(body.get("alarms", ())),
                stopped=kind_of(body["stopped"]) if body.get("stopped") else None,
                unmapped_lists=tuple(mask_label(row["list_name"]) for row in unmapped if row["list_name"] is not None),
                unmapped_since=min((row["first_seen_at"] for row in unmapped), default=None),
                lists_itself=all(row["list_name"] is not None for row in unmapped),
                canaries=len(canaries_of(config, name)) if configured else 0,
                limits=_limits(configured) if configured else (),
                unverified_facts=facts_of(configured.system).unverified if configured else (),
            )
        )
    return found


def _limits(configured: Destination) -> tuple[str, ...]:
    facts = facts_of(configured.system)
    lifts = facts.can_release or (configured.model_extra or {}).get("lifts") is True
    said = ((not lifts, "it lifts nothing"), (not facts.keeps_our_mark, "it does not tell who wrote a row"))
    return tuple(sentence for holds, sentence in said if holds)
