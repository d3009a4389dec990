"""The order of an erasure: what is asked, what it waits for, what goes, and how it is known that it went.

1. *Asked*: the tombstones are written into the journal of erasures, and a request for erasure on every channel of the whole
   company into the inbox. It takes the way of every request.
2. *Waiting* until that suppression is published and every destination has it: what is erased before that could be contacted by
it.
3. *Redacted*: landed files, byte by byte (``landed``), and the sync ledger; everything that is made of them is removed.
4. *Built again* from what is left, by an ordinary run with its gates.
5. *Removed*: published versions and sets of evidence that still name them.
6. *Looked through*: every file of the home. Only when none names them the erasure is done.

Each step can be killed at any point and begun again: the next call goes on from what the home says, and one that finds nothing
to do does nothing. What has to be known in plain form until the end lies in ``erasures/open.json``, which is the last to go.
"""

from __future__ import annotations

import csv
import functools
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.config import ERASURES, Config, load_config
from orchestration.core.errors import Busy, ConfigError
from orchestration.core.files import canonical_json, one_file, sync_folder, write_atomic
from orchestration.core.home import CHECKOUT, PRIVATE_FOLDER, Home
from orchestration.core.journal import erasures_log, who_and_why
from orchestration.core.key import home_key
from orchestration.core.lock import run_lock
from orchestration.core.masks import mask_text
from orchestration.core.tombstones import STAND_IN, Tombstone, new_tombstone, stand_in, tombstone_of, tombstones
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import counted, listed
from orchestration.destinations.contract import facts_of
from orchestration.erasure import holds, landed
from orchestration.erasure.points import Point, pattern
from orchestration.erasure.traces import Trace, traces
from orchestration.identifiers.postal import fold_name, postal_key
from orchestration.landing.archives import landed_path
from orchestration.landing.manifest import Entry, read_manifest
from orchestration.landing.sealing import sealed_path
from orchestration.publish.versions import MANIFEST, latest_version, read_published, version_folder
from orchestration.readers.feeds import all_feeds
from orchestration.scrub.screening import digests
from orchestration.sync.ledger import ledger
from orchestration.sync.redact import redact_ledger

_NAME_LETTERS = 2  # a shorter text is in every other word
_DONE, _WAITS = 0, 1


