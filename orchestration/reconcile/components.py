"""Persons: the connected components of the graph of links. The graph itself is made in dbt (identity.links).

Components are the one step SQL is bad at: label propagation needs as many rounds as the longest chain, which bad data
can make thousands. DuckDB numbers the nodes, SciPy's union-find finds the components in one linear pass, DuckDB names
them. Measured against the alternatives in docs/performance.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.core.warehouse import one_row


@dataclass(frozen=True)
class Linked:
    """Counts of one linking: records that share a key with another, and the persons they make."""

    linked_records: int
    persons: int


def create_person_table(con: duckdb.DuckDBPyConnection) -> None:
    """``identity.person_of_node`` and ``person_before_cuts``, which the models read even before the first linking."""
    con.execute("create schema if not exists identity")
    con.execute("create table if not exists identity.person_of_node (node varchar, person varchar)")
    con.execute("create table if not exists identity.person_before_cuts (node varchar, person varchar, cut_at timestamptz)")


def link_persons(con: duckdb.DuckDBPyConnection, *, full_refresh: bool = True) -> Linked:
    """Bring ``identity.person_of_node`` in line with ``identity.links``, in one transaction.

    A person is named after its smallest node, so the name depends on nothing but its members: not on the order in which
    they came, nor on whether the components were all found again or only where links may have changed.

    Args:
        full_refresh: find every component, instead of those that ``identity.int_touched_nodes`` are part of.
    """
    create_person_table(con)
    con.execute("begin")
    try:
        if full_refresh:
            _keep_what_was_cut(con)
            con.execute("delete from identity.person_of_node")
            _label(con, "identity.links")
        else:
            _find_concerned(con)
            con.execute("delete from identity.person_of_node where node in (select node from concerned_nodes)")
            _label(con, "(select * from identity.links where node in (select node from concerned_nodes))")
            con.execute("drop table concerned_nodes")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return count_persons(con)


def _keep_what_was_cut(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``identity.person_before_cuts``: the persons that cuts took apart, as they were when the last cut arrived.

    A function of what had arrived by then, so what comes later changes nothing of it; another cut means a full refresh.
    """
    con.execute("delete from identity.person_before_cuts")
    cut_at = one_row(con, "select max(cut_at) from identity.link_cuts")[0]
    if cut_at is None:
        return
    con.execute(
        """
        create or replace temp table links_before_cuts as
        with keys as (select distinct node, link_key from identity.int_link_keys where first_seen <= $cut_at)
        select node, link_key from keys
        where link_key in (select link_key from keys group by link_key having min(node) < max(node))
        """,
        {"cut_at": cut_at},
    )
    con.execute("delete from identity.person_of_node")
    _label(con, "links_before_cuts")
    con.execute(
        """
        insert into identity.person_before_cuts
        with cut_nodes as (
            select node from identity.link_cuts
            union
            select points.node from identity.node_points as points
            inner join identity.link_cuts as cuts
                on points.identifier_type = cuts.identifier_type and points.identifier = cuts.identifier
        ),
        taken_apart as (
            select distinct person from identity.person_of_node where node in (select node from cut_nodes)
        )
        select node, 'before:' || person, $cut_at from identity.person_of_node
        where person in (select person from taken_apart)
        """,
        {"cut_at": cut_at},
    )
    con.execute("drop table links_before_cuts")


def _find_concerned(con: duckdb.DuckDBPyConnection) -> None:
    """The touched records and all of their persons: no link leads out of them, for a link that is new or gone runs between
    touched records.
    """
    con.execute(
        """
        create or replace temp table concerned_nodes as
        with touched_persons as (
            select distinct person from identity.person_of_node where node in (select node from identity.int_touched_nodes)
        )
        select node from identity.int_touched_nodes
        union
        select node from identity.person_of_node where person in (select person from touched_persons)
        """
    )


def _label(con: duckdb.DuckDBPyConnection, links: str) -> None:
    """Insert the persons that these links make."""
    con.execute(
        f"""
        create or replace temp table numbered_nodes as
        select node, row_number() over (order by node) - 1 as id from (select distinct node from {links})
        """
    )
    edges = con.execute(
        f"""
        with numbered as (
            select numbered_nodes.id, links.link_key
            from {links} as links inner join numbered_nodes on links.node = numbered_nodes.node
        )
        select id as low, min(id) over (partition by link_key) as high from numbered
        """
    ).fetchnumpy()
    count = int(one_row(con, "select count(*) from numbered_nodes")[0])
    labels = pa.table({"id": pa.array(np.arange(count)), "component": pa.array(_components(count, edges))})
    con.register("component_labels", labels)
    try:
        # Nodes are numbered in their own order: the first of a component is its smallest.
        con.execute(
            """
            insert into identity.person_of_node
            select numbered_nodes.node, first_value(numbered_nodes.node) over (
                partition by component_labels.component order by numbered_nodes.id
            )
            from numbered_nodes inner join component_labels on numbered_nodes.id = component_labels.id
            """
        )
    finally:
        con.unregister("component_labels")
        con.execute("drop table if exists numbered_nodes")


def count_persons(con: duckdb.DuckDBPyConnection) -> Linked:
    """The counts of the last linking."""
    records, persons = one_row(con, "select count(*), count(distinct person) from identity.person_of_node")
    return Linked(linked_records=int(records), persons=int(persons))


def _components(count: int, edges: dict[str, np.ndarray]) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    low, high = edges["low"], edges["high"]
    graph = coo_array((np.ones(len(low), dtype=np.int8), (low, high)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1] if count else np.empty(0, dtype=np.int32))
