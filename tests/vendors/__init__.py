"""Vendors that stand in for the real ones: stateful, over real HTTP, behaving as each one's documentation says."""