@dataclass(frozen=True)
class Erasure:
    """What one call found and did. Nothing personal: counts, masks and ids."""

    id: str | None
    state: str
    """planned, waiting, done, or nothing (there is nothing to erase)."""
    said: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Whose own lists go on naming the person."""
    files: int = 0
    """Landed files that were redacted in this call."""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return _WAITS if self.state == "waiting" else _DONE

    def as_dict(self) -> dict[str, Any]:
        return {
            "erasure": self.id,
            "state": self.state,
            "said": list(self.said),
            "waits_for": list(self.waits_for),
            "kept": list(self.kept),
            "files_redacted": self.files,
            **self.facts,
        }

    def lines(self) -> list[str]:
        heads = {
            "planned": "Would be erased; nothing was changed.",
            "waiting": f"Erasure {self.id} is not done.",
            "done": f"Erasure {self.id} is done.",
            "nothing": "Nothing to erase.",
        }
        lines = [heads[self.state], *(f"  {sentence}" for sentence in self.said)]
        lines += [f"  Waits for: {sentence}" for sentence in self.waits_for]
        lines += [f"  Kept: {sentence}" for sentence in self.kept]
        return lines


@dataclass
class _Open:
    """An erasure that was begun: ``erasures/open.json``."""

    id: str
    points: tuple[Point, ...]
    names: dict[str, str]
    """Names and streets that stand beside the contact points, and what is written for each."""
    postal: dict[str, Tombstone]
    """By postal key made of them."""
    asked_at: str

    @property
    def everything(self) -> tuple[Point, ...]:
        """What must not be named any more."""
        return (*self.points, *(Point("postal", key) for key in sorted(self.postal)))

    def save(self, home: Home) -> None:
        write_atomic(
            _open_file(home),
            canonical_json(
                {
                    "id": self.id,
                    "points": [point.as_dict() for point in self.points],
                    "names": self.names,
                    "postal": {key: stone.as_dict() for key, stone in self.postal.items()},
                    "asked_at": self.asked_at,
                }
            )
            + "\n",
        )


def _open_file(home: Home) -> Path:
    return home.erasures_folder / "open.json"


def _read_open(home: Home) -> _Open | None:
    path = _open_file(home)
    if not path.is_file():
        return None
    said = json.loads(path.read_bytes())
    postal = {key: Tombstone(**{**stone, "digests": tuple(stone["digests"])}) for key, stone in said["postal"].items()}
    return _Open(said["id"], tuple(Point.of(point) for point in said["points"]), said["names"], postal, said["asked_at"])


def erase(home: Home, config: Config, points: Sequence[Point], *, person: str, reason: str, as_of: datetime) -> Erasure:
    """Begin an erasure, or go on with the one that was begun. ``points`` may be empty to go on.

    Raises:
        ConfigError: no name or reason; one of them names the person; another erasure is open; a legal hold forbids it; a landed
            file names them in which single records cannot be rewritten.
        Busy: a run is going on.
    """
    problems = who_and_why(person, reason)
    if points and pattern(points).search(f"{person}\n{reason}".encode()):
        problems.append("--by and --reason are kept for ever: they must not name whom to erase")
    if problems:
        raise ConfigError(
            "Erasing", problems, next_step="give a name and a reason without the person's data; nothing was changed"
        )
    with run_lock(home) as got:
        if not got:
            raise Busy("Erasing", seen="a run is in progress in this home", next_step="wait for it to end, then erase")
        begun = _read_open(home)
        if begun is not None and _is_done(home, begun.id):
            _forget(home)  # killed between the last two steps
            begun = None
        if begun is None:
            if not points:
                raise ConfigError("Erasing", seen="no erasure is open here", next_step="name whom to erase")
            holds.require_none(home, points, "Erasing")
            if not _is_known(home, config, points):
                return Erasure(None, "nothing", _known_as(home, points))
            begun = _begin(home, config, points, person, reason, as_of)
        elif points and {(point.identifier_type, point.identifier) for point in points} != {
            (point.identifier_type, point.identifier) for point in begun.points
        }:
            raise ConfigError(
                "Erasing",
                seen=f"erasure {begun.id} of other contact points is open",
                allowed="one erasure at a time",
                next_step="finish it with quietlist erase --continue; nothing was changed",
            )
        holds.require_none(home, begun.points, f"Going on with erasure {begun.id}")
        return _go_on(home, load_config(home), begun, person, reason, as_of)


def plan(home: Home, config: Config, points: Sequence[Point]) -> Erasure:
    """What an erasure would touch. Nothing is written."""
    holds.require_none(home, points, "Planning an erasure")
    points = _as_read(home, config, points)
    found = landed.find(home, points, _of_registry)
    said = [f"{counted(len(found), 'landed file')} would be redacted: {_by_source(found)}."] if found else []
    said += [sentence for item in found if (sentence := _refusal(item))]
    others: dict[str, int] = {}
    kept: dict[str, int] = {}
    seen = list(traces(home, config, points, (home.landing, *_left_out(home))))
    for trace in (trace for trace in seen if not trace.is_closed):
        place = kept if trace.kept_by else others
        name = trace.kept_by or trace.name
        place[name] = place.get(name, 0) + 1
    said += [f"{counted(count, 'file')} in {name}/ that name them." for name, count in sorted(others.items())]
    said += _not_looked_into(seen)
    if linked := _linked(home, config, points):
        said.append(f"The same person also has {listed(linked)}: these stay unless they are named too.")
    return Erasure(
        None,
        "planned" if found or others else "nothing",
        tuple(said or _known_as(home, points)),
        kept=tuple(f"{name}: its own list goes on leaving them alone" for name in sorted(kept)),
    )


def _begin(home: Home, config: Config, points: Sequence[Point], person: str, reason: str, as_of: datetime) -> _Open:
    home.erasures_folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    log = erasures_log(home)
    number = sum(entry["entry"] == "asked" and "more" not in entry for entry in log.entries()) + 1
    begun = _Open(f"E{number}", tuple(points), {}, {}, as_of.isoformat())
    begun.save(home)
    return begun


def _go_on(home: Home, config: Config, begun: _Open, person: str, reason: str, as_of: datetime) -> Erasure:
    begun.points = _as_read(home, config, begun.points)
    _read_names(home, config, begun)
    begun.save(home)
    stones = _ask(home, begun, person, reason, as_of)
    if waits := _waits(home, config, begun):
        return Erasure(begun.id, "waiting", ("Suppressed first: nothing was erased yet.",), tuple(waits))
    redacted = 0
    found = landed.find(home, begun.points, _of_registry)
    if refused := [sentence for item in found if (sentence := _refusal(item))]:
        raise ConfigError(
            f"Erasing from landed files ({begun.id})",
            refused,
            allowed="text files (CSV, JSON, lines), packed in no archive, in which single bytes can be replaced",
            next_step="see docs/erasure.md, What cannot be redacted; nothing was erased, the suppression stands",
        )
    everything = begun.everything
    of_points = [_stone_of(stones, home, point) for point in everything]
    landed.finish(home)
    for item in found:
        redacted += landed.redact(home, config, item, everything, of_points, landed.Names(begun.names), begun.id)
    told = redact_ledger(home, config.limits, everything, of_points)
    if redacted or told or _warehouse_names(home, config, everything):
        _remove_derived(home)
    said: list[str] = []
    if not home.warehouse_file.is_file() or _published_names(home, everything):
        from orchestration.run import run_job  # Dagster: seconds, paid only when something is built

        outcome = run_job(home, "quietlist", as_of, in_full=True)
        if not outcome.success or _published_names(home, everything):
            return Erasure(
                begun.id,
                "waiting",
                ("Their landed files are redacted; the table that is published still names them.",),
                tuple(f"a run that publishes: {text}" for text in [*outcome.errors, *outcome.unmet] or ["quietlist run"]),
                files=redacted,
            )
        said = [sentence for sentence in outcome.unmet if not sentence.startswith("alert")]
    if nameless := _names_left(home, config, of_points):
        said.append(
            f"{counted(nameless, 'record')} of theirs name them beside it, where that could not be told apart from other words."
        )
    _remove_versions(home, begun)
    left = list(traces(home, config, everything, _left_out(home)))
    closed = [trace for trace in left if trace.is_closed]
    kept = sorted({trace.kept_by for trace in left if trace.kept_by and not trace.is_closed})
    said += _not_looked_into(closed)
    if stays := [trace for trace in left if not trace.kept_by and not trace.is_closed]:
        return Erasure(begun.id, "waiting", tuple(said), tuple(_still(stays)), files=redacted)
    _note_done(home, begun, person, reason, as_of, kept, len(closed))
    _forget(home)
    of_them = "No file of this home that can be opened names" if closed else "No file of this home names"
    return Erasure(
        begun.id,
        "done",
        (*said, f"{of_them} them any more; {counted(len(of_points), 'tombstone')} will know them again."),
        kept=tuple(f"{name}: its own list goes on leaving them alone" for name in kept),
        files=redacted,
    )


# -- asked
# ------------------------------------------------------------------------------------------------------------------------


def _ask(home: Home, begun: _Open, person: str, reason: str, as_of: datetime) -> list[Tombstone]:
    """Write tombstones and the request, each once. Returns all tombstones of the home."""
    known = list(tombstones(home))
    log = erasures_log(home)
    mine = [entry for entry in log.entries() if entry["entry"] == "asked" and entry["id"] == begun.id]
    said = {(point["identifier_type"], point["token"]) for entry in mine for point in entry["points"]}
    wanted = list(begun.postal.values())
    for point in begun.points:
        stone = new_tombstone(home, known, point.identifier_type, point.identifier, region=point.region, digests=_digests(point))
        known.append(stone)
        wanted.append(stone)
    new = [stone for stone in dict.fromkeys(wanted) if (stone.identifier_type, stone.token) not in said]
    if new or not mine:
        entry: dict[str, Any] = {
            "entry": "asked",
            "id": begun.id,
            "at": as_of.isoformat(),
            "person": person,
            "reason": reason,
            "points": [stone.as_dict() for stone in new],
        }
        with log.alone():
            log.add(home, {**entry, "more": True} if mine else entry)
    _request(home, begun)
    return list(tombstones(home))


def _request(home: Home, begun: _Open) -> None:
    """The request for erasure, in the inbox until a run takes it. It carries the erasure's id, so it is one request for ever."""
    name = f"{begun.id.lower()}.jsonl"
    if any(entry.source == ERASURES and entry.name == name for entry in read_manifest(home)):
        return
    folder = home.inbox / ERASURES
    line = {
        "request_key": begun.id,
        "requested_at": begun.asked_at,
        "action": "erasure",
        "method": "privacy_request",
        "channels": "all",
        "scope": "*",
        "email": ";".join(point.identifier for point in begun.points if point.identifier_type == "email"),
        "phone": ";".join(point.identifier for point in begun.points if point.identifier_type == "phone"),
    }
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_atomic(folder / name, json.dumps(line, sort_keys=True) + "\n")


