"""What somebody would write as one SQL script: the golden table of one delivery of the canonical files, in DuckDB.

It knows the rules that the generated population needs, as ``benchmarks/plain.py`` does, and no more of identifiers than that
population: addresses are lowered, numbers are ten digits of North America. No history, deadlines, evidence, second delivery.
Persons are found by walking from each record to every other of its person, which is the square of a person's records.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.plain import Row

_SCRIPT = """
with recursive requests as (
    select 'r' || request_key as node, * from read_csv($requests, all_varchar = true)
),

contacts as (
    select 'c' || customer_id as node, * from read_csv($contacts, all_varchar = true)
),

points as (
    select node, true as is_contact, lower(name) as name, 'email' as kind, lower(trim(emails)) as value
    from contacts where emails != ''
    union all
    select node, true, lower(name), 'phone', '+1' || regexp_replace(phones, '[^0-9]', '', 'g') from contacts where phones != ''
    union all
    select node, false, lower(name), 'email', lower(trim(email)) from requests where email != ''
    union all
    select node, false, lower(name), 'phone', '+1' || regexp_replace(phone, '[^0-9]', '', 'g') from requests where phone != ''
),

-- A point of more than three customers links nobody; a number links only those of one name.
link_keys as (
    select node, kind || value || case when kind = 'phone' then name else '' end as link_key
    from points
    where (kind = 'email' or name != '')
    qualify count(distinct node) filter (where is_contact) over (partition by kind, value) <= 3
),

reached as (
    select distinct node, node as other from points
    union
    select reached.node, theirs.node
    from reached
    inner join link_keys as mine on reached.other = mine.node
    inner join link_keys as theirs on mine.link_key = theirs.link_key
),

point_of_person as (
    select distinct reached.node, points.kind, points.value, points.node = reached.node as is_own
    from reached inner join points on reached.other = points.node
),

kinds (channel, kind) as (
    values ('email', 'email'), ('voice', 'phone'), ('sms', 'phone'), ('fax', 'phone'), ('ads', 'email'), ('ads', 'phone')
),

asked as (
    select requests.*, kinds.channel, kinds.kind,
        requests.channels = 'all' or not exists (
            select 1 from points where points.node = requests.node and points.kind = kinds.kind
        ) as for_person
    from requests inner join kinds on requests.channels = 'all' or list_contains(split(requests.channels, ';'), kinds.channel)
),

opt_ins as (
    select asked.channel, points.value, asked.requested_at, asked.scope
    from asked inner join points on asked.node = points.node and asked.kind = points.kind
    where asked.action = 'opt_in' and asked.method = 'web_form'
)

select distinct asked.channel, point_of_person.value, asked.scope
from asked
inner join point_of_person
    on asked.node = point_of_person.node and asked.kind = point_of_person.kind and (point_of_person.is_own or asked.for_person)
where asked.action != 'opt_in' and not (
    asked.action in ('opt_out', 'complaint', 'undeliverable') and exists (
        select 1 from opt_ins
        where opt_ins.channel = asked.channel and opt_ins.value = point_of_person.value
            and opt_ins.requested_at > asked.requested_at
            and (opt_ins.scope in ('*', asked.scope) or starts_with(asked.scope, opt_ins.scope || '/'))
    )
)
"""


def suppressed(requests_csv: Path, contacts_csv: Path) -> set[Row]:
    """The rows of the golden table."""
    with duckdb.connect() as con:
        return set(con.execute(_SCRIPT, {"requests": str(requests_csv), "contacts": str(contacts_csv)}).fetchall())
