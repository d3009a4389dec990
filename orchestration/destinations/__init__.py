"""The outside systems that are kept in line: one module each, and what they have in common (``contract``).

A module states facts and makes calls. What to send, in which order, how often again, and whether it counted is
decided in ``orchestration/sync``, once for all of them.
"""
