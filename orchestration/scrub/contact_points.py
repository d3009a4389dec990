"""The contact points of a campaign file: which columns hold them, and what each record's mean.

A column is recognised by its header and by what is in it, or named. What is certain at a glance is normalised in the one pass
over the file; everything else, each distinct text once, by ``identifiers.phone_sql``, ``email_sql`` and ``postal``, which are the
authority on both: the tests hold the glance to their answers. Who may be contacted is decided in ``screening``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import duckdb
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from phonenumbers import SUPPORTED_REGIONS

from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.errors import ConfigError
from orchestration.core.masks import mask_text
from orchestration.core.sql import quoted
from orchestration.identifiers import email_sql, phone_sql, postal
from orchestration.identifiers.blank import blank_sql, is_blank
from orchestration.identifiers.phone import normalise_phone
from orchestration.readers.layout import is_contact_point
from orchestration.scrub.campaign import Campaign

HASHES = ("sha256", "keyed")
# Where nobody says the channel: what a contact point of this kind is written to or called at, in doubt both.
_DEFAULT_CHANNELS = {"email": ("email",), "phone": ("voice", "sms"), "fax": ("fax",), "postal": ("postal",)}
_SAMPLE = 5_000  # records looked at to tell what a column holds
_TRIED = 100  # of them normalised one by one, where only their look says that they are telephone numbers
_MAIL_WORDS = {"email", "emails", "mail"}
_PHONE_WORDS = {
    "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "msisdn", "landline", "handy", "telefon", "phonenumber",
}  # fmt: skip
_COUNTRY = {"country", "country code", "countrycode", "country iso", "region"}
_POSTAL = {
    "name": {"name", "full name", "fullname", "contact name", "recipient"},
    "address": {"address", "street", "street address", "address 1", "address1", "address line 1", "addr", "addr1"},
    "postal_code": {"postal code", "postalcode", "postcode", "post code", "zip", "zip code", "zipcode", "plz"},
}
# More than _PHONE_WORDS: enough to warn of, not to screen by.
_PHONISH = re.compile("phone|mobil|cell|tel|handy|fax|contact|rufnummer")
_FIRST, _LAST = {"first name", "firstname", "given name"}, {"last name", "lastname", "surname", "family name"}
_REGION = re.compile(r"[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?")
# Codes of American states and Canadian provinces, most of which are countries' too.
_STATES = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD",
    "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC",
    "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC", "AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON",
    "PE", "QC", "SK", "YT",
})  # fmt: skip
_DIGEST = r"[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?"
# Stands for the country of a number that was read at a glance: its area code alone says it.
AT_A_GLANCE = "-"
_NANP_HINTS = r"(?:US|CA)(?:-[A-Z0-9]{1,3})?|USA|CAN"


@dataclass(frozen=True)
class Point:
    """One contact point that each record has, in one column (postal: several), with the channels it is screened for."""

    number: int
    kind: str
    """``email``, ``phone``, ``postal`` or ``hash``."""
    places: tuple[int, ...]
    label: str
    channels: tuple[str, ...]

    @property
    def table(self) -> str:
        """``(id, value, area, country, hint)``, a row per record whose contact point could be read."""
        return f"point_{self.number}"


@dataclass(frozen=True)
class Columns:
    """What the file is screened by. ``country`` is the column with each record's country, if there is one."""

    points: tuple[Point, ...]
    channels: tuple[str, ...]
    country: int | None
    doubtful: tuple[str, ...]
    """Columns that look like contact points of these channels and are not screened by."""


