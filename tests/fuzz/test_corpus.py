"""Every input ever found worth keeping, put through its target again. Needs no fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, NAMES, corpus_of, target


@pytest.mark.parametrize("name", NAMES)
def test_no_kept_input_breaks_a_promise(name: str) -> None:
    check, failures = target(name).check, []
    paths = corpus_of(name)
    assert len(paths) >= 3, f"the corpus of {name} is gone"
    for path in (None, *paths):
        try:
            check(path.read_bytes() if path else b"")
        except Exception as error:  # all that fail are wanted, not the first one
            failures.append(f"{path.name if path else '(nothing)'}: {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)


def test_every_corpus_has_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(NAMES)


def test_the_corpus_is_small(maximum: int = 500_000) -> None:
    assert sum(path.stat().st_size for path in Path(CORPUS).rglob("*") if path.is_file()) < maximum
