"""Which country a record's region or country column means: the hint that a national number is read with.

Only spellings met in exports; a word that is not here gives no hint, and the number then needs its international form.
``dbt_project/macros/identifiers.sql`` holds the same list for the country of a postal key; a test compares the two.
"""

from __future__ import annotations

import re

# Spelling (letters only, upper case) -> ISO 3166-1 alpha-2. The three-letter codes and English names of the countries
# whose rules the policy seeds know, and the codes that people write although ISO has another (UK, EL).
SPELLINGS: dict[str, str] = {
    "AUS": "AU", "AUSTRALIA": "AU",
    "AUT": "AT", "AUSTRIA": "AT",
    "BEL": "BE", "BELGIUM": "BE",
    "BRA": "BR", "BRAZIL": "BR",
    "CAN": "CA", "CANADA": "CA",
    "CHE": "CH", "SWITZERLAND": "CH",
    "DEU": "DE", "GERMANY": "DE", "DEUTSCHLAND": "DE",
    "DNK": "DK", "DENMARK": "DK",
    "ESP": "ES", "SPAIN": "ES",
    "FIN": "FI", "FINLAND": "FI",
    "FRA": "FR", "FRANCE": "FR",
    "GBR": "GB", "UK": "GB", "UNITEDKINGDOM": "GB", "GREATBRITAIN": "GB", "ENGLAND": "GB", "SCOTLAND": "GB", "WALES": "GB",
    "NORTHERNIRELAND": "GB",
    "GRC": "GR", "EL": "GR", "GREECE": "GR",
    "HKG": "HK", "HONGKONG": "HK",
    "IND": "IN", "INDIA": "IN",
    "IRL": "IE", "IRELAND": "IE",
    "ITA": "IT", "ITALY": "IT",
    "JPN": "JP", "JAPAN": "JP",
    "KOR": "KR", "SOUTHKOREA": "KR",
    "MEX": "MX", "MEXICO": "MX",
    "NLD": "NL", "NETHERLANDS": "NL",
    "NOR": "NO", "NORWAY": "NO",
    "NZL": "NZ", "NEWZEALAND": "NZ",
    "POL": "PL", "POLAND": "PL",
    "PRT": "PT", "PORTUGAL": "PT",
    "SGP": "SG", "SINGAPORE": "SG",
    "SWE": "SE", "SWEDEN": "SE",
    "USA": "US", "UNITEDSTATES": "US", "UNITEDSTATESOFAMERICA": "US",
    "ZAF": "ZA", "SOUTHAFRICA": "ZA",
}  # fmt: skip

_SUBDIVISION = re.compile(r" *([A-Za-z]{2})-[A-Za-z0-9]{1,3} *")
_NOT_LETTERS = re.compile(r"[^A-Za-z]")


def country_code(text: str | None) -> str:
    """``us``, ``US-CA``, ``U.S.A.``, ``United States`` -> ``US``; a spelling nobody listed -> its letters; none -> ``''``."""
    subdivision = _SUBDIVISION.fullmatch(text or "")
    letters = subdivision.group(1) if subdivision else _NOT_LETTERS.sub("", text or "")
    letters = letters.upper()
    return SPELLINGS.get(letters, letters)
