"""How fast identifiers are normalised, beside a plain loop over the same library: ``python -m benchmarks.identifiers``.

Both sides run in one process, one after the other, on the same texts (the loops on a sample of them). Where the
machine is shared, trust the ratios, of wall time and of processor time, and not the rows per second.

The numbers and addresses are drawn at random (seeded) and never shown. Shares of shapes and countries are those of a
North American company's exports: 70 % North America, the rest fifteen countries, a tenth of it badly written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Callable
from types import ModuleType

import duckdb
import phonenumbers
import pyarrow as pa
from email_validator import EmailNotValidError, validate_email
from phonenumbers import re_util
from phonenumbers.phonemetadata import PhoneMetadata

from benchmarks.measure import Step, Table
from orchestration.identifiers import email_sql, phone, phone_sql

_SAMPLE = 30_000  # texts that the loops read: two seconds of work, and more would only give the same rate

_COUNTRIES = ("GB", "FR", "DE", "IT", "ES", "NL", "AU", "IN", "JP", "BR", "MX", "AR", "SG", "IE", "SE")
_NORTH_AMERICA = ("US",) * 88 + ("CA",) * 10 + ("PR", "JM")
_ABROAD = {"US": "011", "CA": "011", "PR": "011", "JM": "011", "JP": "010", "AU": "0011"}  # elsewhere 00
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_SEPARATORS = (" ", "-", ".", " ", "-")


def messy_phones(count: int, seed: int) -> pa.Table:
    """``count`` distinct pairs of raw text and region."""
    rnd = random.Random(seed)
    ranges: dict[str, list[tuple[int, int, int]]] = {}
    for region, digits, low, high in duckdb.sql(
        "select region, digits, low, high from read_parquet(?) where kind = 'numbering' and valid",
        params=[str(phone_sql.RANGES_FILE)],
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
        return _ABROAD.get(record, "00") + code + number, record
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
        (
            number[:-4] + "XXXX",
            f"+{code}{number[:-4]}****",
            number[:3] + "-CALLNOW",
            f"ask {rnd.randbytes(4).hex().translate(_LETTERS)}",
        )
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


def _in_warehouse(module: ModuleType, normalise: Callable[..., None], texts: pa.Table) -> int:
    """Normalise ``texts`` in DuckDB; returns how many of them SQL left to Python."""
    left: list[int] = []
    read_rest = module.read_rest

    def counted(rest: pa.Table, *arguments: object) -> pa.Table:
        left.append(rest.num_rows)
        return read_rest(rest, *arguments)

    module.read_rest = counted  # type: ignore[attr-defined]
    try:
        with duckdb.connect(config={"threads": os.cpu_count() or 1}) as con:
            con.register("texts", texts)
            normalise(con, "texts", "answers")
    finally:
        module.read_rest = read_rest  # type: ignore[attr-defined]
    return sum(left)


def _compared(step: Step, loop: Step) -> str:
    wall = step.rate / loop.rate
    cpu = (step.rows / step.cpu) / (loop.rows / loop.cpu)
    return f"{wall:.1f} x the loop, {cpu:.1f} x by processor time"


def phones(size: int, seed: int) -> Table:
    """The library's loop on a sample, then all texts our way; and what rphonenumbers would do for the rest."""
    table = Table(f"Phone numbers: {size:,} distinct messy texts (seed {seed}), phonenumbers {phonenumbers.__version__}")
    texts = messy_phones(size, seed)
    pairs = list(zip(*(column.to_pylist() for column in texts.slice(0, _SAMPLE).columns), strict=True))
    # As the library comes: importing ours has switched on its cache of compiled expressions.
    kept, re_util._COMPILED_PATTERNS = re_util._COMPILED_PATTERNS, None  # type: ignore[attr-defined]
    with table.step("loop over phonenumbers", len(pairs), "a sample") as loop:
        _library_loop(pairs)
    re_util._COMPILED_PATTERNS = kept  # type: ignore[attr-defined]
    with table.step("normalise_phone, one by one", len(pairs), "a sample") as single:
        answers = [phone.normalise_phone(raw, region) for raw, region in pairs]
    single.note += f", {_compared(single, loop)}"
    with table.step("normalise_phones, in the warehouse", texts.num_rows) as ours:
        left = _in_warehouse(phone_sql, phone_sql.normalise_phones, texts)
    ours.note = f"{_compared(ours, loop)}, {1 - left / texts.num_rows:.1%} in SQL"
    try:
        import rphonenumbers
    except ImportError:
        return table
    with table.step("normalise_phone over rphonenumbers", len(pairs), "a sample") as faster:
        other = [phone.normalise_phone(raw, region, rphonenumbers) for raw, region in pairs]
    agreed = sum(mine == theirs for mine, theirs in zip(answers, other, strict=True)) / len(pairs)
    used = "in use" if phone_sql.leftover_library() is rphonenumbers else "off: it is used only with exactly the same metadata"
    faster.note += f", {_compared(faster, loop)}, {agreed:.3%} agree, metadata {rphonenumbers.__phonenumbers_version__}, {used}"
    return table


def emails(size: int, seed: int) -> Table:
    """The library's loop on a sample, then all texts our way."""
    table = Table(f"E-mail addresses: {size:,} distinct messy texts (seed {seed})")
    texts = messy_emails(size, seed)
    sample = texts.column("raw").slice(0, _SAMPLE).to_pylist()
    with table.step("loop over email-validator", len(sample), "a sample") as loop:
        _validator_loop(sample)
    with table.step("normalise_emails, in the warehouse", texts.num_rows) as ours:
        left = _in_warehouse(email_sql, email_sql.normalise_emails, texts)
    ours.note = f"{_compared(ours, loop)}, {1 - left / texts.num_rows:.1%} in SQL"
    return table


def run(size: int, seed: int) -> list[Table]:
    """Measure both types on ``size`` distinct texts each."""
    return [phones(size, seed), emails(size, seed)]


def main(arguments: list[str] | None = None) -> None:
    """Print both tables, or the same as JSON."""
    parser = argparse.ArgumentParser(description="Rows per second of identifier normalisation.")
    parser.add_argument("--size", type=int, default=1_000_000, help="distinct raw texts of each type (default: a million)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    tables = run(options.size, options.seed)
    if options.json:
        print(json.dumps([table.as_dict() for table in tables], indent=1))
    else:
        print("\n\n".join("\n".join(table.lines()) for table in tables))


if __name__ == "__main__":
    main()
