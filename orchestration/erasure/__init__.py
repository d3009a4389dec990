"""Erasing a person: suppressed everywhere first, then no plain identifier left, and still known when it comes back.

``points`` says how a contact point is written, ``landed`` takes it out of the landed files, ``traces`` finds it anywhere in a
home, ``erasing`` is the order of it all, ``holds`` what forbids it. What stands for an erased contact point is in
``core/tombstones``; how the normaliser reads that, and lets it be plain again when it returns, in ``identifiers/cache``.
"""
