"""Which home this is: an id that goes with what it writes elsewhere, so that two homes on one list can be told apart.

Made once, kept in ``home.id`` and on the chain. A copy and a restored backup have the id of what they were copied from: those
are told apart by their pushes (``sync/ledger``), for each has made some that the other does not know.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress

from orchestration.core import chain
from orchestration.core.errors import ConfigError
from orchestration.core.files import sync_folder, write_atomic
from orchestration.core.home import Home

_ID = re.compile(r"^[0-9a-f]{32}$")


def home_id(home: Home) -> str:
    """The id of ``home``, made at first use.

    Raises:
        ConfigError: the file does not hold 32 hex digits.
    """
    path = home.id_file
    if not path.exists():
        # Whole or not at all, and never over one that another process made meanwhile: a link fails where a file is.
        new = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        write_atomic(new, secrets.token_hex(16) + "\n")
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
        sync_folder(path.parent)
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not _ID.match(text):
        raise ConfigError(
            f"Reading the home id {path}",
            seen=f"{len(text)} characters that are not an id",
            allowed="32 hex digits",
            next_step=f"restore {path.name} from its backup",
        )
    chain.record(home, chain.file_link(home, "home", path))
    return text
