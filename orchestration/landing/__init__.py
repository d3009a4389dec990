"""From a delivered file to unchanged bytes with a place in a chained manifest. What is in the files is the readers' business.

``collecting`` takes files from the inbox, ``manifest`` keeps the record of deliveries, ``archives`` opens them safely.
"""

from orchestration.landing.archives import member_head, open_member
from orchestration.landing.collecting import Collected, Waiting, collect, waiting_batch
from orchestration.landing.manifest import Entry, Member, read_manifest

__all__ = [
    "Collected",
    "Entry",
    "Member",
    "Waiting",
    "collect",
    "member_head",
    "open_member",
    "read_manifest",
    "waiting_batch",
]
