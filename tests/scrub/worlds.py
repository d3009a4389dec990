"""Random small worlds for the scrub, and what a person with a pencil would make of them: no code shared with the scrub."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.published import publish_golden, publish_registry
from orchestration.core.home import Home
from orchestration.identifiers.email_address import normalise_email
from orchestration.identifiers.phone import normalise_phone

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)
NODES = ("*", "acme", "acme/newsletter", "acme/offers", "outlet")
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]
[limits]
memory = "500MB"
"""
# Few, so that they meet: numbers reserved for fiction of three area codes, a Canadian and British ones.
NUMBERS = [f"+1{area}55501{n:02}" for area in (202, 212, 415) for n in range(6)]
NUMBERS += [f"+141655501{n:02}" for n in range(4)] + [f"+44207946000{n}" for n in range(6)]
EMAILS = [f"user.{n}@example.com" for n in range(8)] + [f"u+{n}@mail.example.org" for n in range(4)]
# Which registries bind whom, as read from the policy by hand: channels, country, and whether area codes count.
BINDS = {
    "us_ftc": ({"voice", "sms"}, "US", True),
    "ca_dncl": ({"voice", "fax"}, "CA", True),
    "uk_tps": ({"voice"}, "GB", False),
    "uk_ctps": ({"voice"}, "GB", False),
    "uk_fps": ({"fax"}, "GB", False),
}
# Typed where there is no contact point.
EMPTY_WORDS = ("n/a", "N/A", "-", "--", "none", "NULL", "unknown")
CODES = {"US": "+1", "CA": "+1", "GB": "+44"}


@dataclass
class World:
    """One published world and one campaign."""

    golden: list[dict[str, Any]]
    registries: dict[str, tuple[set[int], list[str]]]
    header: list[str]
    rows: list[list[str]]
    channels: list[str]
    nodes: list[str]
    kinds: dict[str, str] = field(default_factory=lambda: {"e-mail": "email", "mobile": "phone", "home phone": "phone"})


def random_world(luck: random.Random) -> World:
    golden = {}
    for _ in range(luck.randint(0, 30)):
        kind = luck.choice(["email", "phone"])
        row = {
            "channel": luck.choice(["email", "ads"] if kind == "email" else ["voice", "sms", "fax", "ads"]),
            "identifier_type": kind,
            "identifier": luck.choice(EMAILS if kind == "email" else NUMBERS),
            "scope": luck.choice(NODES),
            "except_scopes": luck.sample(NODES, luck.choice([0, 0, 1, 2])),
            "reason": luck.choice(["opt_out", "complaint", "erasure"]),
            "basis": luck.choice(["direct", "person", "registry"]),
            "suppressed_since": AS_OF - timedelta(days=luck.randint(1, 3)),
            "rule_id": luck.choice([None, "US-CANSPAM"]),
            "registry": None,
            "registry_version": None,
        }
        golden[row["channel"], kind, row["identifier"], row["scope"]] = row
    registries = {}
    for name, (_, country, by_area) in BINDS.items():
        if luck.random() < 0.7:
            mine = [n for n in NUMBERS if normalise_phone(n, None).number_region == country]
            numbers = {int(n[1:]) for n in luck.sample(mine, luck.randint(1, len(mine)))}
            registries[name] = (numbers, luck.sample(["202", "212", "416"], luck.randint(1, 3)) if by_area else [])
    rows = [
        [
            f"c{n}",
            _spelled_email(luck),
            _spelled_phone(luck),
            luck.choice(["", "", "US", "GB", "ca"]),
            _spelled_phone(luck),
            luck.choice(["", 'he said "no"', "a; b, c|d\te", " spaces ", "=1+1"]),
        ]
        for n in range(luck.randint(1, 40))
    ]
    rows[0][1:3] = [luck.choice(EMAILS), luck.choice(NUMBERS)]  # so that the columns can be told by what is in them
    rows[0][4] = luck.choice(NUMBERS)
    channels = luck.sample(["email", "voice", "sms", "fax", "ads"], luck.randint(1, 3))
    nodes = luck.choice([[], ["*"], luck.sample(NODES, luck.randint(1, 2))])
    header = ["customer", "e-mail", "mobile", "country", "home phone", "note"]
    return World(list(golden.values()), registries, header, rows, channels, nodes)


def publish(world: World, home: Home) -> None:
    home.create()
    home.config_file.write_text(CONFIG)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        schema = pa.schema(
            [
                *((name, pa.string()) for name in ("channel", "identifier_type", "identifier", "scope")),
                ("except_scopes", pa.list_(pa.string())),
                *((name, pa.string()) for name in ("reason", "basis")),
                ("suppressed_since", pa.timestamp("us", "UTC")),
                *((name, pa.string()) for name in ("rule_id", "registry", "registry_version")),
            ]
        )
        con.register("rows_now", pa.Table.from_pylist(world.golden, schema))
        con.execute("create table rows_kept as select * from rows_now")
        publish_golden(con, home, "select * from rows_kept", AS_OF - timedelta(hours=1))
        for name, (numbers, areas) in world.registries.items():
            query = f"select unnest({sorted(numbers)}::ubigint[]) as number"
            publish_registry(con, home, name, query, AS_OF - timedelta(days=2), areas)