def find_columns(
    con: duckdb.DuckDBPyConnection, campaign: Campaign, named: Sequence[str], channels: Sequence[str], hashed: str | None
) -> Columns:
    """Which columns identify a person on these channels.

    Args:
        named: only these columns (``LABEL``, or ``LABEL=email``, ``=phone``, ``=postal``); by default all that are recognised.
        channels: by default those that the columns found are used for.

    Raises:
        ConfigError: a named column is not there, or no column identifies anybody on one of the channels.
    """
    values = _sampled(con, campaign)
    if hashed:
        kinds = {place: "hash" for place in range(len(values)) if _share(values[place], _is_digest) >= 0.5}
    else:
        kinds = {place: kind for place in range(len(values)) if (kind := _kind(campaign.labels[place], values[place]))}
    if named:
        kinds = _named(campaign, named, kinds, values, hashed)
    whole = () if hashed else _postal_places(campaign, kinds)
    found: list[tuple[str, tuple[int, ...]]] = [(kind, (place,)) for place, kind in sorted(kinds.items())]
    if whole and ("postal" in channels or not (channels or found)):
        found.append(("postal", whole))
    if not channels:
        used = {channel for kind, places in found for channel in _usual_channels(kind, campaign.labels[places[0]])}
        channels = [channel for channel in TYPES_OF_CHANNEL if channel in used]
    points: list[Point] = []
    for kind, places in found:
        kind_of = "phone" if kind == "fax" else kind
        mine = tuple(channel for channel in channels if kind == "hash" or kind_of in TYPES_OF_CHANNEL[channel])
        if kind == "fax" and "fax" in mine and len(found) > 1:
            mine = ("fax",)  # nobody calls or texts a fax
        if mine:
            label = ", ".join(campaign.label(place) for place in places)
            points.append(Point(len(points) + 1, kind_of, places, label, mine))
    missing = [channel for channel in channels if not any(channel in point.channels for point in points)]
    digests = [] if hashed else [place for place, texts in enumerate(values) if _share(texts, _is_digest) >= 0.5]
    if digests and (missing or not points):
        raise ConfigError(
            "Finding whom the campaign file means",
            seen="a column of digests where addresses or numbers should be",
            allowed="--hashed sha256 or --hashed keyed",
            next_step="say how they were made, or name another column with --column",
        )
    if missing or not points:
        raise ConfigError(
            "Finding whom the campaign file means",
            seen=f"no column for {', '.join(missing) or 'any channel'} among {len(campaign.labels)}",
            allowed="a column of e-mail addresses, telephone numbers or digests; name, address and postal code for mail",
            next_step="name it with --column 'LABEL' or 'LABEL=phone' ('column 3' where there is no header), and --channel",
        )
    chosen = {place for point in points for place in point.places}
    wanted = {kind for channel in channels for kind in TYPES_OF_CHANNEL[channel]}
    doubtful = [
        campaign.label(place)
        for place, texts in enumerate(values)
        if place not in chosen
        and (
            place in digests
            or ("email" in wanted and any(map(_is_mail, texts)))
            or ("phone" in wanted and _may_be_numbers(campaign.label(place), texts))
        )
    ]
    return Columns(tuple(points), tuple(channels), _country_place(campaign, values), tuple(doubtful))


def read_points(
    con: duckdb.DuckDBPyConnection, campaign: Campaign, columns: Columns, region: str | None, hashed: str | None
) -> None:
    """Make each point's table, and ``unreadable(id, point, reason)`` of what is there and names nobody.

    A record without anything in any of the points' columns is in ``unreadable`` too.
    """
    hint = quoted(region or "")
    if columns.country is not None:
        hint = f"coalesce(nullif(upper(trim(c{columns.country}::varchar)), ''), {hint})"
    selected = [read for point in columns.points for read in _reading(point, hint, hashed)]
    con.execute(
        f"create or replace temp table reading as select id::uinteger as id, {', '.join(selected)}, hint "
        f"from (select *, {hint} as hint from {campaign.relation})"
        if columns.country is not None
        else f"create or replace temp table reading as select id::uinteger as id, {', '.join(selected)} from {campaign.relation}"
    )
    con.execute("create or replace temp table unreadable (id uinteger, point utinyint, reason varchar)")
    kept_hint = "hint" if columns.country is not None else f"{hint} as hint"
    for point in columns.points:
        _read_rest(con, point, "hint" if columns.country is not None else hint)
        area = f"(v{point.number} // 10000000 - 1000)::usmallint" if point.kind == "phone" else "0::usmallint"
        con.execute(
            f"create or replace temp view {point.table} as "
            f"select id, v{point.number} as value, {area} as area, {quoted(AT_A_GLANCE)} as country, {kept_hint} "
            f"from reading where v{point.number} is not null "
            f"union all select id, value, area, country, hint from rest_{point.number}"
        )
    blank = " and ".join(f"v{point.number} is null and r{point.number} is null" for point in columns.points)
    con.execute(f"insert into unreadable select id, 0, 'empty' from reading where {blank}")


