"""Text that others wrote, made harmless for a terminal. What is printed, and where, is the command line's business.

A name may hold an escape sequence that clears the screen, rewrites the line before it or sets the window's title, or a
mark that turns the direction of reading. Each such character is shown as its escape (``\\u001b``), which is also what
JSON writes for it, so one function serves both.
"""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1), and the marks that reorder or hide what follows them (Unicode, annex 9; U+2028/9 end lines).
_UNSAFE = re.compile("[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """``text`` on one line, every character of it shown."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines: its line breaks stay."""
    return "\n".join(visible(line) for line in text.split("\n"))
