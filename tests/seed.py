"""The seed of the random histories: one for each run, printed by what uses it, and given back as ``QUIETLIST_TEST_SEED``."""

from __future__ import annotations

import os
import random

SEED = int(os.environ.get("QUIETLIST_TEST_SEED", random.SystemRandom().randrange(2**32)))