@functools.cache
def nanp_areas() -> dict[str, str]:
    """Area codes of North America all of whose numbers are valid and of one country, with that country."""
    with duckdb.connect() as con:
        rows = con.execute(
            "select low // 10000000, region from read_parquet(?) where kind = 'numbering' and plan = '1' and digits = 10 "
            "and valid and region is not null and low % 10000000 = 2000000 and high = low + 7999999",
            [str(phone_sql.RANGES_FILE)],
        ).fetchall()
    return {str(area): str(region) for area, region in rows}


def _reading(point: Point, hint: str, hashed: str | None) -> tuple[str, str]:
    """SQL of ``v<n>``, the normal form where it is certain, and ``r<n>``, the text where there is one and it is not."""
    if point.kind == "postal":
        *names, address, code = (f"c{place}::varchar" for place in point.places)
        if len(point.places) == 1:  # all in one, as quietlist check takes it
            names, address, code = ([f"split_part({code}, '|', 1)"], *(f"split_part({code}, '|', {part})" for part in (2, 3)))
            hint = f"coalesce(nullif(split_part(c{point.places[0]}::varchar, '|', 4), ''), {hint})"
        value = postal.macro("postal_key", f"concat_ws(' ', {', '.join(names)})", address, code, hint)
        filled = " or ".join(f"trim(coalesce(c{place}::varchar, '')) <> ''" for place in point.places)
        raw = f"case when {filled} then 'incomplete_address' end"
    else:
        text = f"c{point.places[0]}::varchar"
        value = {"email": _email(text), "phone": _phone(text, hint), "hash": _digest(text)}[point.kind]
        raw = f"case when not {blank_sql(text)} then trim({text}, ' ' || chr(9) || chr(10) || chr(13)) end"
    # The name of a value can be used behind it, so the value is computed once.
    n = point.number
    return f"{value} as v{n}", f"case when v{n} is null then {raw} end as r{n}"


def _phone(text: str, hint: str) -> str:
    """A North American number in an everyday form, if its region is known by its area code alone."""
    area = f"(?:{'|'.join(sorted(nanp_areas()))})"
    local = "[2-9][0-9]{6}"
    plus = rf"\+1{area}{local}"
    spaced = rf"(?:\+?1[-. ]?)?(?:{area}|\({area}\) ?)[-. ]?[2-9][0-9]{{2}}[-. ]?[0-9]{{4}}"
    ours = f"regexp_full_match({hint}, {quoted(_NANP_HINTS)})"
    # Not one digit all over, as typed to get past a form: the authority says which of those count.
    digits = f"translate({text}, '+()-. ', '')"
    return f"""case
        when regexp_full_match({text}, {quoted(plus)}) then substr({text}, 2)::ubigint
        when {ours} and regexp_full_match({text}, {quoted(f"1?{area}{local}")}) and right({text}, 10)::ubigint % 1111111111 <> 0
            then 10000000000 + right({text}, 10)::ubigint
        when ({ours} or starts_with({text}, '+')) and regexp_full_match({text}, {quoted(spaced)})
            and right({digits}, 10)::ubigint % 1111111111 <> 0
            then 10000000000 + right({digits}, 10)::ubigint
    end"""


def _email(text: str) -> str:
    """An address of letters, digits and the usual marks; the endings that are special are none of two or three letters."""
    assert all(len(name.rpartition(".")[2]) > 3 for name in SPECIAL_USE_DOMAIN_NAMES)
    word = "[A-Za-z0-9_+-]+"
    label = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
    pattern = rf"{word}(?:\.{word})*@(?:{label}\.)+[A-Za-z]{{2,3}}"
    # 63 letters are the longest label and the longest certain domain of email_sql; both parts together stay below it.
    return f"case when strlen({text}) <= 64 and regexp_full_match({text}, {quoted(pattern)}) then lower({text}) end"


