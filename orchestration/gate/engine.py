"""Great Expectations at work: the only module that imports it, and only when a gate is judged (4 to 10 seconds).

It computes everything inside DuckDB and is asked for counts alone; whatever else it hands back (values, messages,
tracebacks) is dropped here, because a value of a row may be somebody's address.
"""

from __future__ import annotations

import logging
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.core.errors import ConfigError, kind_of
from orchestration.gate.suites import Suite, names_in

# Counts alone: with 0 examples wanted, Great Expectations asks the database for none (its queries end in LIMIT 0).
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_COUNTS = {"element_count": "rows", "unexpected_count": "unexpected", "missing_count": "missing", "observed_value": "observed"}
_DUCKDB_ERROR = re.compile(r"_duckdb\.(\w+)")


@dataclass(frozen=True)
class Prepared:
    """A suite ready to be judged: the SELECT of its rows and its checks' arguments; or what prevents it."""

    suite: Suite
    relation: str = ""
    arguments: Sequence[Mapping[str, Any]] = ()
    problem: str = ""


@dataclass(frozen=True)
class Outcome:
    """What Great Expectations found of one check."""

    success: bool
    evaluated: bool
    counts: Mapping[str, int | float] = field(default_factory=dict)
    note: str = ""


def problems_of(type_: str, arguments: Mapping[str, Any]) -> list[str]:
    """What is wrong with an expectation as it stands in a file, before ``$names`` have values."""
    _import()
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    try:
        expectation = get_expectation_impl(type_)
    except ExpectationNotFoundError:
        return [f"unknown expectation type {type_}"]
    known = set(expectation.__fields__)
    unknown = [f"{type_} takes no argument {name}" for name in arguments if name not in known]
    if unknown or names_in(arguments):
        return unknown
    return _build_problems(type_, arguments)


def evaluate(con: duckdb.DuckDBPyConnection, prepared: Sequence[Prepared]) -> list[list[Outcome]]:
    """The outcomes of every suite's checks, in their order. All suites share one context and one connection.

    Raises:
        ConfigError: an argument has a value that its expectation does not take, or Great Expectations lost a check.
    """
    gx = _import()
    from sqlalchemy.pool import StaticPool

    from orchestration.gate.dialect import URL

    suites = _build(gx, prepared)
    with _quiet():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        # Cursors of this very connection: they see what lies beside the warehouse, and are closed with it.
        source = context.data_sources.add_sql(
            "quietlist", connection_string=URL, kwargs={"creator": con.cursor, "poolclass": StaticPool}
        )
        return [_judge(source, item, suite) for item, suite in zip(prepared, suites, strict=True)]


def _judge(source: Any, item: Prepared, suite: Any) -> list[Outcome]:
    checks = item.suite.checks
    if item.problem:
        return [Outcome(success=False, evaluated=False, note=item.problem)] * len(checks)
    asset = source.add_query_asset(item.suite.name, item.relation)
    batch = asset.add_batch_definition_whole_table("all").get_batch()
    results = batch.validate(suite, result_format=_RESULT_FORMAT).results
    found = {result.expectation_config.meta["check"]: result for result in results}
    return [_outcome(found.get(number)) for number in range(len(checks))]


def _outcome(result: Any) -> Outcome:
    if result is None:
        return Outcome(success=False, evaluated=False, note="Great Expectations gave no result for it")
    if _raised(result.exception_info):
        note = f"Great Expectations could not compute it{_cause(result.exception_info)}"
        return Outcome(success=False, evaluated=False, note=note)
    counts = {ours: value for theirs, ours in _COUNTS.items() if _is_number(value := result.result.get(theirs))}
    return Outcome(success=bool(result.success), evaluated=True, counts=counts)


def _raised(info: Any) -> bool:
    """Exceptions come as one record, or as one record per metric under the metric's name."""
    if not isinstance(info, Mapping) or not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return True


def _cause(info: Any) -> str:
    """The kind of DuckDB's error, if it was one: its class, never its message, which may quote a value."""
    classes = {name for name in _DUCKDB_ERROR.findall(str(info)) if hasattr(duckdb, name)}
    return f" ({', '.join(sorted(kind_of(name) for name in classes))})" if classes else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _build(gx: Any, prepared: Sequence[Prepared]) -> list[Any]:
    """One Great Expectations suite each. Lengths are compared: it drops what it doesn't know, and an emptied suite passes."""
    problems = []
    suites = []
    for item in prepared:
        expectations = []
        for number, (check, arguments) in enumerate(zip(item.suite.checks, item.arguments, strict=False)):
            if wrong := _build_problems(check.type, arguments):
                problems += [f"{item.suite.name}.yml #{number + 1}: {problem}" for problem in wrong]
            else:
                expectations.append(_expectation(check.type, arguments, check=number))
        suite = gx.ExpectationSuite(name=item.suite.name, expectations=expectations)
        expected = 0 if item.problem else len(item.suite.checks)
        if len(suite.expectations) != expected and not problems:
            taken = len(suite.expectations)
            problems.append(f"{item.suite.name}.yml: Great Expectations took {taken} of {expected} expectations")
        suites.append(suite)
    if problems:
        raise ConfigError("Preparing the expectations", problems, next_step="correct these; nothing was judged")
    return suites


def _build_problems(type_: str, arguments: Mapping[str, Any]) -> list[str]:
    from pydantic.v1 import ValidationError  # what Great Expectations' own models are made with

    try:
        _expectation(type_, arguments)
    except ValidationError as error:
        return [f"{type_}.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    except Exception as error:  # noqa: BLE001  conditions raise classes of their own; none of them may pass for a check
        return [f"{type_}: {error}"]
    return []


def _expectation(type_: str, arguments: Mapping[str, Any], **meta: int) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    # Without naming its parser, Great Expectations takes a condition for one of pandas and can't compute it in SQL.
    parser = {"condition_parser": "great_expectations"} if "row_condition" in arguments else {}
    return get_expectation_impl(type_)(**arguments, **parser, meta=meta)


def _import() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import; no release should ever report on a private list
    with _quiet():
        import great_expectations as gx
        import sqlalchemy

        from orchestration.gate import dialect

        sqlalchemy.dialects.registry.register(dialect.NAME, dialect.__name__, dialect.DuckDBDialect.__name__)
    return gx


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Great Expectations: what it logs or warns of may quote the value that a query stumbled over."""
    logger = logging.getLogger("great_expectations")
    before, silent = logger.propagate, logging.NullHandler()
    logger.propagate = False  # not its level: modules below it set their own
    logger.addHandler(silent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(silent)
        logger.propagate = before
