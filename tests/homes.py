"""What many homes of the tests begin with, made once in a process and copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from orchestration.core.config import Company, Config
from orchestration.core.home import Home
from orchestration.core.stamps import note
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt
from orchestration.reconcile.policy import load_policy
from orchestration.reconcile.stages import prepare


def with_policy(home: Home) -> Home:
    """A new home whose warehouse has the policy, loaded and checked as a run does: a third of what its first run would cost.

    What a test says of a first run as such, or of the policy, begins with an empty home instead.
    """
    shutil.copyfile(_warehouse(dbt.policy_hash()), home.create().warehouse_file)
    return home


@cache
def _warehouse(policy: str) -> Path:
    root = Path(tempfile.mkdtemp(prefix="quietlist-policy."))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    home = Home.at(root).create()
    load_policy(home, Config(company=Company(name="Acme")), datetime(2026, 4, 1, tzinfo=UTC))
    with warehouse(home) as con:
        prepare(con, home, ())
        note(con, policy=policy)
    return home.warehouse_file
