"""From a landed file to rows of text in ``raw.<vendor>__<feed>``. What the columns mean is the staging models' business.

``register`` tells the warehouse which files there are and which feed each one is, and ``load`` reads them. ``feeds`` and
``tables`` say which feeds and raw tables there are; ``text``, ``layout``, ``split`` and ``delimited`` read delimited text and
plain lines; ``json_stream``, ``json_fields`` and ``json_records`` read JSON.
"""

from orchestration.readers.loading import Loaded, load

__all__ = ["Loaded", "load"]
