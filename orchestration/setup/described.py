"""What the keys of the configuration mean, read from where they are defined: the text below each field of its model."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def keys_with_meaning(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, str]]:
    """Each key of a section as it is written, its field, and its meaning in plain words; those of the base classes first."""
    meanings: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            meanings |= _meanings(Path(inspect.getfile(base)), base.__name__)
    for name, field in model.model_fields.items():
        yield field.alias or name, field, meanings.get(name, "")


def first_sentence(text: str) -> str:
    """``A list of opt-outs. It ...`` -> ``A list of opt-outs.``; so is what stands before a colon."""
    plain = " ".join(text.split())
    return re.sub(":$", ".", re.split(r"(?<=[.:]) (?=[A-Z`])", plain, maxsplit=1)[0])


@functools.cache
def _classes(file: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            texts: dict[str, str] = {}
            for field, after in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                ):
                    texts[field.target.id] = inspect.cleandoc(after.value.value)
            found[node.name] = texts
    return found


def _meanings(file: Path, name: str) -> dict[str, str]:
    return _classes(file).get(name, {})
