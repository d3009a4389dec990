"""What every format keeps, tried on its samples: no record without an account, nothing new when a file comes twice, nothing
lost without a word when a file is cut off or half of its records are broken, and the same from a workbook of the same table,
from the same records in another order and from the same text in another encoding.

One home for all of it: each sample from a source of its own, the day after the same once more, and each of its damaged and
otherwise written copies from sources of their own. Whoever asks for one vendor (``-k postmark``) waits for its samples alone.
The long form cuts each file at every tenth byte.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.feeds import all_feeds
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.register import register
from orchestration.reconcile import stages
from tests.homes import with_policy
from tests.staging.conftest import AS_OF, SAMPLES
from tests.workbooks import xlsx

# One home takes in every sample of every format in all its damaged copies: minutes, and on a busy machine more than ten.
pytestmark = pytest.mark.timeout(1800)
FORMATS = SAMPLES.parent / "formats"
CUTS = (0.3, 0.6, 0.9)
COMPANY = '[company]\nname = "Acme"\ndefault_region = "US"\nscopes = ["acme"]\n[limits]\nsettle_seconds = 0\n'
BROKEN = "#?"


@dataclass(frozen=True)
class Sample:
    """One file in the layout of a format."""

    source: str
    format: str
    name: str
    data: bytes


def samples() -> list[Sample]:
    """Every sample that there is; what is in an archive by itself."""
    sources = tomllib.loads((SAMPLES / "quietlist.toml").read_text("utf-8"))["sources"]
    found = [(path.parent.name, path.name, path.read_bytes()) for path in sorted(FORMATS.glob("*/*"))]
    for path in sorted(SAMPLES.glob("*/*")):
        name = sources[path.parent.name]["format"]
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found += [(name, item, archive.read(item)) for item in archive.namelist()]
        else:
            found.append((name, path.name, path.read_bytes()))
    return [Sample(f"{form}_{number}", form, name, data) for number, (form, name, data) in enumerate(found)]


def place_of_records(document: Any) -> tuple[dict[str, Any] | None, str]:
    """The object of a page, at any depth, that holds the records, and under which key: nothing where they stand at the top."""
    waiting = [document] if isinstance(document, dict) else []
    for holder in waiting:
        for key, value in holder.items():
            if isinstance(value, list) and value:
                return holder, key
            if isinstance(value, dict) and len(value) > 1 and all(name.isdigit() for name in value):
                return holder, key
            waiting += [value] if isinstance(value, dict) else []
    return None, ""


def half_broken(sample: Sample) -> bytes:
    """The same file with every second record made into nonsense."""
    text = sample.data.decode("utf-8")
    if text.startswith("From "):  # an mbox: its records are mails
        mails = re.split(r"(?m)^(?=From \S+ \w{3} \w{3} )", text)[1:]
        return "".join(
            mail if number % 2 else f"{mail.splitlines()[0]}\n{BROKEN}\n\n" for number, mail in enumerate(mails)
        ).encode()
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text)
        except ValueError:  # one object a line
            lines = text.splitlines()
            return "\n".join(
                line if number % 2 else f"{line[: len(line) // 2]}{BROKEN}" for number, line in enumerate(lines)
            ).encode()
        holder, key = place_of_records(document)
        if isinstance(document, dict) and holder is None:  # one record, and nothing else
            return f"{text[: len(text) // 2]}{BROKEN}".encode()
        records = document if holder is None else holder[key]
        if isinstance(records, dict):  # named by their ids
            records = {name: record if number % 2 else [BROKEN] for number, (name, record) in enumerate(records.items())}
        else:
            records = [record if number % 2 else [BROKEN] for number, record in enumerate(records)]
        if holder is not None:
            holder[key] = records
        return json.dumps(records if holder is None else document).encode()
    lines = text.splitlines(keepends=True)
    # The first line is a header or shows the layout, and what ends a list may be a total.
    for number in range(2, len(lines) - 1, 2):
        lines[number] = f'{BROKEN}"{BROKEN}\n'
    return "".join(lines).encode()


def in_another_order(sample: Sample) -> bytes | None:
    """The same file with its records the other way round; nothing where it has one, or where a record is more than a line."""
    text = sample.data.decode("utf-8")
    if text.startswith("From "):
        return "".join(reversed(re.split(r"(?m)^(?=From \S+ \w{3} \w{3} )", text)[1:])).encode()
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text)
        except ValueError:
            return "".join(f"{line}\n" for line in reversed(text.splitlines())).encode()
        holder, key = place_of_records(document)
        if isinstance(document, dict) and holder is None:
            return None
        records = document if holder is None else holder[key]
        turned = dict(reversed(records.items())) if isinstance(records, dict) else records[::-1]
        if holder is not None:
            holder[key] = turned
        return json.dumps(turned if holder is None else document).encode()
    lines = text.splitlines(keepends=True)
    if len(lines) < 4 or any(line.count('"') % 2 for line in lines):
        return None
    # As for broken records: the first line may be a header, the last a total.
    return "".join((lines[0], *lines[-2:0:-1], lines[-1])).encode()


def in_utf_16(sample: Sample) -> bytes | None:
    """The same text as Windows programs save it; mails say themselves how they are encoded."""
    text = sample.data.decode("utf-8")
    return None if text.startswith("From ") else text.encode("utf-16")


def is_table(sample: Sample) -> bool:
    """Whether somebody could have opened it in Excel: no JSON, no mails, no XML, no form of a web page."""
    start = sample.data.decode("utf-8").lstrip()
    return not start.startswith(("{", "[", "From ", "<")) and not re.match(r"[\w.%\[\]]+=\S*\n", start)


def as_workbook(sample: Sample) -> bytes:
    """The same table as Excel saves it: what looks like a whole number has become one."""
    text = sample.data.decode("utf-8-sig")
    delimiter = max(",;\t|", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return xlsx({"Sheet1": [[int(cell) if re.fullmatch("[1-9][0-9]{0,14}", cell) else cell for cell in row] for row in rows]})


@dataclass(frozen=True)
class Tried:
    home: Home
    samples: list[Sample]
    first: dict[str, list[Any]]
    """The ledger of the first day, by source."""
    second: dict[str, list[Any]]
    staged: dict[str, dict[int, tuple[Any, ...]]]
    """What staging says of the records of each source's oldest file, by source and the record's number."""
    quarantined: dict[str, int]
    read: dict[str, list[Any]]
    """As which vendor's each file of a source was read, and how many records of it."""
    differences: list[tuple[str, int]]
    """By file: its source, and how many of its records have no account."""
    loaded: dict[str, list[Any]]
    """Vendor, feed, and how many records of it were loaded and refused, of each source's oldest file."""


