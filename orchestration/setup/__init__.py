"""What somebody needs before the first run: a configuration, the formats that can be read, and what a file would become.

Here: ``init`` writes a configuration, ``formats`` tells what is read, ``trial`` reads one file and keeps nothing. Not
here: any step of a run; the reference pages of the docs are made by ``tools/reference.py``.
"""
