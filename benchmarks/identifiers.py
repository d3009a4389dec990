"""How fast identifiers are normalised, beside a plain loop over the same library: ``python -m benchmarks.identifiers``.

Both sides run in one process, one after the other, on the same texts (the loops on a sample of them). Where the
machine is shared, trust the ratios and the rows per CPU-second, not the rows per second.

The numbers and addresses are drawn at random (seeded) and never shown. Shares of shapes and countries are those of a
North American company's exports: 70 % North America, the rest fifteen countries, a tenth of it badly written.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import duckdb
import phonenumbers
import pyarrow as pa
from email_validator import EmailNotValidError, validate_email
from phonenumbers import re_util
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.identifiers import email_address, email_sql, phone, phone_sql

_COUNTRIES = ("GB", "FR", "DE", "IT", "ES", "NL", "AU", "IN", "JP", "BR", "MX", "AR", "SG", "IE", "SE")
_NORTH_AMERICA = ("US",) * 88 + ("CA",) * 10 + ("PR", "JM")
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_SEPARATORS = (" ", "-", ".", " ", "-")


def messy_phones(count: int, seed: int) -> pa.Table:
    """``count`` distinct pairs of raw text and region."""
    rnd = random.Random(seed)
    ranges: dict[str, list[tuple[int, int, int]]] = {}
    for region, digits, low, high in duckdb.sql(
        "select region, digits, low, high from read_parquet(?) where kind = 'numbering' and valid", params=[str(phone_sql.RANGES_FILE)]
    ).fetchall():
        ranges.setdefault(region, []).append((digits, low, high))
    facts = {}
    for region in (*_COUNTRIES, *set(_NORTH_AMERICA)):
        metadata = PhoneMetadata.metadata_for_region(region)
        assert metadata is not None
        facts[region] = (str(metadata.country_code), metadata.national_prefix or "")
        # Subscribers' numbers only: by range size alone, Germany would send fifteen digits.
        usual = {len(str(phonenumbers.example_number_for_type(region, kind).national_number)) for kind in (0, 1)}
        ranges[region] = [found for found in ranges[region] if found[0] in usual]
    pool = {
        region: rnd.choices(found, [high - low for _, low, high in found], k=max(1000, count // 10))
        for region, found in ranges.items()
        if region in facts
    }
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        region = rnd.choice(_NORTH_AMERICA) if rnd.random() < 0.7 else rnd.choice(_COUNTRIES)
        digits, low, high = rnd.choice(pool[region])
        number = str(rnd.randint(low, high)).zfill(digits)
        seen.add(_written(rnd, number, region, *facts[region]))
    pairs = sorted(seen)
    rnd.shuffle(pairs)
    raw, regions = zip(*pairs, strict=True)
    return pa.table({"raw": pa.array(raw), "region": pa.array(regions)})


def _written(rnd: random.Random, number: str, region: str, code: str, trunk: str) -> tuple[str, str]:
    """One way in which exports write a number, and the region its record carries."""
    record = region if rnd.random() < 0.93 else rnd.choice(("US", ""))
    dice = rnd.random()
    if record != region:
        return (f"+{code}{number}" if dice < 0.6 else f"+{code} {_grouped(rnd, number)}" if dice < 0.95 else number), record
    national = number if code == "1" else trunk + number
    if dice < 0.26:
        return f"+{code}{number}", record
    if dice < 0.47:
        return national, record
    if dice < 0.67:
        return _grouped(rnd, national), record
    if dice < 0.80:
        return f"+{code} {_grouped(rnd, number)}", record
    if dice < 0.88:
        return code + number, record
    if dice < 0.90:
        return {"US": "011", "CA": "011", "PR": "011", "JM": "011", "JP": "010", "AU": "0011"}.get(record, "00") + code + number, record
    if dice < 0.94:
        return rnd.choice(("tel:+", "whatsapp:+", "'+", '="+', "Tel. +")) + code + number, record
    if dice < 0.955:
        return f"{code}{number}.0", record
    if dice < 0.975:
        return f"{_grouped(rnd, national)}{rnd.choice((' x', ' ext. ', ' ext', ',,', ' #'))}{rnd.randint(1, 9999)}", record
    if dice < 0.980:
        return f"+{code}\u00a0{_grouped(rnd, number)}", record
    if dice < 0.983:
        return national.translate({48 + n: 0xFF10 + n for n in range(10)}), record
    if dice < 0.987:
        return f"+{code} (0){number}", record
    if dice < 0.990:
        return f"{national} {rnd.choice(('home', '(cell)', 'mobile', 'work'))}", record
    if dice < 0.994:
        return national[: rnd.randint(3, len(national) - 1)], record
    if dice < 0.996:
        return national + str(rnd.randint(0, 99)), record
    if dice < 0.998:
        return f"{number[0]}.{number[1:5]}E+{len(number) - 1}", record
    return rnd.choice(
        (number[:-4] + "XXXX", f"+{code}{number[:-4]}****", number[:3] + "-CALLNOW", f"ask {rnd.randbytes(4).hex().translate(_LETTERS)}")
    ), record


def _grouped(rnd: random.Random, number: str) -> str:
    separator = rnd.choice(_SEPARATORS)
    first = f"({number[:3]}) " if rnd.random() < 0.3 else number[:3] + separator
    return first + number[3:6] + separator + number[6:]


_PROVIDERS = ("example.com", "example.org", "example.net", "mail.example.com", "news.example.org", "Example.COM")
_WRAPPED = ("<{}>", "Jane Doe <{}>", '"Doe, Jane" <{}>', "mailto:{}", "{};", " {} ", "'{}", "{}.")
_FLAWED = ("{}@example.com", "jane {}", "{}@", "é{}", "{}.münchen.example", "none-{}", "{}\u00a0x")


def messy_emails(count: int, seed: int) -> pa.Table:
    """``count`` distinct raw texts: nine in ten bare addresses, the rest wrapped, and one in thirty flawed or foreign."""
    rnd = random.Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        name = rnd.choice(("jane.doe", "J.Doe", "info", "jd", "jane+shop", "o'brien", "JANE"))
        address = f"{name}{rnd.randrange(10**7)}@{rnd.choice(_PROVIDERS)}"
        dice = rnd.random()
        seen.add(address if dice < 0.87 else rnd.choice(_WRAPPED if dice < 0.966 else _FLAWED).format(address))
    texts = sorted(seen)
    rnd.shuffle(texts)
    return pa.table({"raw": pa.array(texts)})


@dataclass(frozen=True)
class Measure:
    """One way of doing it. ``share_in_sql`` is how much of it needed no Python."""

    what: str
    rows: int
    seconds: float
    cpu_seconds: float
    share_in_sql: float | None = None
    agreement: float | None = None

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    @property
    def rows_per_cpu_second(self) -> float:
        return self.rows / self.cpu_seconds


def _timed(what: str, rows: int, work: Callable[[], object]) -> Measure:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Measure(what, rows, time.perf_counter() - wall, time.process_time() - cpu)


def _library_loop(pairs: list[tuple[str, str]]) -> None:
    """What one would write with phonenumbers alone: parse, is it possible, whose is it, E.164."""
    for raw, region in pairs:
        try:
            number = phonenumbers.parse(raw, region or None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            phonenumbers.region_code_for_number(number)
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _validator_loop(texts: list[str]) -> None:
    """What one would write with email-validator alone."""
    for raw in texts:
        try:
            validate_email(raw.strip(), check_deliverability=False).normalized.lower()
        except EmailNotValidError:
            continue


def _in_warehouse(table: pa.Table, normalise: Callable[[duckdb.DuckDBPyConnection, str, str], None]) -> None:
    with duckdb.connect(config={"threads": min(2, os.cpu_count() or 1)}) as con:
        con.register("texts", table)
        normalise(con, "texts", "answers")


def _left_to_python(module: object, work: Callable[[], object]) -> int:
    """Rows that SQL did not answer while ``work`` ran."""
    left: list[int] = []
    original = module.read_rest  # type: ignore[attr-defined]

    def counted(rest: pa.Table, *arguments: object) -> pa.Table:
        left.append(rest.num_rows)
        return original(rest, *arguments)

    module.read_rest = counted  # type: ignore[attr-defined]
    try:
        work()
    finally:
        module.read_rest = original  # type: ignore[attr-defined]
    return sum(left)


def measure_phones(count: int, sample: int, seed: int) -> list[Measure]:
    """The library's loop, then ours; and what rphonenumbers would do for the rest."""
    table = messy_phones(count, seed)
    pairs = list(zip(*(column.to_pylist() for column in table.slice(0, sample).columns), strict=True))
    # As the library comes: importing ours has switched on its cache of compiled expressions.
    kept, re_util._COMPILED_PATTERNS = re_util._COMPILED_PATTERNS, None  # type: ignore[attr-defined]
    measures = [_timed("phonenumbers, plain loop (sample)", len(pairs), lambda: _library_loop(pairs))]
    re_util._COMPILED_PATTERNS = kept  # type: ignore[attr-defined]
    measures.append(_timed("phonenumbers, plain loop with its pattern cache (sample)", len(pairs), lambda: _library_loop(pairs)))
    results: list[phone.PhoneResult] = []
    one_by_one = _timed(
        "normalise_phone, one by one (sample)", len(pairs), lambda: results.extend(phone.normalise_phone(*pair) for pair in pairs)
    )
    measures.append(one_by_one)
    left: list[int] = []
    ours = _timed(
        "normalise_phones, in the warehouse",
        table.num_rows,
        lambda: left.append(_left_to_python(phone_sql, lambda: _in_warehouse(table, phone_sql.normalise_phones))),
    )
    measures.append(Measure(ours.what, ours.rows, ours.seconds, ours.cpu_seconds, 1 - sum(left) / ours.rows))
    try:
        import rphonenumbers
    except ImportError:
        return measures
    faster: list[phone.PhoneResult] = []
    loop = _timed(
        f"normalise_phone with rphonenumbers (metadata {rphonenumbers.__phonenumbers_version__}; sample)",
        len(pairs),
        lambda: faster.extend(phone.normalise_phone(*pair, rphonenumbers) for pair in pairs),
    )
    same = sum(map(tuple.__eq__, results, faster)) / len(pairs)
    measures.append(Measure(loop.what, loop.rows, loop.seconds, loop.cpu_seconds, None, same))
    return measures


