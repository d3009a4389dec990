"""Files in a folder: for a mail house, an SFTP gateway, anything that takes CSV.

Each time something changes a *drop* appears: the full list, the change (``adds`` or ``releases``), a ``.sha256`` beside
each, and last of all the control file, whose presence says that the drop is complete. Everything is written under a
``.part`` name, made durable and renamed; a drop is never written over, its number grows.

The latest complete drop is the state that is read back, from disk, by its hashes and its rows, so leave it there: take
copies. A drop that was touched counts as gone, and everything is dropped again.

Two things about the text. It is guarded for people who open it in a spreadsheet: a value that a spreadsheet would run as a
formula (it starts with ``= + - @``, a tab or a line break), or that starts with ``'``, gets a ``'`` in front; a machine takes
one leading ``'`` off (a Parquet file has no such guard). Telephone numbers in E.164 (``+15555550100``) are left as they are: a
spreadsheet reads them as a number, and every dialer needs the plus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestration.core.config import CHANNELS
from orchestration.core.errors import PermanentError
from orchestration.core.files import keep_file, sync_folder, write_atomic
from orchestration.destinations.contract import IDENTIFIER_TYPES, Facts, Place, ReadBack
from orchestration.destinations.drops import UNFINISHED, Drop, DropSettings

FACTS = Facts(
    system="file_drop",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.FULL,
    batch_size=None,  # one drop tells of all changes of a push: a mail house counts files
)


class Settings(DropSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    folder: str = ""
    """Where the drops go; relative to the home. Default: ``outbox/<name>/drop``."""

    def paths(self, place: Place) -> list[tuple[str, Path]]:
        folder = Path(self.folder or f"outbox/{place.name}/drop").expanduser()
        return [("folder", (place.home.root / folder).resolve())]


def connect(place: Place, settings: Settings) -> FileDrop:
    """The destination for one configured folder."""
    return FileDrop(place, settings.paths(place)[0][1], settings)


class FileDrop(Drop):
    """Drops in a folder of this machine."""

    def __init__(self, place: Place, folder: Path, settings: DropSettings) -> None:
        super().__init__(FACTS, place, _Folder(folder), settings)
        self.folder = folder


class _Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.where, self.disk = str(folder), folder

    def open(self) -> None: ...

    def close(self) -> None: ...

    def names(self) -> Iterator[str]:
        if self.disk.is_dir():
            yield from (path.name for path in self.disk.iterdir())

    def fetch(self, name: str) -> Path | None:
        path = self.disk / name
        return path if path.is_file() else None

    def draft(self, name: str) -> Path:
        if (self.disk / name).exists():
            raise PermanentError(
                f"Writing {name}", seen="it exists", allowed="new names only", next_step="see who else writes there"
            )
        return self.disk / f"{name}{UNFINISHED}"

    def keep(self, name: str, draft: Path) -> None:
        keep_file(draft)
        draft.rename(self.disk / name)
        sync_folder(self.disk)

    def keep_text(self, name: str, text: str) -> None:
        write_atomic(self.disk / name, text)

    def discard(self, name: str) -> None:
        if (self.disk / name).is_file():
            (self.disk / name).unlink()
