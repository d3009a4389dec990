from __future__ import annotations

import pytest

from orchestration.core.home import Home
from tests.deadlines import house


@pytest.fixture(scope="session")
def policy_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A warehouse with the policy, shared: each test replaces the ledger in it."""
    return house.shared(tmp_path_factory.getbasetemp())
