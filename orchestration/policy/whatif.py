"""``quietlist policy diff``: what changed rows of ``rules.csv`` would do, before anybody adopts them.

The models of the deadlines run twice in memory on what the home holds, with its policy and with the changed one; nothing is
written into the home. The clock of both is that of the last reconciliation, so that nothing but the rules differs.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import counted, told
from orchestration.evidence.relations import rows
from orchestration.policy.rules import Rule
from orchestration.reconcile import dbt, stages
from orchestration.reconcile.policy import problems_of

# Everything between the rules and what the company answers for, in the order in which each reads the one before.
_MODELS = (
    "binding_rules",
    "int_asked",
    "int_rules_by_region",
    "rule_deadlines",
    "request_rules",
    "request_deadlines",
    "clocks",
    "int_contact_requests",
    "contacts_made",
)
_COLUMNS = tuple(field.name for field in fields(Rule))
_BEFORE, _AFTER = "policy_before", "policy_after"


@dataclass(frozen=True)
class Difference:
    """What the changed rules would do, in counts."""

    changed: Mapping[str, Mapping[str, tuple[str, str]]]
    """Rule -> column -> what it says and what it would say. Of a new rule every column that says something."""
    requests: Sequence[Mapping[str, Any]]
    """By whether the request still runs somewhere, by what its strictest rule is and would be, and by whether its deadline comes
    earlier, later or stays: requests."""
    clocks: Sequence[Mapping[str, Any]]
    """By destination, state and the state it would have: clocks that differ."""
    golden_rows: int
    """Rows of the golden table that would name another rule."""
    contacts: Sequence[Mapping[str, Any]]
    """By outcome and the outcome it would have: contacts made that differ."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "changed": {rule: {name: list(values) for name, values in columns.items()} for rule, columns in self.changed.items()},
            "requests": [dict(row) for row in self.requests],
            "clocks": [dict(row) for row in self.clocks],
            "golden_rows": self.golden_rows,
            "contacts": [dict(row) for row in self.contacts],
        }

    def lines(self) -> Iterator[str]:
        """For a person at a terminal."""
        if not self.changed:
            yield "The rows say what the policy of the last run says: nothing would change."
            return
        for rule, columns in self.changed.items():
            yield f"{rule}: {counted(len(columns), 'column')} {'differs' if len(columns) == 1 else 'differ'}"
            yield from (f"  {name}: {was or 'nothing'} -> {now or 'nothing'}" for name, (was, now) in columns.items())
        yield "Requests whose strictest deadline is another:"
        for row in self.requests:
            which = "open" if row["is_open"] else "past"
            yield f"  {row['requests']:,} {which}: {row['rule_before']} -> {row['rule_after']}, {row['moved']}"
        if not self.requests:
            yield "  none"
        yield "Clocks in another state, or gone, or new:"
        for row in self.clocks:
            was, now = row["state_before"] or "no clock", row["state_after"] or "no clock"
            yield f"  {row['clocks']:,} at {row['destination']}: {was} -> {now}"
        if not self.clocks:
            yield "  none"
        yield "Contacts made that would be judged otherwise:"
        for row in self.contacts:
            yield f"  {row['contacts']:,}: {row['outcome_before']} -> {row['outcome_after']}"
        if not self.contacts:
            yield "  none"
        yield (
            told(
                self.golden_rows,
                "One row of the golden table would name another rule; nobody is added to it, and nobody leaves it.",
                "# rows of the golden table would name another rule; nobody is added to it, and nobody leaves it.",
            )
            if self.golden_rows
            else "No row of the golden table would change."
        )
        yield "Nothing was written. To adopt it, put the rows into dbt_project/seeds/policy/rules.csv and run."


