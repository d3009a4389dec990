"""Reconciling: running the dbt models in this process, and the one algorithm SQL alone is bad at (components)."""
