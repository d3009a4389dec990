"""Any bytes as ``quietlist.toml``: a ``ConfigError``, or a configuration that every stage can work with."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime

import duckdb

from orchestration.core.config import load_config, size_in_bytes
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import prepare
from orchestration.reconcile.dbt import run_vars

_SCRATCH = tempfile.TemporaryDirectory(prefix="quietlist-fuzz.")
_HOME = Home.at(_SCRATCH.name).create()


def check(data: bytes) -> None:
    """Read it, and if it can be read, use it."""
    _HOME.config_file.write_bytes(data)
    try:
        config = load_config(_HOME)
    except ConfigError as error:
        assert str(error).count("\n") >= 1 or error.seen, f"an error without its reason: {error}"
        return
    run_vars(config, datetime(2026, 4, 1, tzinfo=UTC))
    assert size_in_bytes(config.limits.max_file) > 0
    with duckdb.connect() as con:
        prepare(con, _HOME, config.limits)
