"""A small home in which somebody asks to be erased."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.home import Home

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"

[sources.crm]
format = "contacts"
"""


def bare_home(root: Path, config: str = CONFIG) -> Home:
    """One that is configured and has seen nothing."""
    home = Home.at(root)
    for source in ("asks", "crm"):
        (root / "inbox" / source).mkdir(parents=True)
    home.config_file.write_text(config)
    home.create()
    return home
