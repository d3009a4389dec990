"""How fast identifiers are normalised, beside the plain loop over the same library: ``python -m benchmarks.identifiers``.

The numbers and addresses are drawn at random (seeded) and never shown. Shares of shapes and countries are those of a
North American company's exports: 70 % North America, the rest fifteen countries, a tenth of it badly written.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import email_validator
import phonenumbers
import pyarrow as pa
from phonenumbers.phonemetadata import PhoneMetadata

from orchestration.identifiers import email_address, email_sql, phone, phone_sql

_COUNTRIES = ("GB", "FR", "DE", "IT", "ES", "NL", "AU", "IN", "JP", "BR", "MX", "AR", "SG", "IE", "SE")
_NORTH_AMERICA = ("US",) * 88 + ("CA",) * 10 + ("PR", "JM")
_SEPARATORS = (" ", "-", ".", " ", "-")


def messy_phones(count: int, seed: int) -> pa.Table:
    """``count`` distinct pairs of raw text and region."""
    rnd = random.Random(seed)
    ranges: dict[str, list[tuple[int, int, int]]] = {}
    for region, digits, low, high in duckdb.sql(
        f"select region, digits, low, high from read_parquet('{phone_sql.RANGES_FILE}') where kind = 'numbering' and valid"
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
        return ("011" if code == "1" else "00") + code + number, record
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
        (number[:-4] + "XXXX", f"+{code}{number[:-4]}****", number[:3] + "-CALLNOW", f"no phone {rnd.random()}")
    ), record


def _grouped(rnd: random.Random, number: str) -> str:
    separator = rnd.choice(_SEPARATORS)
    first = f"({number[:3]}) " if rnd.random() < 0.3 else number[:3] + separator
    return first + number[3:6] + separator + number[6:]