# -- what it waits for
# ------------------------------------------------------------------------------------------------------------


def _waits(home: Home, config: Config, begun: _Open) -> list[str]:
    name = f"{begun.id.lower()}.jsonl"
    if not any(entry.source == ERASURES and entry.name == name for entry in read_manifest(home)):
        return ["a run that takes the request in (quietlist run), then this command again"]
    waits = []
    missing = _unpublished(home, begun)
    if missing:
        waits.append(f"a published version in which they are suppressed on {listed(missing)} (quietlist run)")
    for destination in config.sends:
        if not_there := _not_there(home, config, begun, destination):
            waits.append(f"{destination}: the suppression is not proved there on {listed(not_there)} (quietlist run)")
    return waits


def _unpublished(home: Home, begun: _Open) -> list[str]:
    """The channels on which somebody of them, in plain form or as a token, is not suppressed everywhere."""
    if not latest_version(home):
        return sorted(TYPES_OF_CHANNEL)
    known, missing = tombstones(home), set()
    relation = read_published(home).relation
    with duckdb.connect() as con:
        for point in begun.points:
            stone = tombstone_of(home, known, point.identifier_type, point.identifier)
            names = [point.identifier, *([stone.token] if stone else [])]
            found = {
                channel
                for (channel,) in con.execute(
                    f"select distinct channel from {relation} where identifier_type = ? and list_contains(?, identifier) "
                    "and scope = '*' and len(coalesce(except_scopes, [])) = 0",
                    [point.identifier_type, names],
                ).fetchall()
            }
            missing |= {name for name, types in TYPES_OF_CHANNEL.items() if point.identifier_type in types} - found
    return sorted(missing)


