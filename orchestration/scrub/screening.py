"""Who in the campaign may not be contacted, and who cannot be judged: hit tables, one per reason, then one verdict per record.

The meaning is that of ``answers/check`` and of the registries; the tests compare both row by row.
A record is *blocked* when any of its contact points is suppressed on any of the channels; else *unreadable* when one of them
names nobody, or it has none; else *unscreened* when a registry that binds a channel could not have shown its number; else it
is allowed. Semi joins and one pass over each published file: an EXISTS per reason costs seven times the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.core.channels import ancestry
from orchestration.core.errors import PermanentError
from orchestration.core.files import one_file
from orchestration.core.key import create_hmac_function
from orchestration.core.sql import quoted
from orchestration.core.tombstones import Tombstone
from orchestration.core.wording import counted
from orchestration.identifiers.regions import country_code
from orchestration.scrub.campaign import BROKEN
from orchestration.scrub.contact_points import AT_A_GLANCE, Columns, Point, nanp_areas
from orchestration.scrub.registries import Registries, RegistryCopy

# What decides among several rows, as in ``check``: the person's own word, then another of theirs, then a registry; then the
# earliest; then the order of channels, columns and scopes. Packed into one number, whose least is the decision.
_BASIS = "case basis when 'direct' then 0 when 'person' then 1 else 2 end"
_NUMBERED = 2**24  # verdicts told apart: combinations of scope, reason, rule, registry version
_NEVER = 2**62  # later than any microsecond since 1970: a listing without a date comes last
_KEY = "({rank})::hugeint * 18446744073709551616 * {numbered} + (({since}) + {never})::hugeint * {numbered} + ({no})"
_TEXTS = ("scope", "reason", "basis", "rule_id", "registry", "registry_version")
# A reason in words: "voice opt_out at acme (direct, US-CANSPAM) in mobile". A registry and its version stand behind the reason.
_SAID = (
    "concat_ws(' ', channel, reason, nullif(registry, ''), nullif(registry_version, ''), 'at', scope, "
    "'(' || concat_ws(', ', basis, nullif(rule_id, '')) || ')', 'in', label)"
)
_RECORDS = 1_000_000  # whose reasons are gathered in one go: some 100 MB of lists where each has several
_BATCH = 1_228_800  # numbers of a registry looked at in one go: 10 MB, which the processor's cache nearly holds
# Google takes the dots out of a Gmail address before hashing it; some senders the +tag as well.
_GMAIL = "regexp_full_match(identifier, '.*@(?:gmail|googlemail)[.]com')"


Erased = Sequence[tuple[bytes, Sequence[Tombstone]]]
"""Tombstones by the key that made their hashes."""


@dataclass
class Screened:
    """What was consulted, beside the tables ``blocked``, ``unreadable_record`` and ``unscreened``."""

    listed: dict[str, int]
    """Per registry, how many records have a number that it lists."""
    consulted: set[str]
    """The registries that bind a number of the file on one of its channels."""
    countries: set[str]
    """Whose numbers are in the file, and what its column of countries says."""


def screen(
    con: duckdb.DuckDBPyConnection,
    columns: Columns,
    golden: str,
    nodes: Sequence[str] | None,
    registries: Registries,
    hashed: str | None,
    erased: Erased = (),
) -> Screened:
    """Decide on every record.

    Args:
        golden: the published rows, as SQL.
        nodes: the campaign's nodes of the scope tree; None means any.
        erased: who was erased, by the key that knows them again.
    """
    con.execute("create or replace temp table hit (id uinteger, key hugeint)")
    con.execute(
        "create or replace temp table verdict (no integer, channel varchar, label varchar, scope varchar, reason varchar, "
        "basis varchar, rule_id varchar, registry varchar, registry_version varchar)"
    )
    questions = [(channel, point) for channel in columns.channels for point in columns.points if channel in point.channels]
    for channel, point in questions:
        _golden_hits(con, channel, point, golden, nodes, hashed)
        if erased and not (point.kind == "hash" and hashed == "keyed"):  # there the rows' own hashes say it
            _erased_hits(con, channel, point, golden, nodes, erased)
    listed = _registry_hits(con, columns, questions, registries)
    _block(con)
    con.execute("drop table hit")
    # The first of a record's reasons; 0 stands for "no contact point at all", which only comes alone.
    con.execute(
        "create or replace temp table unreadable_record as "
        "select id, min(point) as point, arg_min(reason, (point, reason)) as reason "
        "from unreadable anti join blocked using (id) group by id"
    )
    screened = Screened(listed, set(), set())
    if columns.country is not None:
        hints = con.execute("select distinct hint from reading where length(hint) <= 64").fetchall()
        screened.countries |= {code for (hint,) in hints if len(code := country_code(hint)) == 2}
    _unscreened(con, questions, registries, screened)
    return screened


def _block(con: duckdb.DuckDBPyConnection) -> None:
    """``blocked(id, no, reasons)``: what decides, and the number in ``reasons(reasons, said)`` of all that stands against it.

    Few combinations of reasons are told apart, so a record keeps a number and not their text. Lists are made for a part of the
    file at a time: all at once they would not fit in the memory of a large one.
    """
    con.execute("create or replace temp table blocked (id uinteger, no integer, reasons integer)")
    con.execute("create or replace temp table combination (nos integer[], reasons integer)")
    ((last,),) = con.execute("select coalesce(max(id), 0) from hit").fetchall()
    for first in range(0, last + 1, _RECORDS):
        con.execute(
            f"""
            create or replace temp table combined as
            with reason as (
                select id, (key % {_NUMBERED})::integer as no, min(key) as key from hit
                where id >= {first} and id < {first + _RECORDS}
                group by id, no
            )
            select id, list(no order by key) as nos from reason group by id
            """
        )
        con.execute(
            "insert into combination select nos, (select count(*) from combination) + row_number() over (order by nos) "
            "from (select distinct nos from combined anti join combination using (nos))"
        )
        con.execute("insert into blocked select id, nos[1], reasons from combined inner join combination using (nos)")
    con.execute("drop table if exists combined")
    con.execute(
        f"""
        create or replace temp table reasons as
        with placed as (
            select reasons, unnest(nos) as no, generate_subscripts(nos, 1) as place from combination
        ),
        -- the golden table names registries too, for numbers the company knows: what is said twice is told once
        told as (
            select reasons, {_SAID} as said, min(place) as place from placed inner join verdict using (no) group by all
        )
        select reasons, string_agg(said, '; ' order by place) as said from told group by reasons
        """
    )


def _golden_hits(
    con: duckdb.DuckDBPyConnection, channel: str, point: Point, golden: str, nodes: Sequence[str] | None, hashed: str | None
) -> None:
    value = {"phone": "try_cast(substr(identifier, 2) as ubigint)", "hash": "digest"}.get(point.kind, "identifier")
    rows = f"(select * from {golden} where channel = {quoted(channel)} and {_covers(nodes)})"
    if point.kind == "hash":
        forms = "[identifier_hash]" if hashed == "keyed" else digests()
        rows = f"(select *, unnest(list_distinct({forms})) as digest from {rows})"
    else:
        rows = f"(select * from {rows} where identifier_type = {quoted(point.kind)})"
    _take_hits(con, channel, point, f"{rows} as golden inner join {point.table} as point on {value} = point.value")


def _erased_hits(
    con: duckdb.DuckDBPyConnection, channel: str, point: Point, golden: str, nodes: Sequence[str] | None, erased: Erased
) -> None:
    """Records of people who were erased: the table has a token for each, and the keyed hash of what stands in the file tells
    which."""
    written = "'+' || value::varchar" if point.kind == "phone" else "value"
    for key, stones in erased:
        known = [
            (digest, stone.token)
            for stone in stones
            for digest in (stone.digests if point.kind == "hash" else (stone.identifier_hash,))
            if point.kind in ("hash", stone.identifier_type)
        ]
        if not known:
            continue
        create_hmac_function(con, key)
        digests, tokens = zip(*known, strict=True)
        con.register("erased_now", pa.table({"digest": pa.array(digests, pa.string()), "token": pa.array(tokens, pa.string())}))
        con.execute(
            "create or replace temp table erased_here as "
            f"select id, token from (select id, keyed_hash({written}) as digest from {point.table}) "
            "inner join erased_now using (digest)"
        )
        con.unregister("erased_now")
        _take_hits(
            con,
            channel,
            point,
            f"(select * from {golden} where channel = {quoted(channel)} and {_covers(nodes)}) as golden "
            "inner join erased_here on golden.identifier = erased_here.token",
        )
        con.execute("drop table erased_here")


def _take_hits(con: duckdb.DuckDBPyConnection, channel: str, point: Point, joined: str) -> None:
    con.execute(
        f"""
        create or replace temp table found as
        select id, {_BASIS} as rank, coalesce(epoch_us(suppressed_since), {_NEVER - 1}) as since,
            {", ".join(f"coalesce({text}, '') as {text}" for text in _TEXTS)}
        from {joined}
        """
    )
    texts = ", ".join(_TEXTS)
    numbered = f"select {texts} from verdict where channel = {quoted(channel)} and label = {quoted(point.label)}"
    _number_verdicts(con, f"select distinct {texts} from found except {numbered}", channel, point)
    con.execute(
        f"""
        insert into hit
        select id, {_KEY.format(rank="rank", since="since", no="verdict.no", numbered=_NUMBERED, never=_NEVER)}
        from found inner join verdict using ({", ".join(_TEXTS)})
        where verdict.channel = ? and verdict.label = ?
        """,
        [channel, point.label],
    )
    con.execute("drop table found")


def _covers(nodes: Sequence[str] | None) -> str:
    """Whether a golden row suppresses one of these nodes: it names the node or an ancestor, with no exception between them."""
    if nodes is None:
        return "true"
    conditions = []
    for node in nodes:
        path = ancestry(node)
        for depth, scope in enumerate(path):
            between = ", ".join(map(quoted, path[:depth]))
            free = f"list_has_any(coalesce(except_scopes, []), [{between}])" if between else "false"
            conditions.append(f"(scope = {quoted(scope)} and not {free})")
    return f"({' or '.join(conditions)})"


def digests() -> str:
    """SQL: every form under which an ad platform may know a contact point, hashed. Too many forms block more, never fewer."""
    local, domain = "split_part(identifier, '@', 1)", "split_part(identifier, '@', 2)"
    dotless = f"replace({local}, '.', '')"
    forms = [
        "identifier",
        "case when identifier_type = 'phone' then substr(identifier, 2) end",  # Meta: digits, no plus
        f"case when {_GMAIL} then {dotless} || '@' || {domain} end",
        f"case when {_GMAIL} then split_part({dotless}, '+', 1) || '@' || {domain} end",
    ]
    return f"list_filter([{', '.join(f'sha256({form})' for form in forms)}], lambda digest: digest is not null)"


def _number_verdicts(con: duckdb.DuckDBPyConnection, distinct: str, channel: str, point: Point) -> None:
    con.execute(
        "insert into verdict by name select "
        f"(select count(*) from verdict) + row_number() over (order by {', '.join(_TEXTS)}) as no, "
        f"? as channel, ? as label, * from ({distinct})",
        [channel, point.label],
    )
    ((count,),) = con.execute("select count(*) from verdict").fetchall()
    if count >= _NUMBERED:
        raise PermanentError("Telling the reasons apart", seen=f"{count} of them", next_step="report this: it should never be")


def _registry_hits(
    con: duckdb.DuckDBPyConnection, columns: Columns, questions: Iterable[tuple[str, Point]], registries: Registries
) -> dict[str, int]:
    copies = registries.binding(columns.channels)
    phones = [point for point in columns.points if point.kind == "phone"]
    listed = dict.fromkeys((copy.registry for copy in copies), 0)
    if not copies or not phones:
        return listed
    numbers = np.sort(np.concatenate([_numbers(con, point) for point in phones]))
    for copy in copies:
        con.register("listed_now", pa.table({"value": members(con, copy, numbers)}))
        con.execute("create or replace temp table listed as select distinct value from listed_now")
        con.unregister("listed_now")
        for channel, point in questions:
            if point.kind != "phone" or channel not in copy.policy.channels:
                continue
            row = (copy.policy.rule_id, copy.registry, copy.label)
            _number_verdicts(
                con,
                "select '*' as scope, 'registry' as reason, 'registry' as basis, "
                f"{quoted(row[0])} as rule_id, {quoted(row[1])} as registry, {quoted(row[2])} as registry_version",
                channel,
                point,
            )
            no = "(select max(no) from verdict)"
            con.execute(
                "insert into hit select id, "
                f"{_KEY.format(rank='2', since=str(_NEVER - 1), no=no, numbered=_NUMBERED, never=_NEVER)} "
                f"from {point.table} semi join listed using (value)"
            )
        union = " union ".join(f"select id from {point.table} semi join listed using (value)" for point in phones)
        ((listed[copy.registry],),) = con.execute(f"select count(*) from ({union})").fetchall()
    return listed


def _numbers(con: duckdb.DuckDBPyConnection, point: Point) -> Any:
    return con.sql(f"select value from {point.table}").to_arrow_table().column(0).to_numpy()


def members(con: duckdb.DuckDBPyConnection, copy: RegistryCopy, numbers: Any) -> Any:
    """Those of the sorted ``numbers`` that the registry lists.

    Both sides are sorted, so each batch of the registry is searched for the few numbers in its range: 260 million numbers
    take two processor seconds instead of the eight of a hash join, whose every look-up misses the cache.

    Raises:
        PermanentError: the file is not sorted and distinct, or not as long as its manifest says: a search would miss numbers.
    """
    found = np.zeros(len(numbers), bool)
    last, seen = -1, 0
    reader = con.sql(f"select number from read_parquet({quoted(one_file(copy.numbers))})").to_arrow_reader(_BATCH)
    for batch in reader:
        listed = batch.column(0).to_numpy()
        if not len(listed):
            continue
        if int(listed[0]) <= last or not bool((listed[1:] > listed[:-1]).all()):
            raise _unusable(copy, "its numbers are not sorted and distinct")
        last, seen = int(listed[-1]), seen + len(listed)
        low, high = np.searchsorted(numbers, listed[0], "left"), np.searchsorted(numbers, listed[-1], "right")
        wanted = numbers[low:high]
        found[low:high] = listed[np.searchsorted(listed, wanted)] == wanted
    if seen != copy.rows:
        raise _unusable(copy, f"it holds {counted(seen, 'number')} and its manifest says {copy.rows:,}")
    return numbers[found]


def _unusable(copy: RegistryCopy, seen: str) -> PermanentError:
    return PermanentError(
        f"Reading version {copy.version} of the registry {copy.registry}",
        seen=seen,
        allowed="sorted, distinct numbers, as many as the manifest says",
        next_step="load the registry again with quietlist run",
    )


def _unscreened(
    con: duckdb.DuckDBPyConnection, questions: Sequence[tuple[str, Point]], registries: Registries, screened: Screened
) -> None:
    con.execute("create or replace temp table gap (id uinteger, channel varchar, label varchar, registry varchar, why varchar)")
    aside = "(select id from blocked union all select id from unreadable_record)"
    for channel, point in questions:
        demanded = registries.demanded(channel)
        if not demanded or point.kind not in ("phone", "hash"):
            continue
        if point.kind == "hash":
            con.execute(
                f"insert into gap select id, ?, ?, ?, 'a digest shows neither country nor area code' from {point.table} "
                f"anti join {aside} using (id)",
                [channel, point.label, ";".join(policy.registry for policy in demanded)],
            )
            continue
        # A campaign comes from a few hundred places: each is judged once.
        place = "area, country, hint, case when country = '' then left(value::varchar, 3) else '' end as head"
        places = con.execute(f"select distinct {place} from {point.table}").fetchall()
        gaps: list[tuple[object, ...]] = []
        for area, country, hint, head in places:
            number, whose = f"1{area}" if area else head, _country(area, country)
            bound = registries.bound(channel, number, whose, hint)
            screened.consulted |= {policy.registry for policy in bound}
            screened.countries |= {whose} - {""}
            gap = next(filter(None, (registries.gap(policy, number) for policy in bound)), None)
            if gap:
                gaps.append((area, country, hint, head, gap.registry, gap.why))
        if not gaps:
            continue
        names = ("area", "country", "hint", "head", "registry", "why")
        columns = {name: list(values) for name, values in zip(names, zip(*gaps, strict=True), strict=True)}
        con.register("gap_now", pa.table(columns))
        con.execute(
            f"insert into gap select id, ?, ?, gap_now.registry, gap_now.why "
            f"from (select id, {place} from {point.table} anti join {aside} using (id)) as point inner join gap_now "
            "on point.area = gap_now.area and point.country = gap_now.country "
            "and point.hint = gap_now.hint and point.head = gap_now.head",
            [channel, point.label],
        )
        con.unregister("gap_now")
    con.execute(
        "create or replace temp table unscreened as "
        "select id, min(struct_pack(channel, label, registry, why)) as first from gap group by id"
    )
    con.execute("drop table gap")


def _country(area: int, country: str) -> str:
    return nanp_areas()[str(area)] if country == AT_A_GLANCE else country


def aside(con: duckdb.DuckDBPyConnection) -> None:
    """``aside(id)``: every record that is not allowed, once."""
    con.execute(
        "create or replace temp table aside as select id from blocked union all select id from unreadable_record "
        f"union all select id from unscreened union all select id from {BROKEN}"
    )
