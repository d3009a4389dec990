"""Reading ``expectations/*.yml``: what is expected of which relation, how grave a failure is, and why. No judging here.

One file is one suite, judged by one gate::

    gate: exit                      # entry, exit or clocks
    title: The golden table         # heading for readers
    table: run.candidate            # a table, judged in place ...
    columns:                        # ... with these SQL expressions beside its own columns (optional)
      source_count: len(sources)
    query: |                        # or, instead of a table, a SELECT whose result is judged. It is kept in memory, so
      select count(*) as lost ...   # let it count; a query that returns no row judges nothing and so fails.
    parameters:                     # values for $name below, each a SELECT of one value (optional)
      floor: select count(*) from ledger.requests
    expectations:
      - sentence: Every row names whom it suppresses.   # what a compliance reader understands
        type: expect_column_values_to_not_be_null       # any expectation of Great Expectations
        arguments: {column: identifier}                 # its own; row_condition: col("basis") == "direct" picks rows
        level: stop                                     # stop, hold or alert
        reason: A row without an identifier protects nobody.   # why that level
        found: [One row names nobody, "# rows name nobody"]   # what a run says when it is not met: of one, of many (optional)
        where: nameless                                 # a column of the query: which they are, see NAMED below (optional)
        next: quietlist run                             # what a person does about it (optional)

Tables are those of the warehouse (``ledger.requests``) and, under ``run.``, what the gate lays beside it (see
``judging``). ``$name`` is a parameter of the suite or one of the run: ``$as_of``, ``$scope_tree``, and the forms that are
also asked for where a record comes in (``$scope_form``, ``$email_form``, ``$phone_form``, ``$postal_form``); in SQL it is a
literal, and as the whole of an argument it is the value. Nothing is skipped in silence: every unknown key, name,
argument and expectation type of all files is reported together. A suite on a table opens with a row count, because
an empty table meets every expectation about its rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from orchestration.core.channels import SCOPE_FORM
from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT
from orchestration.core.sql import quoted
from orchestration.identifiers.normal_form import FORMS

FOLDER = CHECKOUT / "expectations"
GATES = ("entry", "exit", "clocks")
LEVELS = ("stop", "hold", "alert")
# How a scope and an identifier look, by the name that a suite asks for it.
FORM_VALUES = {"scope_form": SCOPE_FORM, **{f"{identifier_type}_form": form for identifier_type, form in FORMS.items()}}
RUN_PARAMETERS = ("as_of", "scope_tree", *FORM_VALUES)
FLOOR = "expect_table_row_count_to_be_between"

Value = str | int | float | bool | datetime | list[str] | None
Problems = Callable[[str, Mapping[str, Any]], list[str]]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEYS = {"gate", "title", "table", "columns", "query", "parameters", "expectations"}
_CHECK_KEYS = {"sentence", "type", "arguments", "level", "reason", "found", "where", "next"}
NAMED, PARTS = "\x1e", "\x1f"
"""Between two things that a ``where`` column names, and between the parts of one: source and number, or source, file and id."""
_NAME = re.compile(r"\$([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class Check:
    """One expectation of a suite."""

    sentence: str
    type: str
    arguments: Mapping[str, Any]
    level: str
    reason: str
    found: tuple[str, ...] = ()
    where: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Suite:
    """One file of ``expectations/``. Exactly one of ``table`` and ``query`` is set."""

    name: str
    gate: str
    title: str
    checks: tuple[Check, ...]
    table: str | None = None
    query: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def relation(self, values: Mapping[str, Value]) -> str:
        """The SELECT that is judged, with its names filled in."""
        if self.query is not None:
            return fill(self.query, values)
        added = "".join(f", {fill(expression, values)} as {name}" for name, expression in self.columns.items())
        return f"select *{added} from {self.table}"


def load_suites(folder: Path = FOLDER, *, problems_of: Problems | None = None) -> tuple[Suite, ...]:
    """Every suite of ``folder``. ``problems_of`` says what is wrong with an expectation's type and arguments.

    Raises:
        ConfigError: with everything that is wrong in all files.
    """
    problems: list[str] = []
    suites = [_read(path, problems, problems_of) for path in sorted(folder.glob("*.yml"))]
    found = [suite for suite in suites if suite is not None]
    if not problems:
        problems += [f"no suite for the {gate} gate" for gate in GATES if gate not in {suite.gate for suite in found}]
    if problems:
        raise ConfigError(f"Reading the expectations in {folder}", problems, next_step="correct these; nothing was judged")
    return tuple(found)


def fill(sql: str, values: Mapping[str, Value]) -> str:
    """SQL with every ``$name`` as a literal."""
    return _NAME.sub(lambda match: sql_literal(values[match[1]]), sql)


def resolve(arguments: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Arguments with every value that is ``$name`` replaced by what it stands for."""
    return {key: values[name] if (name := _whole(value)) else value for key, value in arguments.items()}


def names_in(arguments: Mapping[str, Any]) -> set[str]:
    """The parameters that arguments ask for."""
    return {name for value in arguments.values() if (name := _whole(value))}


def _whole(value: Any) -> str | None:
    match = _NAME.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


