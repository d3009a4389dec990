"""Identifiers: raw texts become one canonical e-mail address, phone number or postal key, and keep their keyed hash.

Here is what a text *means* as an identifier; where it came from, whose it is and what was asked for it is not.
``phone``, ``email_address`` and ``postal`` hold the meaning, one value at a time; ``phone_sql`` and ``email_sql`` give
the same answers by the million; ``cache`` keeps them in the warehouse; ``lookup`` is the entry point for a single value.
"""
