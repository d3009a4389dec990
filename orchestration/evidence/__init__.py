"""The evidence that people ask for: which tables hold it, how it is opened, and how ids in it are shown.

Not here: the answers (``answers``), the report (``report``), what is looked after (``audit``), what waits for a person
(``quarantine``).
"""
