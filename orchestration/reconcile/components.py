"""Persons: the connected components of the graph of links (DESIGN 4.2). The graph itself is made in dbt (identity.links).

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
    """``identity.person_of_node``, which the models read even before the first linking."""
    con.execute("create schema if not exists identity")
    con.execute("create table if not exists identity.person_of_node (node varchar, person varchar)")


def link_persons(con: duckdb.DuckDBPyConnection) -> Linked:
    """Replace ``identity.person_of_node`` by the components of ``identity.links``, in one transaction.

    A person is named after its smallest node, so the name depends on nothing but its members.
    """
    create_person_table(con)
    con.execute(
        """
        create or replace temp table numbered_nodes as
        select node, row_number() over (order by node) - 1 as id from (select distinct node from identity.links)
        """
    )
    edges = con.execute(
        """
        with numbered as (
            select numbered_nodes.id, links.link_key
            from identity.links as links inner join numbered_nodes on links.node = numbered_nodes.node
        )
        select id as low, min(id) over (partition by link_key) as high from numbered
        """
    ).fetchnumpy()
    count = int(one_row(con, "select count(*) from numbered_nodes")[0])
    labels = pa.table({"id": pa.array(np.arange(count)), "component": pa.array(_components(count, edges))})
    con.register("component_labels", labels)
    con.execute("begin")
    try:
        con.execute("delete from identity.person_of_node")
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
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    finally:
        con.unregister("component_labels")
        con.execute("drop table if exists numbered_nodes")
    return count_persons(con)


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