def write_csv(world: World, path: Path, delimiter: str, end: str, quoting: int, encoding: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(world.header)
    writer.writerows(world.rows)
    path.write_bytes(text.getvalue().encode(encoding))


def naive(world: World) -> list[tuple[Any, ...]]:
    """Per row what becomes of it: ('allowed',), ('blocked', column, channel, reason, basis, scope, registry, all of them), ..."""
    return [_judged(world, row) for row in world.rows]


def _judged(world: World, row: list[str]) -> tuple[Any, ...]:
    cells = dict(zip(world.header, row, strict=True))
    region = cells["country"].strip() or "US"
    hits, unreadable, filled, gaps = [], [], 0, []
    wanted = list(world.channels)
    for at, channel in enumerate(wanted):
        for column, kind in world.kinds.items():
            if kind not in {"email": ["email"], "ads": ["email", "phone"]}.get(channel, ["phone"]):
                continue
            text = cells[column]
            if text.strip() in ("", *EMPTY_WORDS):
                continue
            filled += 1
            if kind == "email":
                read = normalise_email(text)
                identifier, country = read.email, None
            else:
                number = normalise_phone(text, region)
                read, identifier, country = number, number.e164, number.number_region
            if identifier is None:
                unreadable.append((list(world.kinds).index(column), column, read.reason))
                continue
            place = at, list(world.kinds).index(column)
            hits += _golden_hits(world, channel, column, kind, identifier, place)
            if kind == "phone":
                hits += _listings(world, channel, column, int(identifier[1:]), place)
                gaps += _gaps(world, channel, column, identifier, country)
    if hits:
        return ("blocked", *min(hits, key=lambda hit: hit[0])[1], frozenset(said for _, said in hits))
    if unreadable:
        return ("unreadable", *min(unreadable)[1:])
    if not filled:
        return ("unreadable", None, "empty")
    return ("unscreened",) if gaps else ("allowed",)


def _golden_hits(world: World, channel: str, column: str, kind: str, identifier: str, place: tuple[int, int]) -> list[Any]:
    found = []
    for row in world.golden:
        if (row["channel"], row["identifier_type"], row["identifier"]) != (channel, kind, identifier):
            continue
        if world.nodes and not any(_suppresses(row, node) for node in world.nodes):
            continue
        rank = ["direct", "person", "registry"].index(row["basis"])
        since = row["suppressed_since"].timestamp()
        said = (column, channel, row["reason"], row["basis"], row["scope"], None)
        found.append(((rank, since, *place, row["scope"]), said))
    return found


def _suppresses(row: dict[str, Any], node: str) -> bool:
    above = {node: ["*"] if node == "*" else ["*", *("/".join(node.split("/")[: n + 1]) for n in range(node.count("/") + 1))]}
    path = above[node]
    if row["scope"] not in path:
        return False
    return not any(free in path and path.index(free) > path.index(row["scope"]) for free in row["except_scopes"])


def _listings(world: World, channel: str, column: str, number: int, place: tuple[int, int]) -> list[Any]:
    return [
        ((2, float("inf"), at, *place), (column, channel, "registry", "registry", "*", name))
        for at, name in enumerate(sorted(world.registries))
        if channel in BINDS[name][0] and number in world.registries[name][0]
    ]


def _gaps(world: World, channel: str, column: str, identifier: str, country: str | None) -> list[str]:
    gaps = []
    for name, (channels, home_of, by_area) in BINDS.items():
        # Nobody's number by any plan: it may be anybody's who has the calling code.
        whose = country or home_of
        if channel not in channels or whose != home_of or not identifier.startswith(CODES[home_of]):
            continue
        if name not in world.registries or (by_area and identifier[2:5] not in world.registries[name][1]):
            gaps.append(name)
    return gaps


def _spelled_phone(luck: random.Random) -> str:
    number = luck.choice(NUMBERS)
    if number.startswith("+44"):
        national = "0" + number[3:]
        return luck.choice([number, f"{number[:3]} {number[3:5]} {number[5:]}", national, f"({national[:3]}) {national[3:]}"])
    area, exchange, line = number[2:5], number[5:8], number[8:]
    return luck.choice(
        [
            "",
            number,
            number[1:],
            number[2:],
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"1-{area}-{exchange}-{line}",
            f"+1 {area} {exchange} {line}",
            f" {area}.{exchange}.{line} ",
            f"{number} x12",
            f"{number[2:]}.0",
            "anonymous",
            "8888888888",
            "555-0123",
            "1.5551E+10",
            "+1 (999) 555-0101",
            luck.choice(EMPTY_WORDS),
            f" {luck.choice(EMPTY_WORDS)} ",
        ]
    )


def _spelled_email(luck: random.Random) -> str:
    address = luck.choice(EMAILS)
    return luck.choice(
        [
            "",
            address,
            address.upper(),
            f" {address} ",
            f"Ann <{address}>",
            f"mailto:{address}",
            "none@none",
            luck.choice(EMPTY_WORDS),
            "  ",
        ]
    )
