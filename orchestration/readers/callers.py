"""Public lists of complaints about callers, which look like registries and are none. Only how they are recognised.

The numbers in them are those of telemarketers that somebody complained about. Read as a list of people who want no calls they
would suppress the wrong ones, and whoever delivered them would believe that a registry is being honoured. So they are refused
wherever they are dropped.
"""

from __future__ import annotations

import re

from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.text import head_as_text

HEAD_BYTES = 1 << 14  # a header, or some objects; the FCC's rows have twenty fields
# Labels without what stands between their words. Two of one publisher's together occur in no other file.
_LISTS = {
    "the FTC's data on reported calls": ("companyphonenumber", "violationdate"),
    "the FCC's data on consumer complaints": ("calleridnumber", "typeofcallormess"),
}
_BETWEEN = re.compile(r"[^a-z]+")
REASON = "lists_callers"


def refuse_callers(head: bytes) -> None:
    """Raises:
    UnreadableFile: the file lists callers that were complained about, not people who want no calls.
    """
    try:
        text = _BETWEEN.sub("", head_as_text(head[:HEAD_BYTES]).casefold())
    except UnreadableFile:
        return  # the reader of the feed says what is wrong with it
    for publisher, labels in _LISTS.items():
        if all(label in text for label in labels):
            raise UnreadableFile(
                f"It is {publisher}: it lists callers that people complained about, not people who want no calls. Nothing of it "
                "was read. A registry's list is downloaded with a subscription; see the page of its format.",
                REASON,
            )