def requests(home: Home) -> dict[str, list[Any]]:
    with warehouse(home, read_only=True) as con:
        rows = con.execute(
            "select source, request_id, action, method, channels, scope, emails, phones, at_earliest, at_latest "
            "from ledger.requests order by all"
        ).fetchall()
    found: dict[str, list[Any]] = {}
    for source, *rest in rows:
        found.setdefault(source, []).append(rest)
    return found


def staged(home: Home) -> dict[str, dict[int, tuple[Any, ...]]]:
    with warehouse(home, read_only=True) as con:
        rows = con.execute(
            "select source, record_no, outcome, action, scope, emails_raw, phones_raw, at_latest "
            "from staging.int_requests__unioned where (source, file_id) in "
            "(select (source, min(file_id)) from raw.landed_files group by source)"
        ).fetchall()
    found: dict[str, dict[int, tuple[Any, ...]]] = {}
    for source, number, *rest in rows:
        found.setdefault(source, {})[number] = tuple(rest)
    return found


def quarantined(home: Home) -> dict[str, int]:
    with warehouse(home, read_only=True) as con:
        return dict(con.execute("select source, count(*) from ledger.quarantine group by source").fetchall())


def read(home: Home) -> dict[str, list[Any]]:
    with warehouse(home, read_only=True) as con:
        rows = con.execute(
            "select source, landed.vendor, log.loaded + coalesce(plain.records, 0) from raw.landed_files as landed "
            "left join raw.load_log as log using (file_id) left join raw.plain_numbers as plain using (file_id)"
        ).fetchall()
    found: dict[str, list[Any]] = {}
    for source, *rest in rows:
        found.setdefault(source, []).append(rest)
    return found


def differences(home: Home) -> list[tuple[str, int]]:
    with warehouse(home, read_only=True) as con:
        return con.execute("select source, difference from ledger.conservation").fetchall()


def loaded(home: Home) -> dict[str, list[Any]]:
    with warehouse(home, read_only=True) as con:
        rows = con.execute(
            "select source, vendor, feed, sum(log.loaded), sum(log.quarantined) from raw.landed_files as landed "
            "join raw.load_log as log using (file_id, vendor, feed) where (source, file_id) in "
            "(select (source, min(file_id)) from raw.landed_files group by source) group by all order by all"
        ).fetchall()
    found: dict[str, list[Any]] = {}
    for source, *rest in rows:
        found.setdefault(source, []).append(rest)
    return found


