"""Publication: the candidate snapshot, its row hash, the numbered versions and the one pointer to them.

Here: what turns the golden table into files that others may read, and how they are read back and proved.
Not here: whether a table may be published (``orchestration/gate``), and what is done with a version (``orchestration/sync``).
"""

from orchestration.publish.candidate import Candidate, export_candidate, read_candidate
from orchestration.publish.publishing import Published, publish
from orchestration.publish.rows import rows_sha256
from orchestration.publish.versions import Snapshot, diff, latest_version, read_gated, read_published

__all__ = [
    "Candidate",
    "Published",
    "Snapshot",
    "diff",
    "export_candidate",
    "latest_version",
    "publish",
    "read_candidate",
    "read_gated",
    "read_published",
    "rows_sha256",
]