def _not_there(home: Home, config: Config, begun: _Open, destination: str) -> list[str]:
    """The channels of a destination that it is not proved, or where nothing can be proved not known, to leave them alone on."""
    entry, facts = config.destinations[destination], facts_of(config.destinations[destination].system)
    if not home.sync_ledger_file.is_file():
        return sorted(entry.channels)
    known, missing = tombstones(home), set()
    with ledger(home, config.limits) as con:
        for point in begun.points:
            if point.identifier_type not in facts.identifier_types:
                continue
            stone = tombstone_of(home, known, point.identifier_type, point.identifier)
            names = [point.identifier, *([stone.token] if stone else [])]
            states = con.execute(
                # A system that cannot be read back proves nothing: that it accepted is all there will ever be.
                "select channel, bool_and(state = 'verified' "
                "or (state = 'sent' and accepted_at is not null and verify_class in ('none', 'receipt'))) "
                "from row_state where destination = ? and identifier_type = ? and list_contains(?, identifier) and wanted "
                "group by channel",
                [destination, point.identifier_type, names],
            ).fetchall()
            there = {channel for channel, is_there in states if is_there}
            missing |= {name for name in entry.channels if point.identifier_type in TYPES_OF_CHANNEL[name]} - there
    return sorted(missing)


# -- what this home knows
# ----------------------------------------------------------------------------------------------------------


def _as_read(home: Home, config: Config, points: Sequence[Point]) -> tuple[Point, ...]:
    """The points with every spelling in which this home has read them."""
    if not home.warehouse_file.is_file():
        return tuple(points)
    read = []
    with warehouse(home, read_only=True, limits=config.limits) as con:
        for point in points:
            column = "email" if point.identifier_type == "email" else "e164"
            try:
                spelt = con.execute(
                    f"select distinct raw from identifiers.{point.identifier_type} where {column} = ?", [point.identifier]
                ).fetchall()
            except duckdb.CatalogException:
                spelt = []  # nothing was ever read here
            texts = {*point.spellings, *(raw for (raw,) in spelt)} - {point.identifier}
            _require_own(con, point, sorted(texts))
            read.append(Point(point.identifier_type, point.identifier, point.region, tuple(sorted(texts))))
    return tuple(read)