def deliver(home: Home, files: dict[str, tuple[str, bytes]]) -> None:
    for source, (name, data) in files.items():
        (home.inbox / source).mkdir(exist_ok=True)
        (home.inbox / source / name).write_bytes(data)


def run(home: Home, config: Config, day: int) -> None:
    as_of = AS_OF + timedelta(days=day)
    collect(home, config, as_of)
    with warehouse(home) as con:
        stages.prepare(con, home, feeds_in_use(home, config, con))
        register(con, home, config)
        load(con, home, config, as_of)
    stages.stage(home, config, as_of)
    stages.normalise(home, config)
    stages.registries(home, config, as_of)
    stages.ledger(home, config, as_of)


def asked_for(items: list[pytest.Item]) -> list[Sample]:
    """The samples that the chosen tests of this file are about."""
    parameters = [getattr(item, "callspec", None) for item in items if item.path == Path(__file__)]
    chosen = {found.params["sample"] for found in parameters if found and "sample" in found.params}
    return [sample for sample in samples() if sample in chosen]


def copies(sample: Sample) -> dict[str, Sample]:
    """The sample's damaged and otherwise written copies, by what was done to them."""
    changed = {"half": half_broken(sample), "turned": in_another_order(sample), "utf16": in_utf_16(sample)}
    made = {how: dataclasses.replace(sample, data=data) for how, data in changed.items() if data is not None}
    if is_table(sample):
        made["book"] = dataclasses.replace(sample, name=f"{Path(sample.name).stem}.xlsx", data=as_workbook(sample))
    return {f"{sample.source}_{how}": dataclasses.replace(copy, source=f"{sample.source}_{how}") for how, copy in made.items()}


def cut(sample: Sample, places: Iterable[int]) -> dict[str, Sample]:
    """What is left of the sample when it is cut off at each of these bytes."""
    return {
        f"{sample.source}_at{place}": dataclasses.replace(sample, source=f"{sample.source}_at{place}", data=sample.data[:place])
        for place in places
    }


def three_places(sample: Sample) -> list[int]:
    return [int(len(sample.data) * part) for part in CUTS]


def every_tenth_byte(sample: Sample) -> range:
    return range(10, len(sample.data), 10)


def tried_in(home: Home, there: list[Sample], others: dict[str, Sample]) -> Tried:
    """Each sample from a source of its own; the day after each once more, and the others."""
    text = "".join(
        f'[sources.{sample.source}]\nformat = "{sample.format}"\nscope = "acme"\nregion = "US"\n'
        for sample in (*there, *others.values())
    )
    home.config_file.write_text(COMPANY + text)
    config = load_config(home)
    whole = {sample.source: (sample.name, sample.data) for sample in there}
    deliver(home, whole)
    run(home, config, 0)
    first = requests(home)
    deliver(home, whole | {source: (sample.name, sample.data) for source, sample in others.items()})
    run(home, config, 1)
    return Tried(home, there, first, requests(home), staged(home), quarantined(home), read(home), differences(home), loaded(home))


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    there = asked_for(request.session.items)
    others = {source: copy for sample in there for source, copy in (copies(sample) | cut(sample, three_places(sample))).items()}
    return tried_in(with_policy(Home.at(tmp_path_factory.mktemp("conformance") / "home")), there, others)


def test_every_format_has_a_sample() -> None:
    lacking = {feed.format for feed in all_feeds() if feed.vendor != "quietlist"} - {sample.format for sample in samples()}
    assert lacking == set(), "put a file in the vendor's true layout into data/formats/<format>/"


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_a_sample_is_read_whole_as_what_it_is(tried: Tried, sample: Sample) -> None:
    rows = tried.read.get(sample.source)
    assert rows, f"{sample.name} did not arrive"
    for vendor, loaded in rows:
        assert vendor is not None and loaded, f"{sample.name} is not recognised, or nothing of it was read"


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_every_record_of_a_whole_and_a_damaged_file_has_its_account(tried: Tried, sample: Sample) -> None:
    differences = {
        source: difference
        for source, difference in tried.differences
        if source == sample.source or source.startswith(f"{sample.source}_")
    }
    assert differences.keys() == {sample.source, *copies(sample), *cut(sample, three_places(sample))}
    assert set(differences.values()) == {0}, differences


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_a_sample_that_comes_twice_changes_nothing(tried: Tried, sample: Sample) -> None:
    assert tried.second.get(sample.source, []) == tried.first.get(sample.source, [])