def difference(home: Home, config: Config, file: Path) -> Difference:
    """What the policy of the last run with the rows of ``file`` put in would change.

    Args:
        file: a CSV with the header of ``rules.csv``. A row of a known ``rule_id`` takes its place, any other is new; a rule
            that ends gets a ``valid_to``, because what was asked before is judged by it still.

    Raises:
        ConfigError: the file is not what it should be, or no run has ended here; all problems at once.
        Busy: a run is going on.
    """
    given = _read(file)
    with warehouse(home, read_only=True, limits=config.limits) as con:
        as_of = stages.last_clock(con)
        if as_of is None:
            raise ConfigError(
                "Comparing two policies", seen="nothing was ever reconciled in this home", next_step="start with quietlist run"
            )
        _require_columns(con)
        # dbt only writes the statements down: in a folder of its own, beside an empty database of the warehouse's name.
        with tempfile.TemporaryDirectory(prefix="quietlist-policy.") as folder:
            aside = Home.at(Path(folder))
            statements = dbt.compiled(aside, config, as_of, " ".join(("rules", *_MODELS)))
        models = {node.node.name: node for node in statements if node.node.resource_type == "model"}
        checks = [node for node in statements if getattr(node.node, "attached_node", None) == "seed.quietlist.rules"]
        con.execute("create temp table given (" + ", ".join(f"{column} varchar" for column in _COLUMNS) + ")")
        if given:
            marks = ", ".join("?" for _ in _COLUMNS)
            con.executemany(
                f"insert into given values ({marks})", [[row[column] or None for column in _COLUMNS] for row in given]
            )
        for place in (_BEFORE, _AFTER):
            con.execute(
                f"attach ':memory:' as {place} (read_write); create schema {place}.policy; create schema {place}.deadlines;"
            )
            con.execute(f"create schema {place}.exposure; create table {place}.policy.rules as from policy.rules")
        _put_in(con, file)
        _require_valid(con, checks, file)
        for place in (_BEFORE, _AFTER):
            moved = {_name("policy", "rules"): f"{place}.policy.rules"}
            for name in _MODELS:
                node = models[name].node
                con.execute(f"create table {place}.{node.schema}.{name} as {_elsewhere(node.compiled_code, moved)}")
                moved[node.relation_name] = f"{place}.{node.schema}.{name}"
        return _compared(con)


def _read(file: Path) -> list[dict[str, str]]:
    tried = f"Reading {file}"
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            header, found = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(tried, seen=str(error), allowed="a CSV in UTF-8", next_step="correct the file") from error
    problems = [f"no column {name}" for name in _COLUMNS if name not in header]
    problems += [f"unknown column {name}" for name in header if name not in _COLUMNS]
    problems += [
        f"line {line}: not {len(header)} cells" for line, row in enumerate(found, 2) if None in row or None in row.values()
    ]
    if problems:
        raise ConfigError(
            tried,
            problems,
            allowed="the header of dbt_project/seeds/policy/rules.csv, and rows of as many cells",
            next_step="correct these; nothing was compared",
        )
    return found


def _require_columns(con: duckdb.DuckDBPyConnection) -> None:
    known = con.execute(
        "select column_name from duckdb_columns() where schema_name = 'policy' and table_name = 'rules'"
    ).fetchall()
    if lacking := [column for column in _COLUMNS if (column,) not in known]:
        raise ConfigError(
            "Comparing two policies",
            seen=f"the policy of the last run has no column {', '.join(lacking)}",
            next_step="run the pipeline once with this version, then ask again",
        )


