"""Generated requests and contacts of a company with twenty brands, as the canonical CSV files a customer would deliver.

Made by DuckDB from hashes of a seed, so that any size takes seconds and the same seed gives the same bytes. Contacts
share addresses and numbers the way a merged CRM does; requests come from contacts and from strangers.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

BRANDS = tuple(f"brand{number:02d}" for number in range(20))
SCOPES = tuple(scope for brand in BRANDS for scope in (brand, f"{brand}/news"))
# Two contacts in three belong to a person who has another: what merged customer lists look like, and a graph of links
# about as dense as the one that was measured before (0.9 links per contact).
_PERSONS_PER_CONTACT = 0.7
_STRANGERS_PER_REQUEST = 0.3


def write_requests(path: Path, first: int, last: int, *, requests: int, contacts: int, seed: int) -> None:
    """Requests number ``first`` to ``last`` of a population of ``requests`` and ``contacts``."""
    persons, strangers = _persons(contacts), max(int(requests * _STRANGERS_PER_REQUEST), 1)
    _write(
        path,
        seed,
        f"""
        select
            'k' || i as request_key,
            strftime(timestamp '2025-10-01' + to_seconds(h(i, 1) % 15000000), '%Y-%m-%dT%H:%M:%SZ') as requested_at,
            case when h(i, 2) % 100 < 4 then 'opt_in' when h(i, 2) % 100 < 9 then 'complaint'
                when h(i, 2) % 100 < 12 then 'undeliverable' when h(i, 2) % 1000 < 122 then 'erasure' else 'opt_out' end
                as action,
            case h(i, 3) % 3 when 0 then 'web_form' when 1 then 'esp_unsubscribe' else 'agent_note' end as method,
            case when h(i, 4) % 100 < 12 then 'all' when h(i, 4) % 100 < 74 then 'email' when h(i, 4) % 100 < 80 then 'email;sms'
                when h(i, 4) % 100 < 90 then 'sms' else 'voice' end as channels,
            case when h(i, 5) % 10 < 2 then '*' else {list(SCOPES)}[1 + (h(i, 5) % {len(SCOPES)})::bigint] end as scope,
            case when h(i, 6) % 10 < 8 then coalesce(
                case when h(i, 8) % 10 < 7 then {_email("h(i, 7) % " + str(persons), "h(i, 9) % 4")} end,
                'N' || (h(i, 7) % {strangers}) || '@Example.org') end as email,
            case when h(i, 6) % 10 >= 7 then {_phone("h(i, 7) % " + str(persons))} end as phone,
            case when h(i, 10) % 10 < 3 then {_name("h(i, 7) % " + str(persons))} end as name
        from range({first}, {last}) numbers(i)
        """,
    )


def write_contacts(path: Path, first: int, last: int, *, contacts: int, seed: int) -> None:
    """Contacts number ``first`` to ``last``."""
    person = f"h(i, 11) % {_persons(contacts)}"
    _write(
        path,
        seed,
        f"""
        select
            'c' || i as customer_id,
            case when h(i, 12) % 100 < 85 then {_email(person, "h(i, 13) % 4")} end as emails,
            case when h(i, 14) % 100 < 55 or h(i, 12) % 100 >= 85 then {_phone(person)} end as phones,
            {_name(person)} as name
        from range({first}, {last}) numbers(i)
        """,
    )


def write_chain(con: duckdb.DuckDBPyConnection, links: int) -> None:
    """One chain of that many links, the worst graph for an algorithm that walks: ``identity.links`` of its own."""
    con.execute("create schema if not exists identity")
    con.execute(
        f"""
        create or replace table identity.links as
        select 'c:' || hash(i) as node, 'email:' || i as link_key from range({links}) numbers(i)
        union all
        select 'c:' || hash(i + 1) as node, 'email:' || i as link_key from range({links}) numbers(i)
        """
    )


def write_links(con: duckdb.DuckDBPyConnection, records: int, *, seed: int) -> None:
    """The links of that many contacts: who share an address, or a number and a name. ``identity.links`` of its own."""
    person = f"h(i, 11) % {_persons(records)}"
    _seeded(con, seed)
    con.execute("create schema if not exists identity")
    con.execute(
        f"""
        create or replace table identity.links as
        with points as (
            select 'c:' || i as node, 'email:' || {_email(person, "h(i, 13) % 4")} as link_key from range({records}) numbers(i)
            where h(i, 12) % 100 < 85
            union all
            select 'c:' || i, 'phone:' || {_phone(person)} || {_name(person)} from range({records}) numbers(i)
            where h(i, 14) % 100 < 55 or h(i, 12) % 100 >= 85
        )
        select node, link_key from points qualify count(*) over (partition by link_key) > 1
        """
    )


def _persons(contacts: int) -> int:
    return max(int(contacts * _PERSONS_PER_CONTACT), 1)


def _email(person: str, which: str) -> str:
    # Three in four of a person's records carry the first address, the rest the second.
    return f"'p' || ({person}) || case when {which} = 0 then '.b' else '' end || '@Example.com'"


def _phone(person: str) -> str:
    # Any number of North America's form: fiction has too few of them for ten million people. They never leave the machine.
    spread = f"hash(({person}) + 77)"
    return (
        f"'(' || (201 + {spread} % 700) || ') ' || (200 + ({spread} // 700) % 800) || '-' "
        f"|| lpad((({spread} // 560000) % 10000)::varchar, 4, '0')"
    )


def _name(person: str) -> str:
    return f"'Person ' || ({person})"


def _write(path: Path, seed: int, query: str) -> None:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        _seeded(con, seed)
        con.execute(f"copy ({query}) to '{path}' (header, delimiter ',')")


def _seeded(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    con.execute(f"create macro h(i, salt) as hash(i + {seed}::bigint * 1000003, salt)")
