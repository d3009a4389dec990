"""From a delivered file to unchanged bytes with a place in a chained manifest. What is in the files is the readers' business.

``collecting`` takes files from the inbox, ``manifest`` keeps the record of deliveries, ``archives`` opens them safely,
``register`` tells the warehouse which files there are and which feed each one is.
"""

from orchestration.landing.archives import member_head, open_member
from orchestration.landing.collecting import Collected, Waiting, collect, waiting_batch
from orchestration.landing.manifest import Entry, Member, read_manifest
from orchestration.landing.register import LandedFile, file_id, landed_files, register

__all__ = [
    "Collected",
    "Entry",
    "LandedFile",
    "Member",
    "Waiting",
    "collect",
    "file_id",
    "landed_files",
    "member_head",
    "open_member",
    "read_manifest",
    "register",
    "waiting_batch",
]
