"""Quietlist: one folder per stage of the flow, in the order the data moves.

landing -> readers -> (dbt staging) -> identifiers -> reconcile -> gate -> publish -> sync/destinations -> evidence, and from it
answers, audit, quarantine and report.
``core`` holds what every stage shares; ``defs`` is the only place, with ``definitions``, that knows Dagster.
"""
