"""The form of Python code, where ruff has no rule for it: a failing test says what to write instead."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from itertools import chain

import pytest

from orchestration.core.home import CHECKOUT

FOLDERS = (".ci", "benchmarks", "orchestration", "tests", "tools")
# The push's two packages are rewritten with their engine, and take this form then.
REWRITTEN = {CHECKOUT / "orchestration" / "sync", CHECKOUT / "orchestration" / "destinations"}
PYTHON = sorted(
    path
    for path in chain.from_iterable((CHECKOUT / folder).rglob("*.py") for folder in FOLDERS)
    if not REWRITTEN & {*path.parents}
)
SKIP = re.compile(r"#\s*fmt: (skip|off)")
# Fewer literals than that are read as well one below the other.
TABLE = 7


def _literals(node: ast.AST) -> int:
    """How many items the largest table in ``node`` has."""

    def items(part: ast.AST) -> list[ast.expr]:
        if isinstance(part, ast.Tuple | ast.List | ast.Set):
            return part.elts
        return part.values if isinstance(part, ast.Dict) else []

    return max(len(items(part)) for part in ast.walk(node))


def unneeded_skips(source: str) -> list[int]:
    """Lines with a word to the formatter that end no table of literals."""
    tree = ast.parse(source)
    ends: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts: list[ast.AST] = list(node.decorator_list)
        elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
            parts = [node]
        else:
            continue
        for part in parts:
            ends[part.end_lineno] = max(ends.get(part.end_lineno, 0), _literals(part))
    return [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and SKIP.search(token.string) and ends.get(token.start[0], 0) < TABLE
    ]


def test_the_formatter_is_left_out_only_for_tables_of_literals() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line}" for path in PYTHON for line in unneeded_skips(path.read_text(encoding="utf-8"))
    ]
    assert found == [], f"let ruff format it, or make it a table of at least {TABLE} literals:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("WORDS = (\n    'a', 'b', 'c', 'd',\n    'e', 'f', 'g',\n)  # fmt: skip\n", []),
        ("WORDS = (\n    'a', 'b',\n)  # fmt: skip\n", [3]),
        ("def f(\n    a, b, c, d, e, g, h\n):  # fmt: skip\n    return a\n", [3]),
        ("call(\n    a, b, c, d, e, g, h\n)  # fmt: skip\n", [3]),
        ("@cases([\n    1, 2, 3, 4,\n    5, 6, 7,\n])  # fmt: skip\ndef f():\n    pass\n", []),
        ("# fmt: off\nWORDS = (1, 2, 3, 4, 5, 6, 7)\n", [1]),
    ],
    ids=["table", "short", "signature", "call", "decorator", "off"],
)
def test_each_unneeded_word_to_the_formatter_is_seen(source: str, lines: list[int]) -> None:
    assert unneeded_skips(source) == lines, source


# What is easily done a second time, a little otherwise, and the one module that does it.
ONE_HOME = {
    r"\bos\.fsync\(": ("core/files.py", "a stream is made durable by core.files.flush_to_disk, another's file by keep_file"),
    r"\bfcntl\.\w|import fcntl": ("core/lock.py", "a lock is core.lock.locked"),
    r"""\.replace\([^()]*, ?["']''["']\)""": ("core/sql.py", "a text goes into SQL by core.sql.quoted"),
}


@pytest.mark.parametrize("pattern", ONE_HOME)
def test_what_has_one_home_is_done_nowhere_else(pattern: str) -> None:
    home, said = ONE_HOME[pattern]
    where = [
        path.relative_to(CHECKOUT / "orchestration").as_posix()
        for path in PYTHON
        if path.is_relative_to(CHECKOUT / "orchestration") and re.search(pattern, path.read_text(encoding="utf-8"))
    ]
    assert where == [home], said


def sql_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines of a function are texts of several lines, other than what it says of itself."""
    said = function.body[0].value if ast.get_docstring(function) else None  # type: ignore[attr-defined]
    return len(
        {
            line
            for node in ast.walk(function)
            if isinstance(node, ast.JoinedStr | ast.Constant) and node is not said and node.end_lineno > node.lineno
            for line in range(node.lineno, node.end_lineno + 1)
        }
    )


def test_a_long_function_is_not_made_of_sql() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}: {node.name}: {node.end_lineno - node.lineno + 1} lines, {sql_lines(node)} of SQL"
        for path in PYTHON
        if path.is_relative_to(CHECKOUT / "orchestration")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= 60
        and sql_lines(node) > 20
    ]
    assert found == [], (
        "over 60 lines: make each query a function, or a .sql file with named parameters "
        "(orchestration/identifiers/phone_keys.sql):\n" + "\n".join(found)
    )
