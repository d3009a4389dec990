"""Walking the chain of evidence: is everything there, and as it was when it was recorded? Read only; repairs nothing.

What is recorded, by whom and when, is ``core/chain``. Here each line of the chain is compared with what it names, and what it
names with the files behind it (a delivery's bytes, a version's Parquet); then every other file of these folders is asked what
it is doing there. The first thing that does not hold is named in words; what lies behind it is not looked at.

Three things are told apart: a break; what an interrupted run leaves and the next one finishes or removes (it is said, and is
no break, because nothing reads it and nothing is recorded of it); and a chain that is whole.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core import chain
from orchestration.core.chain import Link
from orchestration.core.config import Config
from orchestration.core.errors import Busy, ConfigError, InputError, PermanentError, kind_of
from orchestration.core.files import sha256_bytes, sha256_file, whole_lines
from orchestration.core.home import Home
from orchestration.core.journal import erasures_log, matters_log, packs_log, reviews_log
from orchestration.core.lock import is_running
from orchestration.core.pointer import pointer_text
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import counted, listed
from orchestration.evidence.exported import KEPT
from orchestration.landing.archives import landed_path
from orchestration.landing.manifest import Entry, walk_manifest
from orchestration.landing.redactions import now_at, removed_files
from orchestration.landing.sealing import SUFFIX, opened, sealed_path
from orchestration.publish.verdicts import overrides_log
from orchestration.publish.versions import LATEST, MANIFEST, altered, inputs_known, unjudged
from orchestration.reconcile.batches import batch_links, batch_rows, files_in_no_batch

KINDS = {
    "delivery": ("delivery", "deliveries"),
    "ledger": ("ledger batch", "ledger batches"),
    "verdict": ("verdict", "verdicts"),
    "override": ("override or acknowledgement", "overrides and acknowledgements"),
    "publication": ("publication", "publications"),
    "receipt": ("receipt", "receipts"),
    "evidence": ("exported set of evidence", "exported sets of evidence"),
    "home": ("home id", "home ids"),
    "takeover": ("takeover of a destination", "takeovers of a destination"),
    "matter": ("entry about a matter", "entries about matters"),
    "review": ("entry of a review", "entries of reviews"),
    "pack": ("pack of evidence", "packs of evidence"),
    "erasure": ("entry about an erasure", "entries about erasures"),
}
_REBUILD = (
    "see with quietlist rebuild what differs; then delete warehouse/warehouse.duckdb and run: it is built again from landing"
)
_HEAD = re.compile(r"^[0-9a-f]{64}$")
_LINE = re.compile(r"^(?P<file>.+) line (?P<number>[1-9][0-9]*)$")
_VERSION = re.compile(r"^version=(?P<number>[1-9][0-9]*)(?P<unfinished>\.tmp)?$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Verified:
    """What became of walking the chain."""

    entries: int
    """Lines that hold, up to the first break."""
    kinds: Mapping[str, int]
    head: str
    """The hash of the last line, to be noted elsewhere."""
    first_break: PermanentError | None
    unfinished: tuple[str, ...]
    rehashed: bool
    """Whether the bytes of landed, published and ledger rows were hashed again, or only their sizes looked at."""
    noted: int | None = None
    """The line that an earlier noted head is the hash of."""

    @property
    def whole(self) -> bool:
        return self.first_break is None

    def as_dict(self) -> dict[str, Any]:
        broken = self.first_break
        return {
            "whole": self.whole,
            "entries": self.entries,
            "kinds": dict(self.kinds),
            "head": self.head,
            "rehashed": self.rehashed,
            "noted_head_is_entry": self.noted,
            "first_break": broken
            and {"where": _where(broken), "seen": broken.seen, "expected": broken.allowed, "next_step": broken.next_step},
            "unfinished": list(self.unfinished),
        }

    def sentence(self) -> str:
        """One line: whole, or the first break."""
        if self.first_break is not None:
            return f"{_where(self.first_break)}: {self.first_break.seen}"
        kinds = [counted(self.kinds[kind], *KINDS[kind]) for kind in KINDS if self.kinds.get(kind)]
        how = "every file hashed again" if self.rehashed else "every file there in its recorded size"
        return f"{counted(self.entries, 'entry', 'entries')} follow from each other ({listed(kinds) or 'nothing yet'}), {how}"

    def lines(self) -> list[str]:
        """For a terminal."""
        if self.first_break is not None:
            said = [
                f"BROKEN at {self.sentence()}.",
                f"  Expected: {self.first_break.allowed}.",
                f"  Next step: {self.first_break.next_step}.",
                f"  {counted(self.entries, 'entry', 'entries')} before it hold; what lies behind it was not looked at.",
            ]
        else:
            said = [f"Whole: {self.sentence()}."]
        said += [f"  Unfinished: {sentence}." for sentence in self.unfinished]
        if self.noted is not None:
            said.append(f"  The noted head is entry {self.noted} of this chain.")
        if self.whole:
            said.append(f"Head: {self.head}")
            said.append("  Note it where nobody who can write to this home can: a chain rewritten as a whole shows no other way.")
        return said


def verify(home: Home, config: Config, *, noted_head: str | None = None) -> Verified:
    """Walk the whole chain and hash everything again.

    Raises:
        ConfigError: ``noted_head`` is no hash.
        Busy: something does not hold, but a run was writing meanwhile.
    """
    if noted_head is not None and not _HEAD.match(noted_head):
        raise ConfigError(
            "Reading --head",
            seen="no hash of a line",
            allowed="64 hex digits, as verify, the report and each run print them",
            next_step="give the whole head that was noted",
        )
    before = chain.head(home)
    verified = look(home, config, noted_head=noted_head)
    if not verified.whole and (is_running(home) or chain.head(home) != before):
        raise Busy(f"Verifying {home.root}", seen="a run was writing to it meanwhile", next_step="verify again when it has ended")
    return verified


def look(
    home: Home, config: Config, *, rehash: bool = True, noted_head: str | None = None, has_warehouse: bool = True
) -> Verified:
    """:func:`verify` in the middle of a run, which has recorded everything it finished. ``rehash`` False: by size only.

    Args:
        has_warehouse: False where another process has it: then the ledger's batches are not compared.
    """
    walk = _Walk(home, config, rehash, has_warehouse)
    first_break = None
    try:
        walk.carry_out()
        if noted_head is not None and noted_head not in (chain.GENESIS, *walk.hashes):
            raise _broken(
                home.chain_file.name,
                "the noted head is not one of its lines",
                f"a line with the hash {noted_head}",
                "the chain was rewritten, or its end cut off, since then: restore the home from a backup of that time",
            )
    except PermanentError as error:
        first_break = error
    return Verified(
        entries=len(walk.hashes),
        kinds=dict(walk.kinds),
        head=chain.head(home),
        first_break=first_break,
        unfinished=tuple(walk.unfinished),
        rehashed=rehash,
        noted=walk.hashes.index(noted_head) + 1 if noted_head in walk.hashes else None,
    )


class _Walk:
    """One walk: what was met so far, and what is accounted for."""

    def __init__(self, home: Home, config: Config, rehash: bool, has_warehouse: bool) -> None:
        self._home, self._config, self._rehash, self._has_warehouse = home, config, rehash, has_warehouse
        self.hashes: list[str] = []
        self.kinds: Counter[str] = Counter()
        self.unfinished: list[str] = []
        self._links: set[Link] = set()
        self._accounted: set[Path] = set()
        self._entries = walk_manifest(home)
        journals = (overrides_log(home), matters_log(home), reviews_log(home), packs_log(home), erasures_log(home))
        self._logs = {path: whole_lines(path) for path in (home.manifest_file, *(journal.path for journal in journals))}
        self._batched = {journal.path for journal in journals if journal.has_batches}
        self._inputs = frozenset(inputs_known(home))
        self._erased: frozenset[str] = frozenset()
        self._met: Counter[Path] = Counter()
        self._series: dict[Path, tuple[int, str]] = {}
        """Folder of numbered versions -> the last one met, and the hash of its manifest."""

    def carry_out(self) -> None:
        """Raises PermanentError at the first break."""
        self._erased = removed_files(self._home)
        for digest, link in chain.walk(self._home):
            self._check(link)
            self._links.add(link)
            self.kinds[link.kind] += 1
            self.hashes.append(digest)
        self._logs_end_here()
        self._pointers_lead_here()
        self._nothing_else_is_here()
        self._ledger_is_as_recorded()

    def _check(self, link: Link) -> None:
        if link.kind == "ledger":
            return  # a batch may have been superseded by a full refresh of the ledger; those of today are compared at the end
        if (line := _LINE.match(link.subject)) is not None:
            self._check_line(link, self._home.root / line["file"], int(line["number"]))
        else:
            self._check_file(link, self._home.root / link.subject)

    def _check_line(self, link: Link, path: Path, number: int) -> None:
        lines = self._logs.setdefault(path, whole_lines(path))
        if number != self._met[path] + 1:
            raise _broken(self._home.chain_file.name, f"entry {len(self.hashes) + 1} names {link.subject}, out of its order")
        self._met[path] = number
        name = _name(self._home, path)
        if number > len(lines):
            raise _broken(
                name, f"line {number} is gone: it ends after {counted(len(lines), 'line')}", f"line {number} as recorded"
            )
        if link.kind == "delivery":
            self._check_delivery(number)
        if sha256_bytes(lines[number - 1]) != link.sha256:
            raise _broken(name, f"line {number} is not the one that was recorded", f"a line with the SHA-256 {link.sha256}")

    def _check_delivery(self, number: int) -> None:
        name = _name(self._home, self._home.manifest_file)
        try:
            entry = next(self._entries, None)
        except PermanentError as error:
            raise _broken(name, error.seen, error.allowed) from error
        if entry is None:
            raise _broken(name, f"line {number} is unfinished", "a whole line")
        self._check_landed(entry)

    def _check_landed(self, entry: Entry) -> None:
        sha256, size = now_at(self._home, entry.sha256)
        size = entry.size if size is None else size
        path = landed_path(self._home, entry.sha256)
        if path in self._accounted or sealed_path(path) in self._accounted:
            return
        name, step = (
            _name(self._home, path),
            "restore landing/ from its backup, or deliver the same file again; a rebuild needs it",
        )
        redacted = "" if sha256 == entry.sha256 else ", as the journal of erasures says they were redacted"
        expected = f"the {size:,} bytes with the SHA-256 {sha256}, delivered as entry {entry.seq} of the manifest{redacted}"
        forms = [form for form in (path, sealed_path(path)) if _is_file(form)]
        if not forms:
            raise _broken(name, "the file is gone", expected, step)
        try:
            is_same = forms[0] != path or path.stat().st_size == size
            is_same = is_same and (not self._rehash or self._hash_of(path) == sha256)
        except InputError as error:
            raise _broken(_name(self._home, forms[0]), error.seen, expected, step) from error
        if not is_same:
            raise _broken(_name(self._home, forms[0]), "the file is not the one that was delivered", expected, step)
        self._accounted |= set(forms)

    def _hash_of(self, landed: Path) -> str:
        with opened(self._home, landed) as plain:
            return sha256_file(plain)

    def _check_file(self, link: Link, path: Path) -> None:
        expected = f"the file with the SHA-256 {link.sha256}, as recorded"
        if not _is_file(path):
            raise _broken(link.subject, "the file is gone", expected)
        if sha256_file(path) != link.sha256:
            raise _broken(link.subject, "the file is not the one that was recorded", expected)
        self._accounted.add(path)
        if link.kind in ("publication", "evidence"):
            self._check_version(path.parent, link.sha256)

    def _check_version(self, folder: Path, digest: str) -> None:
        """The files of one version, and that it is the next of its series."""
        before, before_digest = self._series.get(folder.parent, (0, None))
        expected = f"the files that {MANIFEST} of this version names, and in it the hash of the version before"
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            follows = folder.name == f"version={before + 1}" and manifest["previous_sha256"] == before_digest
            files = self._still_kept(folder, manifest)
            problem = altered(folder, {**manifest, "files": files}, rehash=self._rehash)
        except (ValueError, KeyError, TypeError):
            raise _broken(_name(self._home, folder / MANIFEST), "it is no manifest of a version", expected) from None
        if not follows:
            raise _broken(_name(self._home, folder), f"it does not follow from version {before}", expected)
        if folder.parent == self._home.golden_published:
            self._is_what_was_judged(folder, manifest)
        for file in (folder / file["name"] for file in files):
            if problem is not None and problem.startswith(file.relative_to(folder).as_posix()):
                raise _broken(_name(self._home, file), problem, expected)
            if not _is_file(file):
                raise _broken(_name(self._home, file), "a link stands in the place of the file", expected)
        self._series[folder.parent] = before + 1, digest
        self._accounted |= {folder / file["name"] for file in files}

    def _still_kept(self, folder: Path, manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The files of a version that must be there: all, but those that an erasure removed, and of an old set of evidence those
        that were not removed yet."""
        erased = {name for name in self._erased if not (self._home.root / name).exists()}
        files: list[Mapping[str, Any]] = [
            file for file in manifest["files"] if _name(self._home, folder / file["name"]) not in erased
        ]
        series = self._home.evidence_published
        if folder.parent != series:
            return files
        numbers = [int(match["number"]) for path in series.glob("version=*") if (match := _VERSION.match(path.name))]
        latest = _named_by(series / LATEST) if _is_file(series / LATEST) else max(numbers)  # what is wrong with it is told later
        if int(manifest["version"]) > latest - KEPT:
            return files
        return [file for file in files if (folder / file["name"]).exists()]

    def _is_what_was_judged(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        """What a version says it was made of, and allowed by: a line of the landing manifest, and the gate's verdict."""
        name = _name(self._home, folder / MANIFEST)
        try:
            inputs, problem = manifest["inputs_sha256"], unjudged(self._home, manifest)
        except (KeyError, TypeError, AttributeError):
            raise _broken(name, "it is no manifest of a version", "one that names its inputs and its verdict") from None
        if inputs is not None and inputs not in self._inputs:
            raise _broken(
                name, "it was made of deliveries that the landing manifest does not hold", "the hash of a line of that manifest"
            )
        if problem:
            raise _broken(_name(self._home, folder / problem.split()[0]), problem, "the files that the verdict covers")

    def _logs_end_here(self) -> None:
        """What the logs hold beyond the chain: what a run that ended early could not record any more, and nothing else."""
        for path, lines in self._logs.items():
            name = _name(self._home, path)
            if _has_half_line(path):
                # The other logs are replaced as a whole, so no power cut leaves half a line of them.
                repaired = (
                    "if a power cut ended a run, the next quietlist run repairs it; else find out who wrote to it, and restore it"
                )
                step = repaired if path == self._home.manifest_file else ""
                raise _broken(name, f"line {len(lines) + 1} is unfinished", "whole lines", step)
            more = len(lines) - self._met[path]
            if path == self._home.manifest_file:
                for number in range(self._met[path] + 1, len(lines) + 1):
                    self._check_delivery(number)
                if more:
                    self.unfinished.append(f"{counted(more, 'delivery', 'deliveries')} not recorded on the chain yet")
            elif more > 1 and path not in self._batched:
                raise self._cut(name, more)
            elif more:
                told = "the last line" if more == 1 else f"the last {more} lines"
                self.unfinished.append(f"{told} of {name} {'is' if more == 1 else 'are'} not recorded on the chain yet")
            self._accounted.add(path)

    def _pointers_lead_here(self) -> None:
        """Each series of versions: ``latest.json`` names the last one, or one more that was not recorded yet."""
        versions = (path for path in self._home.published.rglob("version=*") if _VERSION.match(path.name) and path.is_dir())
        pointers = (path for path in self._home.published.rglob(LATEST))
        for folder in sorted({path.parent for path in (*versions, *pointers)} | self._series.keys()):
            number, digest = self._series.get(folder, (0, None))
            pointer = folder / LATEST
            name = _name(self._home, pointer)
            if number and not _is_file(pointer):
                raise _broken(name, "the file is gone", f"the number and the manifest's hash of version {number}")
            newer = folder / f"version={number + 1}"
            leads = pointer.read_bytes() if pointer.is_file() else None
            if leads not in (_pointers_to(folder, number, digest) if digest else (None,)):
                # A version is published before it is recorded.
                manifest = newer / MANIFEST
                if (more := _named_by(pointer) - number) > 1:
                    raise self._cut(_name(self._home, folder), more)
                if not _is_file(manifest) or leads not in _pointers_to(folder, number + 1, sha256_file(manifest)):
                    raise _broken(name, "it does not name the last version that was recorded", f"version {number}")
                self._check_version(newer, sha256_file(manifest))
                self._accounted.add(manifest)
                self.unfinished.append(f"{_name(self._home, newer)} is not recorded on the chain yet")
            elif _is_file(newer / MANIFEST):
                # Nor does a version exist before the pointer leads to it: the next publication removes it.
                self._check_version(newer, "")
                self._accounted.add(newer / MANIFEST)
                self.unfinished.append(f"{_name(self._home, newer)} was never finished, and nothing leads to it")
            if _is_file(pointer):
                self._accounted.add(pointer)

    def _nothing_else_is_here(self) -> None:
        """Every other file of the folders that hold evidence."""
        receipts = sorted(self._home.outbox.glob("*/receipts"))
        kept = (
            self._home.landing,
            self._home.published,
            self._home.gate_folder,
            self._home.matters_folder,
            self._home.erasures_folder,
        )
        for folder in (*kept, *receipts):
            strays = [path for path in _files_below(folder) if path not in self._accounted]
            unrecorded = [path for path in strays if self._is_evidence(path)]
            if folder in receipts and len(unrecorded) > 1:
                raise self._cut(_name(self._home, folder), len(unrecorded))
            for path in strays:
                name = _name(self._home, path)
                if path in unrecorded:
                    self.unfinished.append(f"{name} is not recorded on the chain")
                elif self._is_left_over(path):
                    self.unfinished.append(f"{name} was left by an interrupted run, and nothing reads it")
                elif path.name == ".lock":
                    if not _is_file(path) or path.stat().st_size:
                        raise _broken(name, "something was written into it", "an empty file: it is only a lock", "empty it")
                else:
                    raise _broken(
                        name,
                        "nobody recorded this file",
                        "only files that Quietlist wrote and recorded",
                        "find out who put it there, and move it away",
                    )

    def _is_evidence(self, path: Path) -> bool:
        """A verdict or receipt that was written and, killed before its entry, not recorded: it counts for nothing yet."""
        if not _is_file(path):
            return False
        if path == self._home.erasures_folder / "open.json":
            return True  # of an erasure that goes on: it holds no evidence, and is the last of it to go
        if path.parent == self._home.gate_folder:
            return re.fullmatch(r"(entry|exit|clocks)-[0-9a-f]{64}-[1-9][0-9]*\.json", path.name) is not None
        return path.parent.name == "receipts" and re.fullmatch(r"[0-9]{8}\.json", path.name) is not None

    def _is_left_over(self, path: Path) -> bool:
        """What a run that is killed leaves behind: named as temporary, or landed bytes without a line of the manifest."""
        if not _is_file(path):
            return False
        if path.name.startswith(".") and (path.name.endswith(".tmp") or path.name.startswith(".incoming.")):
            return True
        if any((match := _VERSION.match(part)) and match["unfinished"] for part in path.relative_to(self._home.root).parts):
            return True
        plain = path.with_name(path.name.removesuffix(SUFFIX))
        is_landed = path.parent.parent == self._home.landing and _SHA256.match(plain.name) is not None
        try:
            return is_landed and plain.name.startswith(path.parent.name) and self._hash_of(plain) == plain.name
        except InputError:
            return False  # it does not open: it is nothing that was landed here

    def _ledger_is_as_recorded(self) -> None:
        """The batches that the ledger of today is made of."""
        if not self._has_warehouse:
            self.unfinished.append("a run holds the warehouse, so the ledger's batches were not compared")
            return
        if not self._home.warehouse_file.is_file():
            if self.kinds["ledger"]:
                self.unfinished.append(
                    "there is no warehouse, so the ledger's batches were not compared; the next run rebuilds it"
                )
            return
        name = _name(self._home, self._home.warehouse_file)
        try:
            with warehouse(self._home, read_only=True, limits=self._config.limits) as con:
                self._check_batches(con)
        except duckdb.Error as error:  # its text may quote a row
            raise _broken(name, f"it cannot be read ({kind_of(error)})", "a warehouse", _REBUILD) from None

    def _check_batches(self, con: duckdb.DuckDBPyConnection) -> None:
        tables = con.execute("select count(*) from duckdb_tables() where table_name = 'ledger_batches'").fetchall()
        batches = batch_links(con) if tables[0][0] else []
        for number, link in enumerate(batches, 1):
            where = f"the ledger (ledger.requests), batch {number}"
            if link not in self._links:
                raise _broken(where, "its hash is not one that was recorded", "a batch named on the chain", _REBUILD)
            if self._rehash and batch_rows(con, number)[1] != link.sha256:
                raise _broken(where, "its rows are not those that were recorded", f"rows with the hash {link.sha256}", _REBUILD)
        if batches and (files := files_in_no_batch(con)):
            seen = f"no batch covers {counted(files, 'file')} that it ingested"
            raise _broken("the ledger (ledger.requests)", seen, "a recorded batch for each", _REBUILD)

    def _cut(self, name: str, more: int) -> PermanentError:
        return _broken(
            self._home.chain_file.name,
            f"it ends too early: {more} entries about {name} are not on it, and an interrupted run omits at most one",
            "an entry for each",
        )


def _broken(where: str, seen: str, expected: str = "the chain as it was written", next_step: str = "") -> PermanentError:
    step = next_step or f"find out who changed {where}, and restore it from its backup"
    return PermanentError(f"Verifying {where}", seen=seen, allowed=expected, next_step=step)


def _where(broken: PermanentError) -> str:
    return broken.tried.removeprefix("Verifying ")


def _name(home: Home, path: Path) -> str:
    return path.relative_to(home.root).as_posix()


def _has_half_line(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")


def _pointers_to(folder: Path, number: int, digest: str) -> tuple[bytes, bytes]:
    """What ``latest.json`` may hold: the names of the version's files too, or not yet, as releases wrote it before."""
    try:
        manifest = json.loads((folder / f"version={number}" / MANIFEST).read_bytes())
        named = pointer_text(number, digest, manifest)
    except (ValueError, KeyError, TypeError):
        named = pointer_text(number, digest)
    return named.encode(), pointer_text(number, digest).encode()


def _named_by(pointer: Path) -> int:
    """The version that a ``latest.json`` names; 0 when it names none."""
    try:
        return int(json.loads(pointer.read_bytes())["version"])
    except (ValueError, KeyError, TypeError):
        return 0


def _is_file(path: Path) -> bool:
    """A regular file: a link to somewhere else may change without anybody touching the home."""
    return path.is_file() and not path.is_symlink()


def _files_below(folder: Path) -> Iterator[Path]:
    """Everything that is no folder, links to folders included."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_symlink() or not path.is_dir():
            yield path
