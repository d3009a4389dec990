"""The faults: what goes wrong, what the run must make of it, and what puts it right again.

A fault changes what arrives, or the home, or a destination, or the process. ``expected`` is the gravest thing the run may say:
*absorbed* (the same end state, in silence), *alerted*, *held* or *stopped*, the last three in words that name the fault.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.core.config import load_config
from orchestration.core.errors import QuietlistError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.destinations.contract import Outcome, destination_for
from orchestration.faults import children, world
from orchestration.faults.pipeline import ABSORBED, ALERTED, HELD, STOPPED, Ran, run_stages, run_whole, steps
from orchestration.faults.truth import Node
from orchestration.faults.world import DAYS, Files, Row, World
from orchestration.landing.archives import landed_path
from orchestration.landing.manifest import read_manifest
from orchestration.publish.candidate import EVIDENCE_FILE, candidate_folder
from orchestration.publish.verdicts import acknowledge

_ASKS, _WEB = "asks/asks_1.csv", "web/web_1.csv"
_CRM, _NEWS = f"crm/contacts_{DAYS[1]:%Y-%m-%d}.csv", f"news/unsubscribed_email_audience_export_{DAYS[1]:%Y-%m-%d}_1a2b3c.csv"
_DNC = f"dnc/national_dnc_{DAYS[1]:%Y-%m-%d}.txt"
_MERGED = (1, 2)
_DELETED = 8  # a third of the customers: half of them would be an export that was cut short


@dataclass
class Case:
    """One fault in one throw-away home, where the first day is published and pushed."""

    home: Home
    world: World
    seed: int
    files: Files
    """What is delivered on the second day; the fault may change it."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What the repair needs from before the fault."""

    @property
    def rng(self) -> random.Random:
        return random.Random(self.seed)  # noqa: S311  a fault's place, no secret

    def deliver(self, files: Files) -> None:
        for name, content in files.items():
            path = self.home.inbox / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def landed(self, name: str) -> Path:
        """Where the bytes of a delivery of the first day lie."""
        (entry,) = [entry for entry in read_manifest(self.home) if f"{entry.source}/{entry.name}" == name]
        return landed_path(self.home, entry.sha256)

    def configure(self, before: str, after: str) -> None:
        text = self.home.config_file.read_text()
        assert before in text, f"the configuration no longer holds {before!r}"
        self.home.config_file.write_text(text.replace(before, after))

    @property
    def table_file(self) -> Path:
        return self.home.outbox / "table" / "suppression.db"


Change = Callable[[Case], None]
Run = Callable[[Case], Ran]


def _daily(case: Case) -> Ran:
    return run_stages(case.home, DAYS[1])


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    text: str
    expected: str
    says: str
    """What the run must say, as a regular expression; nothing for a fault that is absorbed."""
    inject: Change
    repair: Change | None = None
    """What somebody does about it before the third day's run. Nothing: the second day's run must end right."""
    run: Run = _daily
    during: Callable[[Case], AbstractContextManager[None]] = lambda _: nullcontext()
    """What goes on beside the run."""
    truth: Callable[[World], frozenset[Node]] = World.truth
    is_short: bool = False
    """Part of the short form, which runs with every test run."""


# Files


def _again(*names: str) -> Change:
    """Deliver what the source meant to deliver."""

    def repair(case: Case) -> None:
        files = case.world.files(1)
        case.deliver({name: files[name] for name in names})

    return repair