@pytest.mark.parametrize("sample", filter(is_table, samples()), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_a_workbook_of_the_same_table_says_the_same(tried: Tried, sample: Sample) -> None:
    plain, book = (tried.loaded[source] for source in (sample.source, f"{sample.source}_book"))
    assert (book, len(book)) == (plain, 1)
    assert tried.staged.get(f"{sample.source}_book", {}) == tried.staged.get(sample.source, {})


def gone_in_silence(tried: Tried, sample: Sample, places: Iterable[int]) -> list[str]:
    """What a cut-off file lost, or says otherwise than the whole one, without being refused."""
    whole = tried.staged.get(sample.source, {})
    wrong = []
    for place, (source, _) in zip(places, cut(sample, places).items(), strict=True):
        found = tried.staged.get(source, {})
        if tried.quarantined.get(source, 0):
            continue
        if differing := [
            number for number in sorted(found.keys() - of_the_cut(sample, found)) if found[number] != whole.get(number)
        ]:
            wrong.append(f"{source}: records {differing} mean something else than in the whole file")
        # Records that end before the cut, told by the identifiers of the records behind them.
        if lost := sorted(ending_before(sample, whole, place) - found.keys()):
            wrong.append(f"{source}: records {lost} stand before the cut and are gone without a word")
    return wrong


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_what_a_cut_off_file_still_holds_is_read_or_the_file_is_refused_aloud(tried: Tried, sample: Sample) -> None:
    assert gone_in_silence(tried, sample, three_places(sample)) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)  # more than ten thousand files
def test_a_file_cut_off_at_any_tenth_byte_is_read_or_refused_aloud(tmp_path: Path) -> None:
    there = samples()
    others = {source: copy for sample in there for source, copy in cut(sample, every_tenth_byte(sample)).items()}
    found = tried_in(with_policy(Home.at(tmp_path / "home")), there, others)
    assert len(others) > 10_000
    assert [line for sample in there for line in gone_in_silence(found, sample, every_tenth_byte(sample))] == []


def said(tried: Tried, source: str) -> list[tuple[Any, ...]]:
    """What a source's records mean, whatever their numbers."""
    return sorted(tried.staged.get(source, {}).values(), key=repr)


@pytest.mark.parametrize("how", ["turned", "utf16"])
@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_the_same_records_in_another_order_or_encoding_say_the_same(tried: Tried, sample: Sample, how: str) -> None:
    if f"{sample.source}_{how}" not in copies(sample):
        pytest.skip("it has one record, or records of several lines, or says itself how it is encoded")
    same = said(tried, f"{sample.source}_{how}") == said(tried, sample.source)
    assert same or tried.quarantined.get(f"{sample.source}_{how}", 0), f"{sample.name}: records are gone, or mean something else"


def of_the_cut(sample: Sample, found: dict[int, tuple[Any, ...]]) -> set[int]:
    """Numbers of the records that the cut may have gone through: the last one, and of a letter, which may ask for its
    writer and for others, all that have its time.
    """
    if not found:
        return set()
    last = max(found)
    return {number for number in found if number == last or (sample.format == "mail" and found[number][-1] == found[last][-1])}


def ending_before(sample: Sample, whole: dict[int, tuple[Any, ...]], end: int) -> set[int]:
    """Numbers of records that are followed by another record's identifier before a place in the file.

    Where a record stands is told from the whole file, one after the other: who opted out and later in again is in it twice.
    """
    place, seen = 0, []
    for number in sorted(whole):
        identifiers = [item.encode() for item in (*whole[number][3], *whole[number][4])]
        ends = [at + len(item) for item in identifiers if (at := sample.data.find(item, place)) >= 0]
        if ends:
            place = min(ends)
            if place <= end:
                seen.append(number)
    return set(range(1, seen[-1])) & set(whole) if seen else set()


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.format}-{sample.name}")
def test_a_broken_record_holds_back_itself_and_not_the_others(tried: Tried, sample: Sample) -> None:
    whole, found = (tried.staged.get(source, {}) for source in (sample.source, f"{sample.source}_half"))
    if not whole:
        pytest.skip("its records are no requests")
    kept = {number: said for number, said in found.items() if said == whole.get(number)}
    refused = tried.quarantined.get(f"{sample.source}_half", 0)
    assert len(kept) + refused >= len(whole), f"{len(whole)} records, {len(kept)} of them as they were, {refused} refused"
