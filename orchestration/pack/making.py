"""Making a pack: the folder with its tables, pages, chain and receipts, signed, beside it the archive, and the note on the chain.

The order of the steps: the folder is filled under a temporary name, its manifest signed, what was made noted in
``matters/packs.jsonl`` (for whom, of what period, whether people are named, and the hash of the manifest), and only then the
folder gets its name. So no pack that is complete is without its note; a note without its pack is what a killed process leaves.
The note holds the public key too, so that the chain shows which key signed what, also after the home's key was replaced.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import duckdb

from orchestration.answers.explain import subject
from orchestration.audit.verify import Verified
from orchestration.core.chain import GENESIS
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.files import (
    keep_file,
    one_file,
    put_in_place,
    sha256_bytes,
    sha256_file,
    sync_folder,
    whole_lines,
    write_atomic,
)
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.journal import packs_log
from orchestration.core.key import create_hmac_function, fingerprint, home_key
from orchestration.core.signing import PACKS, public_key, sign
from orchestration.core.sql import quoted, quoted_name
from orchestration.core.warehouse import prepare
from orchestration.core.wording import counted, moment
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import rows
from orchestration.pack.asked import Asked, require_outside
from orchestration.pack.figures import figures, span_of
from orchestration.pack.manifest import (
    CHAIN,
    FORMAT,
    KIND,
    LETTER,
    MANIFEST,
    PAGE,
    RECEIPTS,
    SIGNATURE,
    TABLES,
    manifest_bytes,
    names_below,
    signature_bytes,
    write_archive,
)
from orchestration.pack.page import render_letter, render_page
from orchestration.pack.tables import Table, open_pack
from orchestration.publish.candidate import write_parquet
from orchestration.publish.versions import latest_version, version_folder
from orchestration.report.gather import walked
from orchestration.sync.receipts import Receipt, last_receipt, read_receipt

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = r"^[=+@\t\r-]"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Made:
    """A pack as it lies there."""

    folder: Path
    archive: Path
    manifest_sha256: str
    key: str
    counts: dict[str, int]
    exported: Exported | None
    revealed: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "archive": str(self.archive),
            "manifest_sha256": self.manifest_sha256,
            "public_key": self.key,
            "rows": self.counts,
            "revealed": self.revealed,
            "during_a_run": self.exported and self.exported.as_dict(),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        if self.exported:
            yield self.exported.sentence()
        told = [
            counted(self.counts[name], one, many)
            for name, one, many in (
                ("requests", "request", "requests"),
                ("clocks", "clock", "clocks"),
                ("contacts", "contact made", "contacts made"),
                ("violations", "violation", "violations"),
            )
        ]
        yield f"Made: {self.folder / PAGE}, with {', '.join(told)}. Archive: {self.archive}"
        yield f"SHA-256 of its manifest, which is noted on the chain of evidence: {self.manifest_sha256}"
        yield f"Signed with the key {self.key}; hand it over another way than the pack (quietlist evidence key)."
        if self.revealed:
            yield "It names people. Keep it as the list itself is kept; an erasure does not reach it."


def make_pack(home: Home, config: Config, asked: Asked, as_of: datetime, out: Path | None) -> Made:
    """Make the pack that was asked for.

    Args:
        out: a new folder, or an empty one; None: one in ``reports/evidence``, for a pack that is masked.

    Raises:
        ConfigError: the folder is not new, or lies where a pack that names people may not; nobody has the identifier asked about.
        Busy: a run is going on, and none before it exported a set; or it was writing while the chain was walked.
    """
    folder = _new_folder(home, asked, as_of, out)
    archive = folder.with_name(f"{folder.name}.zip")
    part = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=PRIVATE_FOLDER, parents=True)
    try:
        (part / TABLES).mkdir(mode=PRIVATE_FOLDER)
        chain = walked(home, config)
        _copy_chain(home, part / CHAIN, chain)
        with evidence_at_hand(home, config) as (con, exported):
            points = _points(con, home, config, asked, exported)
            tables = open_pack(con, home, config, asked, points, has_contacts=exported is None)
            _from_files(con, home, config, asked, part)
            told = [_write_table(con, part / TABLES, table) for table in tables]
            pack = _statement(con, home, config, asked, as_of, points, exported)
            said = list(_said(con, config, asked, as_of, exported, chain))
        counts = {table["name"]: table["rows"] for table in told}
        facts = _chain_facts(chain)
        with _opened(home, config, part, told) as con:
            write_atomic(part / PAGE, render_page(pack, facts, told, figures(con, said)))
            if points:
                write_atomic(part / LETTER, render_letter(pack | {"limits": said}, list(_letter(con, pack["contact_points"]))))
        key = public_key(home, PACKS)
        data = manifest_bytes(
            {"kind": KIND, "format": FORMAT, "pack": pack, "chain": facts, "tables": told, "files": _files(part)}
        )
        write_atomic(part / MANIFEST, data)
        write_atomic(part / SIGNATURE, signature_bytes(key, sign(home, PACKS, data)))
        _note(home, asked, pack, key, sha256_bytes(data))
        if folder.is_dir():
            folder.rmdir()  # an empty one that was there
        part.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _archive(folder, archive)
    return Made(folder, archive, sha256_bytes(data), key, counts, exported, asked.revealed)


def _new_folder(home: Home, asked: Asked, as_of: datetime, out: Path | None) -> Path:
    if out is None:
        if asked.revealed:
            raise ConfigError(
                "Making a pack that names people",
                seen="no --out",
                allowed="with --reveal a folder outside the home, such as --out /secure/pack",
                next_step="say where it shall lie; nothing was made",
            )
        days = "_".join(f"{at:%Y-%m-%d}" for at in (asked.start, asked.end) if at)
        # Several packs of one day are told apart by their moment; a person is not named by a folder.
        name = "_".join(filter(None, ("evidence", "person" if asked.persons else "", days, f"{as_of:%Y%m%dT%H%M%SZ}")))
        out = home.reports / "evidence" / name
    folder = out.resolve()
    if asked.revealed:
        require_outside(home, folder)
    archive = folder.with_name(f"{folder.name}.zip")
    if archive.exists() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ConfigError(
            f"Making a pack in {folder}",
            seen=f"{archive.name} is there already" if archive.exists() else "there is something in it already",
            allowed="a new or empty folder, with no archive of its name beside it",
            next_step="name another one with --out; nothing was made",
        )
    return folder


def _points(
    con: duckdb.DuckDBPyConnection, home: Home, config: Config, asked: Asked, exported: Exported | None
) -> list[tuple[str, str]]:
    """The contact points that were asked about."""
    found = [point for text in asked.persons for point in subject(con, home, config, text.strip(), False, exported)[1]]
    if asked.persons and not found:
        raise ConfigError(
            "Making a pack about a person",
            seen="what was given reaches no contact point",
            next_step="name an address or a number instead; nothing was made",
        )
    return list(dict.fromkeys(found))


def _copy_chain(home: Home, target: Path, chain: Verified) -> None:
    """The chain up to the head that was just proved: a line that came since is not part of the pack."""
    data = home.chain_file.read_bytes() if home.chain_file.is_file() else b""
    lines = list(io.BytesIO(data[: data.rfind(b"\n") + 1])) if chain.whole else [data]
    write_atomic(target, b"".join(lines[: chain.entries] if chain.whole else lines))


def _chain_facts(chain: Verified) -> dict[str, Any]:
    return {
        "head": chain.head if chain.entries else GENESIS,
        "entries": chain.entries,
        "whole": chain.whole,
        "said": chain.sentence(),
    }


def _from_files(con: duckdb.DuckDBPyConnection, home: Home, config: Config, asked: Asked, part: Path) -> None:
    """What is no table of the evidence: the published versions and the receipts of pushes, whose bytes the pack holds."""
    on_chain = {
        json.loads(line)["sha256"] for line in whole_lines(part / CHAIN)
    }  # a run may have added others since the chain was walked
    con.execute(
        "create or replace temp table pack_versions (version bigint, as_of timestamptz, rows bigint, rows_sha256 varchar, "
        "manifest_sha256 varchar, level varchar, is_overridden boolean, releases_held boolean)"
    )
    for number in range(1, (latest_version(home) or 0) + 1):
        file = version_folder(home, number) / "manifest.json"
        if sha256_file(file) not in on_chain:
            continue
        body = json.loads(file.read_text(encoding="utf-8"))
        con.execute(
            "insert into pack_versions values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number,
                body["as_of"],
                body["row_count"],
                body["rows_sha256"],
                sha256_file(file),
                body["gate"]["level"],
                bool(body["gate"].get("override")),
                bool(body.get("releases_held")),
            ],
        )
    con.execute(
        "create or replace temp table pack_receipts (destination varchar, seq bigint, as_of timestamptz, version bigint, "
        "accepted bigint, verified bigint, missing bigint, rejected bigint, released bigint, verify_class varchar, stopped "
        "varchar, sha256 varchar, file varchar)"
    )
    last = con.execute("select getvariable('pack_last_stop')").fetchall()[0][0]
    for name in sorted(config.destinations):
        if asked.destination in (None, name) and not asked.persons:
            for receipt in _receipts(home, name):
                at = datetime.fromisoformat(receipt.body["as_of"])
                if receipt.sha256 not in on_chain:
                    break
                if (asked.start is None or at >= asked.start) and (asked.end is None or at < asked.end or (last and at <= last)):
                    _take_receipt(con, name, receipt, part)


def _receipts(home: Home, destination: str) -> Iterator[Receipt]:
    last = last_receipt(home, destination)
    for seq in range(1, last.seq + 1 if last else 1):
        yield read_receipt(home, destination, seq)


def _take_receipt(con: duckdb.DuckDBPyConnection, destination: str, receipt: Receipt, part: Path) -> None:
    name = f"{RECEIPTS}/{destination}/{receipt.path.name}"
    for folder in (part / RECEIPTS, (part / name).parent):
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    write_atomic(part / name, receipt.path.read_bytes())
    told = [
        receipt.body.get(fact)
        for fact in ("version", "accepted", "verified", "missing", "rejected", "released", "verify_class", "stopped")
    ]
    con.execute(
        "insert into pack_receipts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [destination, receipt.seq, receipt.body["as_of"], *told, receipt.sha256, name],
    )


def _write_table(con: duckdb.DuckDBPyConnection, folder: Path, table: Table) -> dict[str, Any]:
    """Both files of a table, the second made from the first; what the manifest says of it."""
    parquet = folder / f"{table.name}.parquet"
    write_parquet(con, table.query, parquet)
    relation = f"read_parquet({quoted(one_file(parquet))})"
    columns = [(name, kind) for name, kind, *_ in con.execute(f"describe select * from {relation}").fetchall()]
    csv = folder / f"{table.name}.csv"
    cells = ", ".join(_cell(name, kind) for name, kind in columns)
    con.execute(f"copy (select {cells} from {relation}) to {quoted(csv)} (format csv, header)")
    keep_file(csv)
    count = con.execute(f"select count(*) from {relation}").fetchall()[0][0]
    return {
        "name": table.name,
        "title": table.title,
        "said": table.said,
        "rows": int(count),
        "columns": [f"{name} {kind.lower()}" for name, kind in columns],
    }


def _cell(name: str, kind: str) -> str:
    """As a spreadsheet may open it: a moment in ISO 8601, UTC; a number keeps its plus, and nothing that somebody typed is
    calculated."""
    column = quoted_name(name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime(timezone('UTC', {column}), '{_TIME}') as {column}"
    if kind == "VARCHAR":
        return f"case when regexp_matches({column}, '{_FORMULA}') then '''' || {column} else {column} end as {column}"
    return column


def _statement(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    config: Config,
    asked: Asked,
    as_of: datetime,
    points: Sequence[tuple[str, str]],
    exported: Exported | None,
) -> dict[str, Any]:
    """What the pack is: of whom, for whom, of which period, as of when."""
    create_hmac_function(con, home_key(home))
    shown = [
        con.execute("select keyed_hash(?), ?, pack_shown(?, ?)", [value, kind, kind, value]).fetchall()[0]
        for kind, value in points
    ]
    version = latest_version(home)
    return {
        "company": config.company.name,
        "made_at": as_of.isoformat(),
        "from": asked.start.isoformat() if asked.start else None,
        "to": asked.end.isoformat() if asked.end else None,
        "period": asked.period(),
        "made_for": asked.made_for,
        "revealed": asked.revealed,
        "destination": asked.destination,
        "contact_points": [
            {"contact_point": digest, "identifier_type": kind, "identifier": text} for digest, kind, text in shown
        ],
        "version": exported.golden_version if exported else version,
        "public_key": public_key(home, PACKS),
        "key": fingerprint(home_key(home)),
        "during_a_run": exported.sentence() if exported else None,
    }


def _said(
    con: duckdb.DuckDBPyConnection, config: Config, asked: Asked, as_of: datetime, exported: Exported | None, chain: Verified
) -> Iterator[str]:
    """The limits that no table of the pack shows."""
    if exported:
        yield exported.sentence()
        yield "Because of that run, contacts made are listed only where they were violations; the counts are of all."
    if not chain.whole:
        yield f"The chain of evidence was broken when this was made: {chain.sentence()}."
    if asked.end is None or asked.end > as_of:
        yield f"The period was not over when this was made, {moment(as_of)}; what comes later is not in it."
    if span := span_of(con):
        yield span
    if not asked.spans_whole_days() and not asked.persons:
        yield (
            "The period does not begin and end at midnight UTC: contacts that are counted by the day are those of the days that "
            "begin in it."
        )
    if asked.destination:
        channels = ", ".join(config.destinations[asked.destination].channels)
        yield (
            f"Only {asked.destination}: the clocks and pushes of other destinations are left out, and so are violations on "
            f"channels other than {channels}."
        )
    if asked.persons:
        yield (
            "Only what reaches or names the contact points asked about; others that the same person may have were not looked for."
        )
    yield "Systems are believed in what they answered when they were read back; what they did in truth nobody here can see."


@contextmanager
def _opened(home: Home, config: Config, part: Path, tables: Sequence[dict[str, Any]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The pack's own tables, as whoever receives it has them."""
    with ExitStack() as stack:
        con = stack.enter_context(duckdb.connect())
        prepare(con, home, config.limits)
        for table in tables:
            file = quoted(one_file(part / TABLES / f"{table['name']}.parquet"))
            con.execute(f"create view {table['name']} as select * from read_parquet({file})")
        yield con


