"""Evidence: what the other stages did, told to people. The compliance report, ``check``, ``explain`` and the healths.

Nothing here changes a table, a published version or a destination: every module only reads. The modules are imported one
by one where they are needed, because ``check`` has to answer before the others would have finished loading.
"""
