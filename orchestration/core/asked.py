"""The few things of ``quietlist.toml`` that a single question needs, without what validating the file takes.

Validating imports pydantic, which takes longer than the whole answer. So the file is validated once, and a note is kept of the
exact bytes that passed, with the code that judged them. Other bytes, other code or no note: it is validated as ever.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.core.channels import scope_tree
from orchestration.core.home import CHECKOUT, PACKAGE, Home

if TYPE_CHECKING:
    from orchestration.core.config import Config

_NOTE = "config_passed.json"
# What a configuration is judged by: these files, and the names in these folders.
_CODE = (PACKAGE / "core" / "config.py", PACKAGE / "core" / "channels.py")
_NAMES = (CHECKOUT / "dbt_project" / "models" / "staging", PACKAGE / "destinations")


@dataclass(frozen=True)
class Asked:
    """Where the company is, and which nodes it has."""

    default_region: str | None
    scopes: tuple[str, ...]

    @property
    def tree(self) -> tuple[str, ...]:
        """Every node, the root first."""
        return scope_tree(self.scopes)

    @classmethod
    def of(cls, config: Config) -> Asked:
        """From a configuration that was loaded anyway."""
        return cls(config.company.default_region, config.company.scopes)


def asked(home: Home) -> Asked:
    """As :func:`orchestration.core.config.load_config` would say.

    Raises:
        ConfigError: the file is not valid, or not there.
    """
    text = home.require().config_file.read_bytes()
    note, state = home.warehouse_folder / _NOTE, _state(text)
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["state"] == state:
            return Asked(kept["default_region"], tuple(kept["scopes"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no note, or one that a crash or a person spoilt
    from orchestration.core.config import parse_config

    found = Asked.of(parse_config(text.decode("utf-8"), home.config_file))
    if note.parent.is_dir():
        _keep(note, {"state": state, "default_region": found.default_region, "scopes": found.scopes})
    return found


def _state(text: bytes) -> str:
    digest = hashlib.sha256(text)
    for path in _CODE:
        digest.update(path.read_bytes())
    for folder in _NAMES:
        digest.update("/".join(sorted(path.name for path in folder.iterdir())).encode())
    return digest.hexdigest()


def _keep(note: Path, content: dict[str, object]) -> None:
    from orchestration.core.files import write_atomic

    try:
        write_atomic(note, json.dumps(content))
    except OSError:
        return  # whoever asks may not be allowed to write here: the next question takes as long as this one