def _letter(con: duckdb.DuckDBPyConnection, points: Sequence[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """What the letter says of each contact point."""
    for point in points:
        mine = {"point": point["contact_point"]}
        yield {
            **point,
            "list": rows(con, "select * from suppressions where contact_point = $point order by channel, scope", **mine),
            "requests": rows(
                con,
                """
                select requests.*, files.name as file_name, files.received_at, reached.channels as on_channels
                from requests
                inner join (
                    select request_id, string_agg(distinct channel, ', ' order by channel) as channels
                    from reached where contact_point = $point group by request_id
                ) as reached using (request_id)
                left join files using (file_id)
                order by made_at, request_id
                """,
                **mine,
            ),
            "opt_ins": rows(
                con, "select * from opt_ins where contact_point = $point order by made_at, request_id, channel", **mine
            ),
            "releases": rows(
                con, "select * from releases where contact_point = $point order by lifted_from, channel, scope", **mine
            ),
            "pushes": rows(con, "select * from pushes where contact_point = $point order by destination, channel, scope", **mine),
            "contacts": rows(
                con, "select * from contacts where contact_point = $point order by contacted_at, contact_id", **mine
            ),
            "violations": rows(
                con, "select * from violations where contact_point = $point order by contacted_at, contact_id", **mine
            ),
            "listings": rows(
                con, "select * from registry_listings where contact_point = $point order by listed_from, registry", **mine
            ),
        }


def _files(part: Path) -> list[dict[str, Any]]:
    return [
        {"name": name, "bytes": (part / name).stat().st_size, "sha256": sha256_file(part / name)} for name in names_below(part)
    ]


def _note(home: Home, asked: Asked, pack: dict[str, Any], key: str, manifest_sha256: str) -> None:
    """Who was given what, on the chain. Contact points by their keyed hash alone."""
    journal = packs_log(home)
    with journal.alone():
        journal.add(
            home,
            {
                "event": "pack made",
                "at": pack["made_at"],
                "from": pack["from"],
                "to": pack["to"],
                "destination": asked.destination,
                "contact_points": [point["contact_point"] for point in pack["contact_points"]],
                "revealed": asked.revealed,
                "made_for": asked.made_for,
                "manifest_sha256": manifest_sha256,
                "public_key": key,
            },
        )


def _archive(folder: Path, archive: Path) -> None:
    part = archive.with_name(f".{archive.name}.tmp")
    with part.open("wb") as stream:
        write_archive(stream, ((name, _reader(folder / name)) for name in names_below(folder)))
    put_in_place(part, archive)


def _reader(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")
