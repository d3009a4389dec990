"""Keeping destinations in line: plan, guard, send, verify, receipt; the same for every system.

The entry point is :func:`sync`. A system's own facts and calls are in ``orchestration/destinations``.
"""

from orchestration.sync.engine import SyncResult, sync
from orchestration.sync.guards import Held
from orchestration.sync.ledger import copy_state
from orchestration.sync.writers import take_over

__all__ = ["Held", "SyncResult", "copy_state", "sync", "take_over"]
