"""Answers about one person or contact point: may it be contacted (``check``), and why (``explain``).

The modules are imported one by one where they are needed, because ``check`` has to answer before the others would have
finished loading. Here nothing changes a table, a published version or a destination.
"""