def sql_literal(value: Value) -> str:
    """A value as it is written in SQL."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(sql_literal(item) for item in value) + "]::varchar[]"
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat()}'"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower()


def _read(path: Path, problems: list[str], problems_of: Problems | None) -> Suite | None:
    """One file; adds what is wrong with it to ``problems`` and then gives None."""
    known = len(problems)
    place = path.name
    try:
        text = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  safe, and ten times as fast as safe_load
    except yaml.YAMLError as error:
        problems.append(f"{place}: not valid YAML: {' '.join(str(error).split())}")
        return None
    if not isinstance(text, dict):
        problems.append(f"{place}: is empty, or not a mapping of {', '.join(sorted(_KEYS))}")
        return None
    problems += _head_problems(place, text)
    parameters = text["parameters"] if _is_text_mapping(text.get("parameters")) else {}
    names = {*RUN_PARAMETERS, *parameters}
    items = text.get("expectations")
    if not isinstance(items, list) or not items:
        problems.append(f"{place}: has no expectations, so it would always pass")
        return None
    checks = [_check(f"{place} #{number}", item, names, problems, problems_of) for number, item in enumerate(items, 1)]
    told = [check for check in checks if check is not None]
    if "table" in text and checks[0] is not None and checks[0].type != FLOOR:
        problems.append(f"{place}: a suite on a table opens with {FLOOR}; an empty table meets all the others")
    sentences = [check.sentence for check in told]
    twice = sorted({sentence for sentence in sentences if sentences.count(sentence) > 1})
    problems += [f"{place}: the sentence {sentence!r} stands twice" for sentence in twice]
    if len(problems) > known:
        return None
    return Suite(
        name=path.stem,
        gate=text["gate"],
        title=text["title"],
        checks=tuple(told),
        table=text.get("table"),
        query=text.get("query"),
        columns=text.get("columns", {}),
        parameters=parameters,
    )


def _head_problems(place: str, text: dict[str, Any]) -> list[str]:
    """What is wrong with everything above a suite's expectations."""
    problems = [f"{place}: unknown key {key}" for key in text if key not in _KEYS]
    if text.get("gate") not in GATES:
        problems.append(f"{place}: gate is {text.get('gate')!r}, not one of {', '.join(GATES)}")
    if not isinstance(text.get("title"), str):
        problems.append(f"{place}: has no title")
    if sum(isinstance(text.get(key), str) for key in ("table", "query")) != 1:
        problems.append(f"{place}: names one of table and query, not both and not neither")
    if "columns" in text and "table" not in text:
        problems.append(f"{place}: columns go with a table; a query selects its own")
    maps = {key: text.get(key, {}) for key in ("columns", "parameters")}
    problems += [f"{place}: {key} is a mapping of names to SQL" for key, value in maps.items() if not _is_text_mapping(value)]
    columns, parameters = (value if _is_text_mapping(value) else {} for value in maps.values())
    known = {*RUN_PARAMETERS, *parameters}
    for sql in (str(text.get("query", "")), *columns.values()):
        problems += [f"{place}: unknown name ${name}" for name in _NAME.findall(sql) if name not in known]
    for sql in parameters.values():
        problems += [
            f"{place}: unknown name ${name}; a parameter's SQL may use ${', $'.join(RUN_PARAMETERS)}"
            for name in _NAME.findall(sql)
            if name not in RUN_PARAMETERS
        ]
    return problems


def _check(place: str, item: Any, names: set[str], problems: list[str], problems_of: Problems | None) -> Check | None:
    if not isinstance(item, dict):
        problems.append(f"{place}: is not a mapping of {', '.join(sorted(_CHECK_KEYS))}")
        return None
    known = len(problems)
    problems += [f"{place}: unknown key {key}" for key in item if key not in _CHECK_KEYS]
    problems += [f"{place}: has no {key}" for key in ("sentence", "type", "reason") if not isinstance(item.get(key), str)]
    if item.get("level") not in LEVELS:
        problems.append(f"{place}: level is {item.get('level')!r}, not one of {', '.join(LEVELS)}")
    said = item.get("found", [])
    if not (isinstance(said, list) and len(said) in (0, 2) and all(isinstance(text, str) for text in said)):
        problems.append(f"{place}: found is not two texts, what is said of one and of many")
    problems += [f"{place}: {key} is not a text" for key in ("where", "next") if not isinstance(item.get(key, ""), str)]
    arguments = item.get("arguments", {})
    if not isinstance(arguments, dict):
        problems.append(f"{place}: arguments is not a mapping")
    else:
        problems += [f"{place}: unknown name ${name}" for name in sorted(names_in(arguments) - names)]
        if problems_of is not None and isinstance(item.get("type"), str):
            problems += [f"{place}: {problem}" for problem in problems_of(item["type"], arguments)]
    if len(problems) > known:
        return None
    return Check(
        sentence=item["sentence"],
        type=item["type"],
        arguments=arguments,
        level=item["level"],
        reason=" ".join(item["reason"].split()),
        found=tuple(said),
        where=item.get("where", ""),
        next_step=item.get("next", ""),
    )


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) and isinstance(item, str) for key, item in value.items())
