"""Registries of numbers nobody may call: landed files become sorted entries, entries become published versions.

Here: what each file says (``taking``), in which order files apply (``batches``), the versions (``publishing``, read
by ``versions``), and which entries are about numbers the company knows (``known``), the only ones that the models
see; also lists of hashes, compared with whom the company knows (``hashed``). Not here: what a vendor's line means
(its staging model) and when a number was listed (``models/registries``).
"""

from orchestration.registries.engine import Updated, create_registry_tables, is_published, publish_withheld, update
from orchestration.registries.hashed import Hashed, match_hashes
from orchestration.registries.versions import Version, latest_of, published_registries, verify_registry

__all__ = [
    "Hashed",
    "Updated",
    "Version",
    "create_registry_tables",
    "is_published",
    "latest_of",
    "match_hashes",
    "publish_withheld",
    "published_registries",
    "update",
    "verify_registry",
]