def _truncate(case: Case) -> None:
    content = case.files[_ASKS]
    line = content.rindex(b"\r\n", 0, len(content) * 2 // 3)
    case.files[_ASKS] = content[: line + 12]  # a few characters into a record


def _truncate_archive(case: Case) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(Path(_NEWS).name, case.files.pop(_NEWS))
    case.files["news/audience_export.zip"] = stream.getvalue()[:-40]


def _acknowledge(source: str, reason: str = "damaged on its way, delivered again") -> Change:
    """Somebody looked at what the source delivered on the second day, and asks for it again."""

    def repair(case: Case) -> None:
        with warehouse(case.home, read_only=True) as con:
            found = con.execute("select file_id from raw.landed_files where source = ? and received_at = ?", [source, DAYS[1]])
            files = [file_id for (file_id,) in found.fetchall()]
        for file_id in files:
            acknowledge(case.home, file_id, person="The suite", reason=reason)

    return repair


def _then(*changes: Change) -> Change:
    def repair(case: Case) -> None:
        for change in changes:
            change(case)

    return repair


@contextmanager
def _growing(case: Case) -> Iterator[None]:
    """Somebody writes the file slowly, under its final name, all through the run."""
    content = world.table(world.ASKS_HEADER, []) + b"".join(case.files[_ASKS].splitlines(keepends=True)[1:])
    done = threading.Event()

    def write() -> None:
        with (case.home.inbox / _ASKS).open("ab") as stream:
            for line in content.splitlines(keepends=True):
                stream.write(line)
                stream.flush()
                done.wait(0.2)

    (case.home.inbox / _ASKS).unlink()
    (case.home.inbox / _ASKS).touch()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def _let_settle(case: Case) -> None:
    case.configure("settle_seconds = 0", "settle_seconds = 1")


def _deliver_twice(case: Case) -> None:
    case.files |= {
        "asks/asks_1 (1).csv": case.files[_ASKS],
        "crm/copy.csv": case.files[_CRM],
        "asks/old.csv": case.world.files(0)["asks/asks_0.csv"],
    }


def _rename(case: Case) -> None:
    for name, other in ((_ASKS, "asks/Kopie von Mappe1.CSV"), (_WEB, "web/2019-01-01 final FINAL.txt"), (_CRM, "crm/export")):
        case.files[other] = case.files.pop(name)


def _reorder(case: Case) -> None:
    for name in (_ASKS, _WEB, _CRM, _NEWS):
        head, *lines = case.files[name].splitlines(keepends=True)
        case.rng.shuffle(lines)
        case.files[name] = head + b"".join(lines)
    head, *lines = case.files.pop(_ASKS).splitlines(keepends=True)
    case.files |= {"asks/b.csv": head + b"".join(lines[:3]), "asks/a.csv": head + b"".join(lines[3:])}


def _yesterday_again(case: Case) -> None:
    """Yesterday's exports behind today's: the undated ones look like the newest state."""
    for name, content in case.world.files(0).items():
        source, _, base = name.partition("/")
        case.files[f"{source}/z_{base}"] = content
        case.files[f"{source}/zz_{re.sub(r'[0-9]{4}-[0-9]{2}-[0-9]{2}', 'latest', base)}"] = content
    # A registry's full list without a date would be its newest version; the dated one is known to be older.
    case.files = {name: content for name, content in case.files.items() if not name.startswith("dnc/zz")}


def _halve(*names: str) -> Change:
    """Leave out the first half of the rows: with it goes what was known before, not what is new."""

    def inject(case: Case) -> None:
        for name in names:
            head, *lines = case.files[name].splitlines(keepends=True)
            # Of the registry every second number, for it speaks for the area codes that occur in it.
            case.files[name] = b"".join(lines[::2] if name == _DNC else [head, *lines[len(lines) // 2 :]])

    return inject


def _only_header(*names: str) -> Change:
    def inject(case: Case) -> None:
        for name in names:
            case.files[name] = case.files[name].splitlines(keepends=True)[0]

    return inject


def _no_bytes(case: Case) -> None:
    case.files[_ASKS] = b""


def _relabel(before: bytes, after: bytes) -> Change:
    def inject(case: Case) -> None:
        head, rest = case.files[_ASKS].split(b"\r\n", 1)
        assert before in head
        case.files[_ASKS] = head.replace(before, after) + b"\r\n" + rest

    return inject


def _swap_columns(case: Case) -> None:
    head, rest = case.files[_ASKS].split(b"\r\n", 1)
    assert b"email,phone" in head
    case.files[_ASKS] = head.replace(b"email,phone", b"phone,email") + b"\r\n" + rest


def _move_columns(case: Case) -> None:
    """Another order of the columns, header and values together."""
    lines = [line.split(b",") for line in case.files[_ASKS].splitlines()]
    case.files[_ASKS] = b"".join(b",".join(reversed(cells)) + b"\r\n" for cells in lines)


def _encode(case: Case) -> None:
    for name, encoding in ((_ASKS, "utf-16"), (_WEB, "cp1252"), (_CRM, "utf-16-le")):
        mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
        case.files[name] = mark + case.files[name].decode().encode(encoding)


def _zip_of_600(case: Case) -> None:
    """The day's requests in 600 small files: each record several times, so that it still asks for the same."""
    head, *lines = case.files.pop(_ASKS).splitlines(keepends=True)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(600):
            archive.writestr(f"requests of the {number}th clerk {'x' * 40}.csv", head + lines[number % len(lines)])
    case.files["asks/clerks.zip"] = stream.getvalue()


def _one_odd_address(case: Case) -> None:
    odd = (
        "odd1",
        f"{DAYS[1] - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
        "opt_out",
        "web_form",
        "email",
        "*",
        "cron@localhost",
        "",
        "",
        "",
    )
    case.files[_ASKS] += world.table(world.ASKS_HEADER, [odd]).split(b"\r\n", 1)[1]


def _named_changes(case: Case) -> None:
    """As the vendor names its lists of changes, and as people name what they took out of a full one."""
    case.files[f"dnc/national_dnc_{DAYS[1]:%Y-%m-%d}_unchanged_duplicates_removed.txt"] = case.files.pop(_DNC)


def _remove_everything(case: Case) -> None:
    """A list of changes that takes out every number of the registry, in the place of the day's full list."""
    numbers = [*case.world.listed, "+13035550100"]
    lines = "".join(f"{number[2:5]},{number[5:]},{DAYS[1]:%Y-%m-%d},D\n" for number in sorted(numbers))
    del case.files[_DNC]
    case.files[f"dnc/dnc_changes_{DAYS[1]:%Y-%m-%d}.txt"] = lines.encode()


def _full_list_again(case: Case) -> None:
    """Under a name without a date: of two lists of one day the changes count last."""
    case.deliver({"dnc/full_list.txt": case.world.files(1)[_DNC]})


def _close_folder(case: Case) -> None:
    """The files lie where the user that runs may not look; root may look anywhere, so for root a link stands there."""
    case.deliver({name: content for name, content in case.files.items() if name.startswith("web/")})
    case.files = {name: content for name, content in case.files.items() if not name.startswith("web/")}
    folder = case.home.inbox / "web"
    if os.geteuid() != 0:
        folder.chmod(0)
        return
    folder.rename(case.home.root / "elsewhere")
    folder.symlink_to(case.home.root / "elsewhere")


def _open_folder(case: Case) -> None:
    folder = case.home.inbox / "web"
    if folder.is_symlink():
        folder.unlink()
        (case.home.root / "elsewhere").rename(folder)
    folder.chmod(0o700)


# Clocks, configuration, customers


def _hour_ahead(case: Case) -> None:
    """The vendors' clocks run an hour fast: the last requests seem to lie in the future."""
    hour = timedelta(hours=1)
    rows = []
    for row in case.world.rows[1]:
        form = "%Y-%m-%dT%H:%M:%SZ" if row.source == "asks" else "%Y-%m-%d %H:%M:%S"
        zone = world.WEB_ZONE if row.source == "web" else ZoneInfo("UTC")
        rows.append(replace(row, said_at=(row.asked.earliest + hour).astimezone(zone).strftime(form)))
    case.files |= replace(case.world, rows=(case.world.rows[0], tuple(rows))).files(1)


def _run_in_the_past(case: Case) -> Ran:
    return run_stages(case.home, DAYS[0] - timedelta(hours=1))


_OTHER_ZONE = ZoneInfo("America/Los_Angeles")


def _other_zone(case: Case) -> None:
    case.configure('timezone = "America/New_York"', f'timezone = "{_OTHER_ZONE.key}"')


def _as_read_there(made: World) -> frozenset[Node]:
    """What the same texts say in the other zone."""
    return replace(made, rows=(_reread(made.rows[0]), _reread(made.rows[1]))).truth()


def _reread(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    def there(row: Row) -> Row:
        local = datetime.fromisoformat(row.said_at).replace(tzinfo=_OTHER_ZONE)
        # The two readings of an hour that does not exist there either: before the change of the clock and after it.
        span = sorted(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        return replace(row, asked=replace(row.asked, earliest=span[0], latest=span[1]))

    return tuple(there(row) if row.source == "web" else row for row in rows)


_WEB_SECTION = """[sources.web]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]
timezone = "America/New_York"
"""


def _remove_source(case: Case) -> None:
    case.configure(_WEB_SECTION, "")


def _source_back(case: Case) -> None:
    case.configure("[sources.crm]", _WEB_SECTION + "\n[sources.crm]")


def _merge_customers(case: Case) -> None:
    kept, gone = (case.world.people[number] for number in _MERGED)
    both = replace(kept, emails=kept.emails + gone.emails, phones=kept.phones + gone.phones)
    others = [person for person in case.world.people if person.number not in _MERGED]
    case.files[_CRM] = world.crm_csv((both, *others))


def _delete_contacts(case: Case) -> None:
    deleted = sorted({row.asked.person for row in case.world.rows[0]})[:_DELETED]
    case.files[_CRM] = world.crm_csv(tuple(person for person in case.world.people if person.number not in deleted))


def _says_subscribed(case: Case) -> None:
    """Everybody is "subscribed", in the vendor's export and in somebody's import, later than anything they asked."""
    at = f"{DAYS[1] - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}"
    rows = [(person.emails[0], "", "", "", at, at, "", "") for person in case.world.people]
    header = ("Email Address", "First Name", "Last Name", "Phone Number", "OPTIN_TIME", "LAST_CHANGED", "LEID", "EUID")
    case.files[f"news/subscribed_email_audience_export_{DAYS[1]:%Y-%m-%d}_1a2b3c.csv"] = world.table(header, rows)
    opt_ins = [
        (
            f"import{person.number}",
            at.replace(" ", "T") + "Z",
            "opt_in",
            "import",
            "all",
            "*",
            ";".join(person.emails),
            ";".join(person.phones),
            person.name,
            "",
        )
        for person in case.world.people
    ]
    case.files["asks/import.csv"] = world.table(world.ASKS_HEADER, opt_ins)


# What was written before


def _lose_database(case: Case) -> None:
    shutil.rmtree(case.home.warehouse_folder)


def _delete_landed(case: Case) -> None:
    case.landed("asks/asks_0.csv").unlink()


def _alter_landed(case: Case) -> None:
    path = case.landed("asks/asks_0.csv")
    path.write_bytes(path.read_bytes().replace(b"opt_out", b"opt_in", 1))


def _first_day_again(case: Case) -> None:
    case.deliver({"asks/asks_0.csv": case.world.files(0)["asks/asks_0.csv"]})


def _keep(name: str, path: Callable[[Case], Path]) -> Change:
    def change(case: Case) -> None:
        case.kept[name] = path(case).read_bytes()

    return change


def _restore(name: str, path: Callable[[Case], Path]) -> Change:
    def repair(case: Case) -> None:
        path(case).write_bytes(case.kept[name])

    return repair


def _manifest(case: Case) -> Path:
    return case.home.manifest_file


def _damage_manifest(case: Case) -> None:
    case.home.manifest_file.write_bytes(case.kept["manifest"].replace(b'"size":', b'"size":1', 1))


def _cut_manifest(case: Case) -> None:
    case.home.manifest_file.write_bytes(b"".join(case.kept["manifest"].splitlines(keepends=True)[:-2]))


def _snapshot(case: Case) -> Path:
    return case.home.golden_published / "version=1" / "part-0.parquet"


def _alter_snapshot(case: Case) -> None:
    """Somebody writes the file again: the same rows, other bytes."""
    pq.write_table(pq.ParquetFile(_snapshot(case)).read(), _snapshot(case), compression="none")


def _replace_evidence(case: Case) -> Ran:
    """Between the exit gate and the publication somebody adds to the evidence that everybody opted in again."""
    ran = Ran()
    try:
        for name, step in steps(case.home, load_config(case.home), DAYS[1], ran, prove=False):
            if name == "publish":
                file = candidate_folder(case.home) / EVIDENCE_FILE
                rows = pq.ParquetFile(file).read()
                known = rows.to_pylist()
                forged = [{**row, "evidence_id": "r1", "evidence_kind": "opt_in"} for row in known or _ANYBODY]
                pq.write_table(pa.Table.from_pylist(known + forged, schema=rows.schema), file)
            step()
    except QuietlistError as error:
        ran.tell(STOPPED, str(error))
    return ran


_ANYBODY = [{"channel": "email", "identifier_type": "email", "identifier": "person0@example.com", "scope": "*"}]


# Who may release whom


def _opt_ins(case: Case, source: str) -> tuple[str, bytes]:
    """Everybody is back, on all channels, everywhere, says a source of one brand."""
    at = f"{DAYS[1] - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    rows = [
        (
            f"claim{person.number}",
            at,
            "opt_in",
            "preference_center",
            "all",
            "*",
            ";".join(person.emails),
            ";".join(person.phones),
            person.name,
            "",
        )
        for person in case.world.people
    ]
    return f"{source}/claims.csv", world.table(world.ASKS_HEADER, rows)


def _untrusted_opt_ins(case: Case) -> None:
    case.configure("[sources.crm]", '[sources.shop]\nformat = "requests"\nscope = "outlet"\n\n[sources.crm]')
    name, content = _opt_ins(case, "shop")
    case.files[name] = content


def _out_again(made: World) -> tuple[Row, ...]:
    """Those who came back on the second day, by their own hand, have had enough again an hour after that day's run."""
    at = DAYS[1] + timedelta(hours=1)
    back = [row for row in made.rows[1] if row.key.startswith("back")]
    return tuple(
        Row(
            "asks",
            row.key.replace("back", "again"),
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
            replace(row.asked, action="opt_out", method="web_form", earliest=at, latest=at),
        )
        for row in back
    )


def _with_those_out_again(made: World) -> frozenset[Node]:
    return replace(made, rows=(made.rows[0], (*made.rows[1], *_out_again(made)))).truth()


def _put_back(case: Case, backup: Path) -> None:
    """The home as it was; the table and the drops as they are, for they stand for systems elsewhere."""
    aside = case.home.root.with_name("systems")
    drops = case.home.outbox / "drop" / "drop"
    shutil.copytree(drops, aside)
    table = case.table_file.read_bytes()
    shutil.rmtree(case.home.root)
    backup.rename(case.home.root)
    case.table_file.write_bytes(table)
    shutil.rmtree(drops)
    aside.rename(drops)


def _deliver_out_again(case: Case) -> None:
    case.deliver({"asks/asks_2.csv": world.asks_csv(list(_out_again(case.world)), case.world.people)})


def _restored(case: Case) -> Ran:
    """Day 1 out, day 2 in, backup, out again; then the backup runs, twice: what it finds at the systems is ingested."""
    run_stages(case.home, DAYS[1])
    backup = case.home.root.with_name("backup")
    shutil.copytree(case.home.root, backup)
    _deliver_out_again(case)
    run_stages(case.home, DAYS[1] + timedelta(hours=2))
    _put_back(case, backup)
    first = run_stages(case.home, DAYS[1] + timedelta(hours=3))
    run_stages(case.home, DAYS[1] + timedelta(hours=4))
    return first


def _on_the_same_table(home: Home, case: Case) -> None:
    """Have another home push to the table of this one, and to no folder of it."""
    text, before = home.config_file.read_text(), "timeout_seconds = 1"
    assert before in text, f"the configuration no longer holds {before!r}"
    here = f'{before}\nurl = "sqlite:///{case.table_file}"\nallow_outside_home = true'
    home.config_file.write_text(text.replace(before, here))


def _copied(case: Case) -> Ran:
    """Somebody copies the home to try something, and the copy runs with the files it had, behind the home itself."""
    copy = Home(case.home.root.with_name("copy"))
    shutil.copytree(case.home.root, copy.root)
    _on_the_same_table(copy, case)
    Case(copy, case.world, case.seed, {}).deliver(case.files)
    run_stages(case.home, DAYS[1])
    _deliver_out_again(case)
    run_stages(case.home, DAYS[1] + timedelta(hours=2))
    try:
        ran = run_stages(copy, DAYS[1] + timedelta(minutes=30))  # it is the copy that finds pushes which it did not make
        run_stages(case.home, DAYS[1] + timedelta(hours=3))
        run_stages(case.home, DAYS[1] + timedelta(hours=4))
    finally:
        shutil.rmtree(copy.root)
    return ran


def _two_homes(case: Case) -> Ran:
    """A home of another department, which knows of nobody, is given the same table."""
    other = Home(case.home.root.with_name("other")).create()
    other.config_file.write_text(case.home.config_file.read_text().partition("[destinations.drop]")[0])
    _on_the_same_table(other, case)
    someone = next(person for person in case.world.people if person.is_customer)
    name, content = _opt_ins(replace(case, world=replace(case.world, people=(someone,))), "asks")
    Case(other, case.world, case.seed, {}).deliver({name: content})
    try:
        run_stages(other, DAYS[1] - timedelta(hours=1))
        ran = run_stages(other, DAYS[1])
        run_stages(case.home, DAYS[1])
    finally:
        shutil.rmtree(other.root)
    return ran


# Destinations


def _hostile_rows(case: Case) -> None:
    """Another writer's rows without an identifier, without a channel, of bytes, and one in force since for ever.

    That one is of somebody who must not be contacted in any case, so that nobody is too many.
    """
    channel, identifier, scope = min(node for node in case.world.truth() if node[0] == "email")
    _in_table(
        case,
        # Made by somebody who wanted no rules: the key is one, and nothing else.
        "create table loose as select * from suppression",
        "drop table suppression",
        "alter table loose rename to suppression",
        "create unique index the_key on suppression (channel, identifier_type, identifier, scope, written_by)",
        *(
            "insert into suppression (channel, identifier_type, identifier, scope, written_by, suppressed_since) "
            f"values ({values}, 'callcenter', 'infinity')"
            for values in (
                "'email', 'email', null, '*'",
                "null, 'email', 'x', '*'",
                "'email', null, 'x', '*'",
                "'email', 'email', x'00ff', '*'",
                f"'{channel}', 'email', '{identifier}', '{scope}'",
            )
        ),
    )


def _without_hostile_rows(case: Case) -> None:
    _in_table(case, "delete from suppression where written_by = 'callcenter'")


@contextmanager
def _full_drop_folder(case: Case) -> Iterator[None]:
    """The folder of the drops lies on a small disk of its own, which is full. Where none can be mounted (only root may), a file
    stands in the folder's place: as little can be written there.
    """
    folder = case.home.outbox / "drop" / "drop"
    aside = folder.with_name("aside")
    if children.may_mount():
        folder.rename(aside)
        folder.touch()
        try:
            yield
        finally:
            folder.unlink()
            aside.rename(folder)
        return
    with children.small_disk(folder, room=0):
        yield


def _in_table(case: Case, *statements: str) -> None:
    con = sqlite3.connect(case.table_file)
    with con:
        for statement in statements:
            con.execute(statement)
    con.close()


def _forgetful(case: Case) -> None:
    _in_table(
        case,
        "create trigger forgets after insert on suppression when new.channel = 'sms' begin "
        "delete from suppression where rowid = new.rowid; end",
    )


def _remembers(case: Case) -> None:
    _in_table(case, "drop trigger forgets")


def _emptied(case: Case) -> None:
    _in_table(case, "delete from suppression")
    shutil.rmtree(case.home.outbox / "drop" / "drop")


class _ErrorsInside:
    """The table, but it says OK with an error inside for the first row of every put, and does not take that row."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.facts, self.carries = real.facts, real.carries
        self.open, self.close, self.read, self.release = real.open, real.close, real.read, real.release

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        table = rows.read_all()
        self._real.put(pa.RecordBatchReader.from_batches(table.schema, table.slice(1).to_batches()))
        return Outcome({0: "invalid_contact"})


def _with_errors_inside(case: Case) -> Ran:
    real = destination_for("table", load_config(case.home), case.home)
    return run_stages(case.home, DAYS[1], instead={"table": _ErrorsInside(real)})


@contextmanager
def _hanging(case: Case) -> Iterator[None]:
    """Somebody holds the table's lock and never lets go."""
    con = sqlite3.connect(case.table_file, isolation_level=None)
    con.execute("begin exclusive")
    try:
        yield
    finally:
        con.close()


# The process


def _nothing(_: Case) -> None:
    """The fault lies elsewhere."""


def _whole(case: Case) -> Ran:
    return run_whole(case.home, DAYS[1])


def _on_a_full_disk(case: Case) -> Ran:
    # The warehouse is larger than this already, so its next growing write fails as on a full disk; small files still fit.
    return children.run_with_full_disk(case.home.root, DAYS[1], case.home.warehouse_file.stat().st_size // 2)


def _on_a_small_disk(case: Case) -> Ran:
    """The home on a file system of its own, with a megabyte left. Where none can be mounted its files may grow no further."""
    if why := children.may_mount():
        ran = _on_a_full_disk(case)
        ran.said.append(f"no small file system could be mounted here: {why}")
        return Ran(HELD, ran.said) if ran.ended == STOPPED else ran
    return children.run_on_small_disk(case.home.root, DAYS[1], room=1 << 20)


def _two_at_once(case: Case) -> Ran:
    """The refusal is what is looked at; the other run must have done the day's work."""
    refused, done = sorted(children.run_two(case.home.root, DAYS[1]), key=lambda ran: ran.ended != STOPPED)
    return refused if done.ended != STOPPED else Ran(STOPPED, ["both stopped", *refused.said, *done.said])


def _killed(case: Case) -> Ran:
    children.run_and_kill(case.home.root, DAYS[1], children.Moment("golden", seconds=case.rng.uniform(0.0, 1.5)))
    return _daily(case)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "truncated file",
        "a CSV file ends in the middle of a record",
        HELD,
        "middle of a record",
        _truncate,
        _then(_acknowledge("asks"), _again(_ASKS)),
    ),
    Fault(
        "truncated archive",
        "a ZIP file lacks its end",
        HELD,
        "wholly unreadable",
        _truncate_archive,
        _then(_acknowledge("news"), _again(_NEWS)),
    ),
    Fault(
        "growing file",
        "a file is still being written while the run looks",
        ALERTED,
        "still being written",
        _let_settle,
        _nothing,
        during=_growing,
    ),
    Fault("delivered twice", "files come again, one under a copy's name, one of yesterday", ABSORBED, "", _deliver_twice),
    Fault("renamed", "files come under names that say nothing", ABSORBED, "", _rename, is_short=True),
    Fault("reordered", "rows in another order, one file in two parts", ABSORBED, "", _reorder),
    Fault("yesterday's export again", "yesterday's exports arrive behind today's", ABSORBED, "", _yesterday_again, is_short=True),
    Fault("half an export", "exports lack half of their rows", ALERTED, "half of its rows", _halve(_CRM, _NEWS)),
    Fault(
        "half a registry",
        "the registry's full list lacks every second number",
        STOPPED,
        "took a tenth",
        _halve(_DNC),
        _again(_DNC),
        is_short=True,
    ),
    Fault(
        "emptied export",
        "exports hold a header and no row",
        ALERTED,
        "half of its rows",
        _only_header(_CRM, _NEWS),
        _again(_CRM, _NEWS),
    ),
    Fault(
        "file without a byte",
        "a file arrives empty",
        HELD,
        "without a single byte",
        _no_bytes,
        _then(_acknowledge("asks"), _again(_ASKS)),
    ),
    Fault(
        "renamed column",
        "the column of addresses has another label",
        HELD,
        "a quarter or more",
        _relabel(b",email,", b",mail_addr,"),
        _then(_acknowledge("asks"), _again(_ASKS)),
    ),
    Fault(
        "swapped columns",
        "the labels of addresses and numbers are swapped",
        HELD,
        "a quarter or more",
        _swap_columns,
        _then(_acknowledge("asks"), _again(_ASKS)),
    ),
    Fault("moved columns", "columns come in another order", ABSORBED, "", _move_columns),
    Fault("another encoding", "UTF-16 with and without a mark, a Windows code page", ABSORBED, "", _encode),
    Fault(
        "run in the past",
        "the clock of the run is an hour behind the last run",
        STOPPED,
        "same moment or later",
        _nothing,
        _nothing,
        _run_in_the_past,
    ),
    Fault("clock an hour ahead", "the vendors' clocks are an hour fast", ABSORBED, "", _hour_ahead),
    Fault("time zone changed", "a source's zone changes in the configuration", ABSORBED, "", _other_zone, truth=_as_read_there),
    Fault(
        "source removed",
        "a source leaves the configuration while its files wait",
        ALERTED,
        "no source is configured",
        _remove_source,
        _source_back,
    ),
    Fault(
        "customers merged",
        "two customers become one",
        ABSORBED,
        "",
        _merge_customers,
        truth=lambda made: made.truth(merged=_MERGED),
    ),
    Fault("contacts deleted", "customers who asked are deleted from the CRM", ABSORBED, "", _delete_contacts),
    Fault("says subscribed", "an import and the vendor say that everybody is subscribed", ABSORBED, "", _says_subscribed),
    Fault("disk full", "the warehouse can grow no further", STOPPED, "make room", _nothing, _nothing, _on_a_full_disk),
    Fault(
        "small disk",
        "the home's file system has a megabyte left",
        HELD,
        "no room for|is full",
        _nothing,
        _nothing,
        _on_a_small_disk,
    ),
    Fault(
        "drop folder full",
        "the disk of a destination's folder is full",
        STOPPED,
        "Writing a drop in",
        _nothing,
        _nothing,
        during=_full_drop_folder,
    ),
    Fault(
        "closed folder",
        "a source's folder may not be opened, or is a link",
        HELD,
        "source web.*(may not be opened|symbolic link)",
        _close_folder,
        _open_folder,
        is_short=True,
    ),
    Fault("ZIP of 600", "a day's requests in a ZIP of 600 small files", ABSORBED, "", _zip_of_600, _nothing),
    Fault(
        "line separators in a reason",
        "somebody acknowledges a file for a reason with U+2028, U+2029 and U+0085 in it",
        HELD,
        "middle of a record",
        _truncate,
        _then(_acknowledge("asks", "cut off\u2028on its\u2029way\x85here"), _again(_ASKS)),
    ),
    # One record of many is no alert: it waits in quarantine, and the run's last lines count it by source.
    Fault("odd address", "one record names cron@localhost", ABSORBED, "", _one_odd_address),
    Fault(
        "full list named changes",
        "the registry's full list has 'unchanged' and 'removed' in its name",
        HELD,
        "of a kind that somebody described",
        _named_changes,
        _then(_acknowledge("dnc", "named wrongly, delivered again"), _again(_DNC)),
    ),
    Fault(
        "registry removals of everything",
        "a change list takes every number out of the registry",
        STOPPED,
        "registry",
        _remove_everything,
        _full_list_again,
    ),
    Fault(
        "evidence replaced",
        "the evidence for releases is replaced between the gate and the publication",
        STOPPED,
        "not the file that the exit gate judged",
        _nothing,
        _nothing,
        _replace_evidence,
    ),
    Fault(
        "untrusted opt-ins",
        "a source of one brand writes that everybody is back, everywhere",
        ALERTED,
        "trusted with",
        _untrusted_opt_ins,
    ),
    Fault(
        "restored backup",
        "a backup from before the newest opt-outs is put back and runs",
        ALERTED,
        "knows nothing of",
        _nothing,
        _nothing,
        _restored,
        truth=_with_those_out_again,
    ),
    Fault(
        "copied home",
        "a copy of the home runs behind it on the same table",
        ALERTED,
        "knows nothing of",
        _nothing,
        _nothing,
        _copied,
        truth=_with_those_out_again,
    ),
    Fault(
        "two homes on one table",
        "another home with opt-ins of its own pushes to the same table",
        ALERTED,
        "knows nothing of",
        _nothing,
        _nothing,
        _two_homes,
    ),
    Fault(
        "hostile rows",
        "another writer's rows at a destination have no identifier, no channel or no date",
        ALERTED,
        "no sense",
        _hostile_rows,
        _without_hostile_rows,
    ),
    Fault("database deleted", "the warehouse is gone", ABSORBED, "", _lose_database),
    Fault(
        "landed file deleted",
        "a landed file and the warehouse are gone",
        STOPPED,
        "unreadable",
        _then(_delete_landed, _lose_database),
        _first_day_again,
        is_short=True,
    ),
    Fault(
        "landed file altered",
        "a landed file is changed by hand and the warehouse is gone",
        STOPPED,
        "unreadable",
        _then(_alter_landed, _lose_database),
        _first_day_again,
    ),
    Fault(
        "manifest damaged",
        "one line of the landing manifest is changed",
        STOPPED,
        "manifest.*line",
        _then(_keep("manifest", _manifest), _damage_manifest),
        _restore("manifest", _manifest),
    ),
    Fault(
        "manifest cut",
        "its last lines are gone",
        STOPPED,
        "it lacks deliveries",
        _then(_keep("manifest", _manifest), _cut_manifest),
        _restore("manifest", _manifest),
    ),
    Fault(
        "published snapshot altered",
        "a published file is rewritten by hand",
        STOPPED,
        "not the file that was published",
        _then(_keep("snapshot", _snapshot), _alter_snapshot),
        _restore("snapshot", _snapshot),
    ),
    Fault(
        "destination forgets",
        "a destination accepts rows and does not keep them",
        ALERTED,
        "not there",
        _forgetful,
        _remembers,
    ),
    Fault(
        "errors inside", "a destination says OK with an error inside", ALERTED, "refused", _nothing, _nothing, _with_errors_inside
    ),
    Fault(
        "destination hangs", "another writer holds the table's lock", STOPPED, "sqlite_busy", _nothing, _nothing, during=_hanging
    ),
    Fault(
        "destination emptied",
        "somebody empties the table and removes the drops",
        ALERTED,
        "gone",
        _emptied,
        _nothing,
    ),
    Fault("two runs at once", "the daily job is started twice", STOPPED, "another run", _nothing, None, _two_at_once),
    Fault("killed", "a run dies and is started again", ABSORBED, "", _nothing, None, _killed),
    Fault("no fault", "the daily job through Dagster", ABSORBED, "", _nothing, None, _whole),
)
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in FAULTS}
