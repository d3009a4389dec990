"""Folders on other machines as both ends use them: how one logs in, lists, reads and writes (``sftp``, ``s3``).

A source takes files from there (``connectors``), a destination puts some there (``destinations``). Which files, and when one
is new, whole or in the way, is theirs to say.
"""