def _read_names(home: Home, config: Config, begun: _Open) -> None:
    """The names and streets in the records of these contact points, and the tombstones of the postal keys made of them.

    A number may be a household's, so where an address is named, only the records of an address say who it is.
    """
    if not home.warehouse_file.is_file():
        return
    key, known = home_key(home), tombstones(home)
    of_addresses = [point for point in begun.points if point.identifier_type == "email"]
    column = "emails_raw" if of_addresses else "phones_raw"
    texts = sorted({text for point in of_addresses or begun.points for text in (point.identifier, *point.spellings)})
    fields = "name, address, postal_code, country"
    rows = []
    with warehouse(home, read_only=True, limits=config.limits) as con:
        for table in ("int_requests__unioned", "int_contacts__unioned"):
            try:
                rows += con.execute(
                    f"select distinct {fields} from staging.{table} where list_has_any({column}, ?)", [texts]
                ).fetchall()
            except duckdb.CatalogException:
                continue  # nothing was ever staged here
    for name, address, code, country in rows:
        for text, is_name in ((name, True), (address, False)):
            begun.names |= _instead(key, text, is_name)
        plain = postal_key(name, address, code, country)
        if plain is not None and not (fold_name(name) or "").startswith(STAND_IN):
            token = postal_key(stand_in(key, fold_name(name) or ""), stand_in(key, fold_name(address) or ""), code, country)
            begun.postal[plain] = new_tombstone(home, known, "postal", plain, postal_token=token or "")


def _instead(key: bytes, text: str | None, is_name: bool) -> dict[str, str]:
    """What is written for a text and, where a name stands in several columns, for its parts: together they are the same again."""
    folded = fold_name(text)
    if text is None or folded is None or folded.startswith(f"{STAND_IN} ") or len(folded) < _NAME_LETTERS:
        return {}
    if folded in _words_with_a_meaning():
        return {}  # taken out, the record might say something else
    text = text.strip()
    whole = stand_in(key, folded)
    found = {text: whole}
    words = text.split() if is_name else []
    first, _, last = whole.partition(" ")
    for count in range(1, len(words)):
        for part, instead in ((" ".join(words[:count]), first), (" ".join(words[count:]), last)):
            if len(part) >= _NAME_LETTERS and fold_name(part) not in _words_with_a_meaning():
                found.setdefault(part, instead)
    return found


@functools.cache
def _words_with_a_meaning() -> frozenset[str | None]:
    """Words of the canonical columns that say what is asked: somebody may be called Will Call."""
    found: set[str | None] = set()
    for seed in ("actions", "channels", "channel_words", "methods"):
        with (CHECKOUT / "dbt_project" / "seeds" / "policy" / f"{seed}.csv").open(encoding="utf-8", newline="") as stream:
            found |= {fold_name(next(iter(row.values()))) for row in csv.DictReader(stream)}
    return frozenset(found)


def _digests(point: Point) -> tuple[str, ...]:
    """The forms under which an ad platform knows it, hashed, as a scrub of a campaign of digests looks for them."""
    with duckdb.connect() as con:
        rows = con.execute(
            f"select unnest(list_distinct({digests()})) from (select ? as identifier_type, ? as identifier)",
            [point.identifier_type, point.identifier],
        ).fetchall()
    return tuple(text for (text,) in rows)


def _require_own(con: duckdb.DuckDBPyConnection, point: Point, texts: Sequence[str]) -> None:
    """A number without its country code may be another person's in another country: taking it out would take theirs."""
    if point.identifier_type != "phone" or not texts:
        return
    (others,) = con.execute(
        "select count(distinct e164) from identifiers.phone where list_contains(?, raw) and e164 <> ?", [texts, point.identifier]
    ).fetchall()[0]
    if others:
        raise ConfigError(
            "Erasing a number",
            seen=f"a spelling of it without a country code, which is also read as {counted(others, 'number')} of other people",
            next_step="see docs/erasure.md, What cannot be redacted; nothing was erased",
        )


