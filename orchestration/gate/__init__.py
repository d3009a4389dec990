"""The gates: what must be true before the list goes on, judged by Great Expectations, and what a verdict permits.

Here: reading ``expectations/``, judging, verdicts, overrides, Data Docs. Not here: the expectations themselves (a check
is a few lines in ``expectations/<table>.yml``), nor what is published or pushed once a gate is open.
"""

from orchestration.gate.judging import judge

__all__ = ["judge"]