def _put_in(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """The given rows in the place of those they replace.

    Raises:
        ConfigError: a cell is no number or no date where one must be.
    """
    types = {str(row[0]): str(row[1]) for row in con.execute(f"describe {_AFTER}.policy.rules").fetchall()}
    problems = []
    for column in _COLUMNS:
        for rule, value in con.execute(
            f"select rule_id, {column} from given where {column} is not null and try_cast({column} as {types[column]}) is null"
        ).fetchall():
            problems.append(f"{rule}: {column} is {value!r}; allowed: {types[column].lower()}")
    if problems:
        raise ConfigError(f"Reading {file}", problems, next_step="correct these; nothing was compared")
    con.execute(f"delete from {_AFTER}.policy.rules where rule_id in (select rule_id from given)")
    cells = ", ".join(f"cast({column} as {types[column]}) as {column}" for column in _COLUMNS)
    con.execute(f"insert into {_AFTER}.policy.rules by name select {cells} from given")


def _require_valid(con: duckdb.DuckDBPyConnection, checks: Sequence[dbt.NodeResult], file: Path) -> None:
    """The checks that a run makes of the policy, on the changed one."""
    moved = {_name("policy", "rules"): f"{_AFTER}.policy.rules"}
    problems: list[str] = []
    for check in checks:
        problems += problems_of(con, check.node, _elsewhere(check.node.compiled_code, moved), file)
    if problems:
        raise ConfigError(f"Checking the rules of {file}", problems, next_step="correct these; nothing was compared")


def _name(schema: str, table: str) -> str:
    return next(
        str(node["relation_name"]) for node in dbt.manifest_nodes().values() if node["name"] == table and node["schema"] == schema
    )


def _elsewhere(sql: str, moved: Mapping[str, str]) -> str:
    for relation, place in moved.items():
        sql = sql.replace(relation, place)
    return sql


def _changed_rules(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, tuple[str, str]]]:
    changed: dict[str, dict[str, tuple[str, str]]] = {}
    sides = [
        {row["rule_id"]: row for row in rows(con, f"select * from {place}.policy.rules order by rule_id")}
        for place in (_BEFORE, _AFTER)
    ]
    for rule, now in sides[1].items():
        was = sides[0].get(rule, {})
        differs = {
            name: tuple("" if side.get(name) is None else str(side[name]) for side in (was, now))
            for name in _COLUMNS
            if was.get(name) != now[name]
        }
        if differs:
            changed[rule] = differs  # type: ignore[assignment]
    return changed


def _moved_requests(con: duckdb.DuckDBPyConnection) -> Sequence[Mapping[str, Any]]:
    return rows(
        con,
        f"""
        with running as (
            select distinct request_id, channel from {_BEFORE}.deadlines.clocks where state in ('open', 'at_risk', 'overdue')
        ),
        final as (
            select
                running.request_id is not null as is_open, was.rule_id as rule_before, now.rule_id as rule_after,
                case when now.deadline_at < was.deadline_at then 'earlier' when now.deadline_at > was.deadline_at then 'later'
                    else 'same deadline' end as moved,
                count(distinct was.request_id) as requests
            from {_BEFORE}.deadlines.request_deadlines as was
            inner join {_AFTER}.deadlines.request_deadlines as now using (request_id, channel)
            left join running using (request_id, channel)
            where was.rule_id <> now.rule_id or was.deadline_at <> now.deadline_at
            group by all
        )
        select * from final order by is_open desc, requests desc, rule_before, rule_after, moved
        """,
    )


def _compared(con: duckdb.DuckDBPyConnection) -> Difference:
    return Difference(
        changed=_changed_rules(con),
        requests=_moved_requests(con),
        clocks=rows(
            con,
            f"""
            select coalesce(was.destination, now.destination) as destination, was.state as state_before, now.state as state_after,
                count(*) as clocks
            from {_BEFORE}.deadlines.clocks as was
            full join {_AFTER}.deadlines.clocks as now using (request_id, channel, rule_id, destination)
            where was.state is distinct from now.state
            group by all order by count(*) desc, 1, 2, 3
            """,
        ),
        golden_rows=con.execute(
            f"""
            select count(*) from golden.golden_suppression as golden
            inner join {_BEFORE}.deadlines.request_deadlines as was
                on golden.deciding_request_id = was.request_id and golden.channel = was.channel
            left join {_AFTER}.deadlines.request_deadlines as now
                on golden.deciding_request_id = now.request_id and golden.channel = now.channel
            where was.rule_id is distinct from now.rule_id
            """
        ).fetchall()[0][0],
        contacts=rows(
            con,
            f"""
            select was.outcome as outcome_before, now.outcome as outcome_after, count(*) as contacts
            from {_BEFORE}.exposure.contacts_made as was
            inner join {_AFTER}.exposure.contacts_made as now using (contact_id)
            where was.outcome <> now.outcome
            group by all order by contacts desc, outcome_before, outcome_after
            """,
        ),
    )