def _is_known(home: Home, config: Config, points: Sequence[Point]) -> bool:
    """Whether anything here names one of them."""
    return not _is_buried(home, points) or any(
        not trace.kept_by and not trace.is_closed for trace in traces(home, config, points, _left_out(home))
    )


def _is_buried(home: Home, points: Sequence[Point]) -> bool:
    known = tombstones(home)
    return all(tombstone_of(home, known, point.identifier_type, point.identifier) for point in points)


def _known_as(home: Home, points: Sequence[Point]) -> tuple[str, ...]:
    if _is_buried(home, points):
        return ("They were erased, nothing here names them since, and they stay suppressed.",)
    return ("Nothing here names them.",)


def _linked(home: Home, config: Config, points: Sequence[Point]) -> list[str]:
    """Other contact points of the same persons, masked."""
    if not home.warehouse_file.is_file():
        return []
    with warehouse(home, read_only=True, limits=config.limits) as con:
        try:
            rows = con.execute(
                """
                with mine as (
                    select distinct person from identity.contact_points where list_contains(?, identifier) and person is not null
                )
                select distinct identifier_type, identifier from identity.contact_points
                where person in (select person from mine) and not list_contains(?, identifier) order by all
                """,
                [[point.identifier for point in points]] * 2,
            ).fetchall()
        except duckdb.CatalogException:
            return []
    return [Point(kind, identifier).masked for kind, identifier in rows]


def _of_registry(entry: Entry) -> bool:
    """Whether a delivery is a copy of a registry's list, which is its publisher's and not the person's."""
    kinds = {kind for feed in all_feeds() if feed.format == entry.settings.format for kind in feed.kinds}
    return kinds == {"registry"}


def _left_out(home: Home) -> tuple[Path, ...]:
    """Where nobody is looked for: the journal of erasures, which holds hashes and what is open, and copies of registries."""
    copies = [landed_path(home, entry.sha256) for entry in read_manifest(home) if _of_registry(entry)]
    sealed = [sealed_path(path) for path in copies]
    return (home.erasures_folder, home.registries_folder, home.registries_published, *copies, *sealed)


def _stone_of(stones: Sequence[Tombstone], home: Home, point: Point) -> Tombstone:
    found = tombstone_of(home, stones, point.identifier_type, point.identifier)
    assert found is not None  # written before anything is redacted
    return found


def _by_source(found: Sequence[landed.Found]) -> str:
    counts: dict[str, int] = {}
    for item in found:
        counts[item.entry.source] = counts.get(item.entry.source, 0) + 1
    return listed([f"{count:,} of {source}" for source, count in sorted(counts.items())])


def _refusal(item: landed.Found) -> str:
    if item.can_redact:
        return ""
    return f"delivery {item.entry.seq} of source {item.entry.source} cannot be redacted: {item.why_not}"


# -- removed
# -----------------------------------------------------------------------------------------------------------------------


def _warehouse_names(home: Home, config: Config, points: Sequence[Point]) -> bool:
    if not home.warehouse_file.is_file():
        return False
    with warehouse(home, read_only=True, limits=config.limits) as con:
        try:
            return bool(
                con.execute(
                    "select 1 from identifiers.contact_point where list_contains(?, identifier) limit 1",
                    [[point.identifier for point in points]],
                ).fetchall()
            )
        except duckdb.CatalogException:
            return False


def _names_left(home: Home, config: Config, stones: Sequence[Tombstone]) -> int:
    """Records of theirs that give a name all the same, as the models have read them."""
    tokens = {kind: [stone.token for stone in stones if stone.identifier_type == kind] for kind in ("email", "phone")}
    kind, column = ("email", "emails_raw") if tokens["email"] else ("phone", "phones_raw")
    with warehouse(home, read_only=True, limits=config.limits) as con:
        return sum(
            int(
                con.execute(
                    f"select count(*) from staging.{table} where list_has_any({column}, ?) "
                    f"and coalesce(trim(name), '') <> '' and not starts_with(lower(name), '{STAND_IN} ')",
                    [tokens[kind]],
                ).fetchall()[0][0]
            )
            for table in ("int_requests__unioned", "int_contacts__unioned")
        )


def _published_names(home: Home, points: Sequence[Point]) -> bool:
    return bool(latest_version(home)) and _parquet_names(
        read_published(home).folder / "part-0.parquet", [point.identifier for point in points]
    )


