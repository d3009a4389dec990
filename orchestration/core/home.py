"""The home folder: where everything of one installation lives, and nothing about what is in the files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from orchestration.core.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[1]
# The folder that holds dbt_project/ and expectations/: the wheel packs them into the package, a checkout has them beside it.
_PACKED = PACKAGE / "packed"
CHECKOUT = _PACKED if _PACKED.is_dir() else PACKAGE.parent
CONFIG_NAME = "quietlist.toml"
# Owner only: the list of people who want to be left alone is itself private (promise 9).
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_UMASK = 0o077


def keep_private() -> None:
    """Whatever this process makes from here on, by whichever library, only its owner may open."""
    os.umask(_UMASK)


@dataclass(frozen=True)
class Home:
    """Paths of one home. ``root`` is absolute; nothing is created until :meth:`create`."""

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None = None) -> Home:
        """The home given, else ``QUIETLIST_HOME``, else ``data/home`` in the checkout, and the current folder without one."""
        chosen = path or os.environ.get("QUIETLIST_HOME") or (Path.cwd() if _PACKED.is_dir() else CHECKOUT / "data" / "home")
        return cls(Path(chosen).expanduser().resolve())

    @property
    def config_file(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def key_file(self) -> Path:
        return self.root / "home.key"

    @property
    def id_file(self) -> Path:
        """What tells this home from another one; see ``core/home_id``."""
        return self.root / "home.id"

    @property
    def chain_file(self) -> Path:
        """Append-only JSON lines, one per piece of evidence, each holding the hash of the line before."""
        return self.root / "chain.jsonl"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def pulls(self) -> Path:
        """How far each source was pulled, one JSON file each. Outside the warehouse, which can be made again: without it every
        history is pulled again."""
        return self.root / "pulls"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def manifest_file(self) -> Path:
        """Append-only JSON lines, one per delivered file, each holding the hash of the line before."""
        return self.landing / "manifest.jsonl"

    @property
    def warehouse_folder(self) -> Path:
        return self.root / "warehouse"

    @property
    def warehouse_file(self) -> Path:
        """The name is part of the dbt manifest (DuckDB names a catalogue after its file): never rename it."""
        return self.warehouse_folder / "warehouse.duckdb"

    @property
    def spill_folder(self) -> Path:
        return self.warehouse_folder / "spill"

    @property
    def registries_folder(self) -> Path:
        """What each landed registry file says, as sorted Parquet; made again from landing when it is gone."""
        return self.warehouse_folder / "registries"

    @property
    def gate_folder(self) -> Path:
        """Gate verdicts, one JSON file per judged table and row hash."""
        return self.warehouse_folder / "gate"

    @property
    def alerts_file(self) -> Path:
        """When which finding was told by which channel."""
        return self.warehouse_folder / "alerts.json"

    @property
    def dagster_folder(self) -> Path:
        return self.warehouse_folder / "dagster"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def golden_published(self) -> Path:
        return self.published / "golden_suppression"

    @property
    def evidence_published(self) -> Path:
        """What the last run left of the evidence, for whoever asks while the next one goes on."""
        return self.published / "evidence"

    @property
    def matters_folder(self) -> Path:
        """Journals of what needs a person and of reviews. Outside the warehouse, which can be made again."""
        return self.root / "matters"

    @property
    def erasures_folder(self) -> Path:
        """The journal of erasures, and what an erasure that is not done yet needs."""
        return self.root / "erasures"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def sync_ledger_file(self) -> Path:
        """What was sent to and verified at each destination. Its own file: it must outlive the warehouse."""
        return self.outbox / "sync_ledger.duckdb"

    @property
    def scrub(self) -> Path:
        return self.root / "scrub"

    @property
    def registries_published(self) -> Path:
        """A folder of numbered versions per registry; ``<registry>/latest.json`` names the one in force."""
        return self.published / "registries"

    @property
    def scrub_inbox(self) -> Path:
        """Campaign files that wait for Dagster to scrub them."""
        return self.scrub / "inbox"

    @property
    def scrub_out(self) -> Path:
        return self.scrub / "out"

    def create(self) -> Home:
        """Make the folders, readable by their owner only. An existing folder keeps its permissions."""
        for folder in (
            self.root,
            self.inbox,
            self.landing,
            self.warehouse_folder,
            self.spill_folder,
            self.gate_folder,
            self.dagster_folder,
            self.published,
            self.golden_published,
            self.reports,
            self.quarantine,
            self.outbox,
            self.scrub,
            self.scrub_inbox,
            self.scrub_out,
        ):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return self

    def require(self) -> Home:
        """This home, or a clear error when it holds no ``quietlist.toml``."""
        if not self.config_file.is_file():
            raise ConfigError(
                f"Opening the home {self.root}",
                seen=f"no {CONFIG_NAME} in it",
                allowed=f"a folder that holds a {CONFIG_NAME} (data/samples/{CONFIG_NAME} is an example)",
                next_step="create the file, or name another home with --home or QUIETLIST_HOME",
            )
        return self