def _digest(text: str) -> str:
    """A SHA-256 as 64 hex digits, whichever way it was written."""
    trimmed = f"trim({text})"
    padded = f"rpad(translate({trimmed}, '-_', '+/'), 44, '=')"
    return f"""case
        when regexp_full_match({trimmed}, '[0-9A-Fa-f]{{64}}') then lower({trimmed})
        when regexp_full_match({trimmed}, '[A-Za-z0-9+/_-]{{43}}=?') then lower(hex(from_base64({padded})))
    end"""


def _read_rest(con: duckdb.DuckDBPyConnection, point: Point, hint: str) -> None:
    """Read what was not certain at a glance: ``rest_<n>`` and more of ``unreadable``."""
    n, rest = point.number, f"create or replace temp table rest_{point.number} as"
    joined = f"from reading inner join rest_read as read on reading.r{n} = read.raw"
    if point.kind == "phone":
        con.execute(
            f"create or replace temp table rest_raw as select distinct r{n} as raw, {hint} as region "
            f"from reading where r{n} is not null"
        )
        phone_sql.normalise_phones(con, "rest_raw", "rest_read")
        joined += f" and read.region = {hint}"
        con.execute(
            f"""{rest} select id, substr(e164, 2)::ubigint as value,
            case when starts_with(e164, '+1') then substr(e164, 3, 3)::usmallint else 0::usmallint end as area,
            coalesce(number_region, '') as country, {hint} as hint {joined} where status = 'ok'"""
        )
    elif point.kind == "email":
        con.execute(f"create or replace temp table rest_raw as select distinct r{n} as raw from reading where r{n} is not null")
        email_sql.normalise_emails(con, "rest_raw", "rest_read")
        con.execute(
            f"{rest} select id, email as value, 0::usmallint as area, '' as country, '' as hint {joined} where status = 'ok'"
        )
    else:
        reason = "'not_a_sha256'" if point.kind == "hash" else f"r{n}"
        con.execute(f"{rest} select 0::uinteger as id, '' as value, 0::usmallint as area, '' as country, '' as hint limit 0")
        con.execute(f"insert into unreadable select id, {n}, {reason} from reading where r{n} is not null")
        return
    con.execute(f"insert into unreadable select id, {n}, read.reason {joined} where status <> 'ok' and read.reason <> 'empty'")
    # A text of nothing but invisible marks is as good as an empty one.
    con.execute(f"update reading set r{n} = null where r{n} in (select raw from rest_read where reason = 'empty')")
    con.execute("drop table rest_raw")
    con.execute("drop table rest_read")


def _sampled(con: duckdb.DuckDBPyConnection, campaign: Campaign) -> list[list[str]]:
    """Per column the texts of the first records that have one; a word for "none" says nothing of what the others hold."""
    fields = ", ".join(f"c{place}::varchar" for place in range(len(campaign.labels)))
    rows = con.execute(f"select {fields} from {campaign.relation} limit {_SAMPLE}").fetchall()
    return [[text for text in (row[place] for row in rows) if not is_blank(text)] for place in range(len(campaign.labels))]


def _kind(label: str, values: list[str]) -> str | None:
    words = _words(label)
    mails, numbers = _share(values, _is_mail), _share(values, _is_number)
    if mails >= 0.5 or (words & _MAIL_WORDS and (mails or not values)):
        return "email"
    if words & (_PHONE_WORDS | {"fax"}) and (numbers or not values):
        return "phone" if words & _PHONE_WORDS else "fax"
    # Only the look of them: nearly all must be numbers that exist, written as such or under no header at all.
    if numbers >= 0.9 and (not label.strip() or _share(values, _is_spelled_out) >= 0.9):
        read = [normalise_phone(text, "US") for text in values[:_TRIED]]
        if sum(number.e164 is not None and number.reason != "possible_only" for number in read) >= 0.9 * len(read):
            return "phone"
    return None


