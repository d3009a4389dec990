"""The vendors' systems: one module each, which is its facts and its table of endpoints (``destinations/lists.py``)."""
