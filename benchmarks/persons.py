"""Persons, the components of the graph of links, beside what one would pick instead: networkx, SQL, Splink.

On two graphs: one chain, the shape that makes walking algorithms slow, and one as dense as merged customer lists. Each step
runs in a process of its own and starts from the links as a file, which the floor only reads. All must find the same partition.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import duckdb

from benchmarks import population
from benchmarks.measure import Table, missing
from orchestration.reconcile.components import link_persons

_Find = Callable[[duckdb.DuckDBPyConnection], None]
# Each record of a key with the key's first: as few edges as make the same components, which is kind to those that take edges.
_EDGES = """
    select node as node_l, first as node_r
    from (select node, min(node) over (partition by link_key) as first from identity.links) where node != first
"""
_NETWORKX_AT_MOST = 1_000_000  # a kilobyte or so for each record
# Each round of propagation moves a label by one link and reads everything: a chain of N links takes N rounds.
_SQL_CHAIN_AT_MOST, _SQL_AT_MOST = 1_000, 1_000_000


def chain(size: int, _seed: int) -> Table:
    """One chain of ``size`` links."""
    return _measure(f"Persons of a chain of {size:,} links", population.write_chain, size, _SQL_CHAIN_AT_MOST)


def customers(size: int, seed: int) -> Table:
    """``size`` records, 1.4 of a person."""
    write = partial(population.write_links, seed=seed)
    return _measure(f"Persons of {size:,} records, 1.4 each (seed {seed})", write, size, _SQL_AT_MOST)


def _measure(title: str, write: Callable[[duckdb.DuckDBPyConnection, int], None], size: int, sql_at_most: int) -> Table:
    table = Table(title)
    ways: list[tuple[str, str, _Find, int]] = [
        ("floor: reading the links", "duckdb", _read, size),
        ("persons", "scipy.sparse.csgraph", _ours, size),
        ("networkx", "networkx", _networkx, _NETWORKX_AT_MOST),
        ("naive SQL: labels until nothing changes", "duckdb", _propagated, sql_at_most),
        ("Splink: cluster_pairwise_predictions", "splink.clustering", _splink, size),
    ]
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        for name, module, find, at_most in ways:
            if why := missing(module.partition(".")[0]):
                table.left_out(name, why)
                continue
            import_module(module)  # in this process, so that no step pays for it
            rows = min(size, at_most)
            graph, expected, found = (Path(folder) / f"{rows}.{kind}" for kind in ("links", "expected", "found"))
            if not graph.exists():
                Table("").child("links", rows, partial(_write, write, rows, graph))
                Table("").child("expected", rows, partial(_found, _ours, graph, expected))
            table.child(name, rows, partial(_found, find, graph, found))
            if find is not _read:
                table.steps[-1].note = Table("").child("compare", rows, partial(_same_partition, name, found, expected))
    return table


def _write(write: Callable[[duckdb.DuckDBPyConnection, int], None], rows: int, graph: Path) -> None:
    with duckdb.connect() as con:
        write(con, rows)
        con.execute(f"copy identity.links to '{graph}' (format parquet)")


def _found(find: _Find, graph: Path, found: Path) -> None:
    """Read the links, find the persons, write which node is of which."""
    with duckdb.connect() as con:
        con.execute("create schema identity")
        con.execute(f"create table identity.links as from read_parquet('{graph}')")
        con.execute("create table identity.link_cuts (cut_at timestamptz)")  # nobody cut a link
        find(con)
        if find is not _read:
            con.execute(f"copy identity.person_of_node to '{found}' (format parquet)")


def _same_partition(name: str, found: Path, expected: Path) -> str:
    """How many persons; an error unless both files put the same nodes together."""
    with duckdb.connect() as con:
        nodes, theirs, ours, pairs, alone = con.execute(
            """
            select count(*), count(distinct found.person), count(distinct expected.person),
                count(distinct (found.person, expected.person)),
                count(*) filter (where found.node is null or expected.node is null)
            from read_parquet(?) as found full join read_parquet(?) as expected on found.node = expected.node
            """,
            [str(found), str(expected)],
        ).fetchall()[0]
    if alone or not theirs == ours == pairs:
        raise AssertionError(f"{name}: {theirs:,} persons of {nodes:,} nodes, not the {ours:,} expected; {alone:,} nodes differ")
    return f"{ours:,} persons"


def _read(_con: duckdb.DuckDBPyConnection) -> None:
    pass


def _ours(con: duckdb.DuckDBPyConnection) -> None:
    link_persons(con)


def _networkx(con: duckdb.DuckDBPyConnection) -> None:
    import networkx
    import pyarrow as pa

    graph = networkx.Graph()
    graph.add_edges_from(con.execute(_EDGES).fetchall())
    people = enumerate(networkx.connected_components(graph))
    pairs = [{"node": node, "person": number} for number, nodes in people for node in nodes]
    labels = pa.Table.from_pylist(pairs, pa.schema({"node": pa.string(), "person": pa.int64()}))
    con.register("labels", labels)
    con.execute("create table identity.person_of_node as from labels")


def _propagated(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table identity.person_of_node as select distinct node, node as person from identity.links")
    changed = 1
    while changed:
        ((changed,),) = con.execute(
            """
            update identity.person_of_node as mine set person = lower.person
            from (
                select links.node, min(of_key.person) as person
                from identity.links inner join (
                    select link_key, min(person) as person from identity.links natural join identity.person_of_node group by all
                ) as of_key on links.link_key = of_key.link_key
                group by links.node
            ) as lower
            where mine.node = lower.node and lower.person < mine.person
            """
        ).fetchall()


def _splink(con: duckdb.DuckDBPyConnection) -> None:
    from splink import DuckDBAPI
    from splink.clustering import cluster_pairwise_predictions_at_threshold

    con.execute("create table nodes as select distinct node from identity.links")
    con.execute(f"create table edges as {_EDGES}")
    clusters = cluster_pairwise_predictions_at_threshold(
        "nodes", "edges", DuckDBAPI(connection=con), "node", edge_id_column_name_left="node_l", edge_id_column_name_right="node_r"
    )
    con.execute(f"create table identity.person_of_node as select node, cluster_id as person from {clusters.physical_name}")
