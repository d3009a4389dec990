"""Fetching what a source holds: from a vendor's interface, a mailbox, a server's folder. What it means, the staging models say.

``pulling`` carries a pull out, ``progress`` keeps how far it came, ``blocks`` reads from the YAML beside the staging models where
a vendor has what. Each further module is one kind of pull. What is fetched goes unchanged into the inbox, like anybody's file. A
place is only moved on once what lies before it is durable.
"""