def _named(
    campaign: Campaign, named: Sequence[str], kinds: dict[int, str], values: list[list[str]], hashed: str | None
) -> dict[int, str]:
    chosen: dict[int, str] = {}
    problems = []
    for name in named:
        label, mark, kind = name.rpartition("=")
        if not mark or kind not in ("email", "phone", "postal"):
            label, kind = name, ""
        places = [place for place in range(len(campaign.labels)) if campaign.label(place).casefold() == label.strip().casefold()]
        for place in places:
            looks = "email" if _share(values[place], _is_mail) >= 0.5 else "phone"
            chosen[place] = "hash" if hashed else kind or kinds.get(place) or looks
        if not places:
            problems.append(f"no column '{label}'")
    if problems:
        raise ConfigError(
            "Reading --column",
            problems,
            allowed=", ".join(mask_text(campaign.label(place)) for place in range(len(campaign.labels))),
            next_step="write the header's label, or 'column 3' where it has none",
        )
    return chosen


def _postal_places(campaign: Campaign, kinds: Collection[int]) -> tuple[int, ...]:
    """Name (or first and last name), address and postal code, or nothing."""

    def first(spellings: Iterable[str]) -> int | None:
        return next((p for p, label in enumerate(campaign.labels) if _spelled(label) in spellings and p not in kinds), None)

    name, address, code = (first(_POSTAL[part]) for part in ("name", "address", "postal_code"))
    names = (name,) if name is not None else (first(_FIRST), first(_LAST))
    places = (*names, address, code)
    return tuple(place for place in places if place is not None) if None not in places else ()


def _country_place(campaign: Campaign, values: list[list[str]]) -> int | None:
    for place, label in enumerate(campaign.labels):
        spelled = _spelled(label)
        # A region may as well be "Northeast", and a country code a dialling code: there only ISO codes count.
        if spelled in _COUNTRY and (spelled == "country" or _are_countries(values[place])):
            return place
    return None


def _may_be_numbers(label: str, texts: list[str]) -> bool:
    """Whether a column that is not screened may hold numbers: enough to tell a person."""
    numbers = [text for text in texts if _is_number(text)]
    phonish = _PHONISH.search(label.casefold()) is not None
    return _share(texts, _is_number) >= 0.9 or any(map(_is_spelled_out, numbers)) or (phonish and bool(numbers))


def _are_countries(values: list[str]) -> bool:
    """ISO codes of countries. ``DE`` and ``IN`` may as well be Delaware and Indiana: alone they say nothing."""
    codes = {text.strip().upper() for text in values}
    known = all(_REGION.fullmatch(code) and code[:2] in SUPPORTED_REGIONS | {"UK", "EL"} for code in codes)
    return known and not (codes and codes <= _STATES)


def _usual_channels(kind: str, label: str) -> tuple[str, ...]:
    if kind != "hash":
        return _DEFAULT_CHANNELS[kind]
    words = _words(label)
    return _DEFAULT_CHANNELS["email"] if words & _MAIL_WORDS else _DEFAULT_CHANNELS["phone"] if words & _PHONE_WORDS else ()


def _spelled(label: str) -> str:
    return " ".join(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z0-9])", r"\1 \2", label).lower())).strip()


def _words(label: str) -> set[str]:
    spelled = _spelled(label)
    return {*spelled.split(), *(["email"] if "e mail" in spelled else [])}


def _share(values: list[str], test: object) -> float:
    return sum(map(bool, map(test, values))) / len(values) if values else 0.0  # type: ignore[call-overload]


def _is_mail(text: str) -> bool:
    return "@" in text and is_contact_point(text)


def _is_number(text: str) -> bool:
    return "@" not in text and is_contact_point(text)


def _is_spelled_out(text: str) -> bool:
    """Written as people write telephone numbers, and not as a customer's number."""
    return re.search(r"\d[-. )/]+\d|\+\d", text) is not None


def _is_digest(text: str) -> bool:
    return re.fullmatch(_DIGEST, text.strip()) is not None