def _parquet_names(file: Path, identifiers: Sequence[str]) -> bool:
    with duckdb.connect() as con:
        found = con.execute(
            "select 1 from read_parquet(?, hive_partitioning = false) where list_contains(?, identifier) limit 1",
            [one_file(file), list(identifiers)],
        ).fetchall()
    return bool(found)


def _remove_derived(home: Home) -> None:
    """Everything that is made of the landed files and will be made again. A database keeps what was deleted in its free blocks,
    and a table its texts in a dictionary: only a new file is free of them. The warehouse goes last: while it is there, this is
    done again.
    """
    for folder in (home.quarantine, home.warehouse_folder / "candidate", home.spill_folder, home.warehouse_folder / "unpacked"):
        for path in folder.iterdir() if folder.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in sorted(home.warehouse_folder.glob(f"{home.warehouse_file.name}*"), reverse=True):
        path.unlink()
    sync_folder(home.warehouse_folder)


def _remove_versions(home: Home, begun: _Open) -> None:
    """Old published versions, and sets of evidence, that name them. What is removed is said before it goes, so that the chain
    knows it for gone; their manifests stay, so the series goes on proving itself.
    """
    doomed = []
    latest = latest_version(home)
    identifiers = [point.identifier for point in begun.everything]
    for number in range(1, latest or 0):
        folder = version_folder(home, number)
        doomed += [path for path in _data_files(folder) if _any_column_names(path, identifiers)]
    sets = [folder for folder in home.evidence_published.glob("version=*") if folder.is_dir()]
    newest = max((int(folder.name.partition("=")[2]) for folder in sets if folder.name.partition("=")[2].isdigit()), default=0)
    for folder in sets:
        if folder.name != f"version={newest}":
            doomed += [path for path in _data_files(folder) if _any_column_names(path, identifiers)]
    if not doomed:
        return
    log = erasures_log(home)
    names = [path.relative_to(home.root).as_posix() for path in doomed]
    with log.alone():
        log.add(home, {"entry": "removed", "id": begun.id, "files": names})
    for path in doomed:
        path.unlink()
        sync_folder(path.parent)


def _data_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.parquet") if path.is_file()) if (folder / MANIFEST).is_file() else []


def _any_column_names(path: Path, identifiers: Sequence[str]) -> bool:
    with duckdb.connect() as con:
        told = " or ".join(["contains(lower(whole::varchar), ?)"] * len(identifiers))
        return bool(
            con.execute(
                f"select 1 from read_parquet(?, hive_partitioning = false) as whole where {told} limit 1",
                [one_file(path), *identifiers],
            ).fetchall()
        )


def _by_folder(found: Sequence[Trace]) -> list[tuple[str, int]]:
    return sorted(Counter(trace.name for trace in found).items())


def _not_looked_into(found: Sequence[Trace]) -> list[str]:
    """Broken archives, encrypted ones, tables that do not open: they may name anybody, and a person has to know of them."""
    return [
        f"Nobody could look into {counted(count, 'file')} in {mask_text(name)}/: broken, encrypted or of an unknown method. Open "
        "them another way, or remove them."
        for name, count in _by_folder([trace for trace in found if trace.is_closed])
    ]


def _still(stays: Sequence[Trace]) -> Iterator[str]:
    for name, count in _by_folder(stays):
        where = f"{counted(count, 'file')} in {mask_text(name)}/"
        yield f"{where} that still name them: remove or correct these, then this command again"


# -- done
# --------------------------------------------------------------------------------------------------------------------------


def _is_done(home: Home, erasure: str) -> bool:
    return any(entry["entry"] == "done" and entry["id"] == erasure for entry in erasures_log(home).entries())


def _note_done(
    home: Home, begun: _Open, person: str, reason: str, as_of: datetime, kept: Sequence[str], not_looked_into: int
) -> None:
    log = erasures_log(home)
    with log.alone():
        log.add(
            home,
            {
                "entry": "done",
                "id": begun.id,
                "at": as_of.isoformat(),
                "person": person,
                "reason": reason,
                "kept_by": list(kept),
                "not_looked_into": not_looked_into,
            },
        )


def _forget(home: Home) -> None:
    _open_file(home).unlink(missing_ok=True)
    sync_folder(home.erasures_folder)
