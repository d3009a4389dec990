"""What a normalised identifier looks like: one definition for those who write them and for the gate that judges them.

``email_address``, ``phone`` and ``postal`` give no identifier that is not of this form, and the suites of ``expectations/`` ask
for it as ``$email_form``, ``$phone_form``, ``$postal_form``. So a record that would be refused at the exit is refused where it
comes in, alone. Here too is what no identifier holds: characters that nobody sees.
"""

from __future__ import annotations

import re
from functools import cache

# Unicode's Default_Ignorable_Code_Point without the joiners: direction marks, fillers, variation selectors, tags. The blank
# braille cell is none of them, but is pasted for the same purpose. Identifiers that differ by these alone are the same.
INVISIBLE = (
    "ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b 200e-200f 202a-202e 2060-206f 2800 3164 fe00-fe0f feff ffa0 fff0-fff8 "
    "1bca0-1bca3 1d173-1d17a e0000-e0fff"
)
# As invisible beside Latin letters, but Arabic and Indic words are spelt with them.
JOINERS = "200c-200d"
# Control characters but the five that are white space, which separate.
CONTROL = "0-8 e-1b 7f"
# White space of any script, with the five controls, the separators of information and the next line.
SPACE = "9-d 1c-20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000"
# What a postal key reads as a space, all white space and the bar that parts the key among it. Explicit ranges and no character
# classes, so that Python and RE2 agree whatever Unicode version each was built with.
PUNCTUATION = (
    "00-2f 3a-40 5b-60 7b-a9 ab-b1 b4 b6-b8 bb bf d7 f7 2b9-2bc 55a-55f 589-58a 5be 5c0 5c3 5f3-5f4 60c 61b 61f 66a-66d 6d4 "
    "964-965 1680 2000-206f 20a0-20cf 2190-2bff 2e00-2e7f 3000-3004 3008-3020 3030 30a0 30fb fe00-fe0f fe30-fe6f ff00-ff0f "
    "ff1a-ff20 ff3b-ff40 ff5b-ff65 fffc-fffd 1f000-1faff"
)

MAX_EMAIL = 254  # characters, the most that mail can carry: RFC 5321, erratum 1690
MAX_PHONE = 15  # digits, the most that the world's telephone plan has: ITU-T E.164


def class_of(ranges: str) -> str:
    """The inside of a character class. The characters stand for themselves, so that Python and RE2 read it alike."""
    return "".join("-".join(_character(int(end, 16)) for end in piece.split("-")) for piece in ranges.split())


def _character(code: int) -> str:
    # Of ASCII some mean something in a class, and controls are hard to see in a message.
    return f"\\x{code:02x}" if code < 0xA0 else chr(code)


# A domain is in its ASCII form, so that only the part before the @ may hold letters of other scripts.
_LOCAL = f"[^A-Z@{class_of(f'{CONTROL} {SPACE} {INVISIBLE}')}]+"
_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_WORDS = "[^A-Z{0}]+(?: [^A-Z{0}]+)*".format(class_of(PUNCTUATION))
FORMS: dict[str, str] = {
    "email": rf"^{_LOCAL}@(?:{_LABEL}\.)+(?:[a-z0-9][a-z0-9-]*)?[a-z]$",
    # Four digits are the shortest of all: a calling code and a small island's number.
    "phone": rf"^\+[1-9][0-9]{{3,{MAX_PHONE - 1}}}$",
    "postal": rf"^{_WORDS}\|{_WORDS}\|[^a-z{class_of(PUNCTUATION)}]+\|[A-Z]*$",
}
"""By identifier type, a regular expression that Python and DuckDB read alike."""


@cache
def _compiled(identifier_type: str) -> re.Pattern[str]:
    return re.compile(FORMS[identifier_type].removeprefix("^").removesuffix("$"))


def is_normal(identifier_type: str, identifier: str) -> bool:
    """Whether an identifier is of its type's normal form: ``email``, ``phone`` or ``postal``."""
    return _compiled(identifier_type).fullmatch(identifier) is not None