def measure_emails(count: int, sample: int, seed: int) -> list[Measure]:
    """The library's loop, then ours."""
    table = messy_emails(count, seed)
    texts = table.column("raw").slice(0, sample).to_pylist()
    measures = [_timed("email-validator, plain loop (sample)", len(texts), lambda: _validator_loop(texts))]
    left: list[int] = []
    ours = _timed(
        "normalise_emails, in the warehouse",
        table.num_rows,
        lambda: left.append(_left_to_python(email_sql, lambda: _in_warehouse(table, email_sql.normalise_emails))),
    )
    measures.append(Measure(ours.what, ours.rows, ours.seconds, ours.cpu_seconds, 1 - sum(left) / ours.rows))
    return measures


def main(arguments: list[str] | None = None) -> None:
    """Measure both types and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="Rows per second of identifier normalisation.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="distinct raw texts of each type (default: a million)")
    parser.add_argument("--sample", type=int, default=30_000, help="texts that the plain loops read (default: 30000)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    groups = [measure(options.rows, options.sample, options.seed) for measure in (measure_phones, measure_emails)]
    rows = []
    for measures in groups:
        base = measures[0]
        for found in measures:
            rows.append(
                asdict(found)
                | {
                    "rows_per_second": round(found.rows_per_second),
                    "rows_per_cpu_second": round(found.rows_per_cpu_second),
                    "times_the_plain_loop": round(found.rows_per_second / base.rows_per_second, 1),
                    "times_per_cpu_second": round(found.rows_per_cpu_second / base.rows_per_cpu_second, 1),
                }
            )
    if options.json:
        facts = {"seed": options.seed, "python": platform.python_version(), "duckdb": duckdb.__version__, "cores": os.cpu_count()}
        sys.stdout.write(json.dumps(facts | {"phonenumbers": phonenumbers.__version__, "measures": rows}, indent=2) + "\n")
        return
    sys.stdout.write(f"seed {options.seed}, {os.cpu_count()} cores, phonenumbers {phonenumbers.__version__}\n")
    sys.stdout.write(f"{'':70} {'rows':>9} {'rows/s':>10} {'x loop':>7} {'rows/cpu-s':>10} {'x loop':>7} {'in SQL':>7} {'agree':>8}\n")
    for row in rows:
        in_sql = "" if row["share_in_sql"] is None else f"{row['share_in_sql']:.1%}"
        agree = "" if row["agreement"] is None else f"{row['agreement']:.3%}"
        sys.stdout.write(
            f"{row['what']:70} {row['rows']:>9,} {row['rows_per_second']:>10,} {row['times_the_plain_loop']:>7} "
            f"{row['rows_per_cpu_second']:>10,} {row['times_per_cpu_second']:>7} {in_sql:>7} {agree:>8}\n"
        )
    if phone_sql.leftover_library() is phonenumbers:
        sys.stdout.write(
            "rphonenumbers is off: it is used for what SQL leaves over only where its metadata version is exactly that of phonenumbers.\n"
        )


if __name__ == "__main__":
    main()
