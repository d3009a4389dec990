"""What is fuzzed: one module per entry point for foreign bytes, each with a function ``check(data)``.

``check`` fails (raises) when the bytes break a promise, and returns when they do not, whatever they are. It knows nothing of
the fuzzer: the same function runs under coverage guidance (``python -m tests.fuzz.campaign``) and over the committed corpus
(``tests/fuzz/test_corpus.py``).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

CORPUS = Path(__file__).parents[1] / "corpus"
NAMES = (
    "delimited_files",
    "json_files",
    "line_files",
    "email_addresses",
    "phone_numbers",
    "postal_keys",
    "times",
    "archives",
    "configuration",
)


def target(name: str) -> ModuleType:
    """The module of one target."""
    return importlib.import_module(f"{__name__}.{name}")


def corpus_of(name: str) -> list[Path]:
    """The committed inputs of one target."""
    return sorted(path for path in (CORPUS / name).iterdir() if path.is_file())
