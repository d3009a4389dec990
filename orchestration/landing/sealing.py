"""Encryption of landed files at rest, by the age format (age-encryption.org/v1). What is in the files is not looked at.

A sealed file lies beside where the plain one would: ``landing/<sha256[:2]>/<sha256>.age``, and the name stays the hash of
the *plain* bytes, so the manifest, and all evidence, says the same whether landing is encrypted or not. Plain and sealed
files may lie side by side at any moment: every reader takes what is there, and each collection turns what is not as the
configuration says (:func:`migrate`).

age, and no recipe of ours, because its files outlive this program: ``age -d -i KEY FILE`` gives the bytes back. It
encrypts in authenticated chunks of 64 KiB, so a file of any size needs no memory, and a cut or altered one does not open.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from orchestration.core.config import Config, Encryption, load_config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.files import put_in_place, sha256_file, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home

INCOMING = ".incoming."
"""How an unfinished file in landing begins; the next collection removes it."""
SUFFIX = ".age"
_LANDED = re.compile(r"^[0-9a-f]{64}$")
_SECRET = "AGE-SECRET-KEY-1"  # noqa: S105  how every age identity begins


def sealed_path(plain: Path) -> Path:
    """Where the sealed form of a landed file lies."""
    return plain.with_name(plain.name + SUFFIX)


def is_landed(plain: Path) -> bool:
    """Whether the file is there in either form."""
    return plain.is_file() or sealed_path(plain).is_file()


def place(home: Home, config: Config, temporary: Path, target: Path) -> None:
    """Move a whole, durable file to ``target`` in landing, sealed if the configuration says so; never half of it."""
    sealed = sealed_path(target)
    if config.encryption.landing:
        _write(home, temporary, sealed, _library().encrypt_io, [_identities(home, config.encryption)[0].to_public()])
        other = target
    else:
        put_in_place(temporary, target)
        other = sealed
    other.unlink(missing_ok=True)


@contextmanager
def opened(home: Home, plain: Path) -> Iterator[Path]:
    """The plain bytes of a landed file as a file; what had to be decrypted for it is gone when the block ends.

    Raises:
        FileNotFoundError: it is there in neither form.
        InputError: no configured key opens it, or it was altered.
        ConfigError: it is sealed, and no key is configured or to be had.
    """
    sealed = sealed_path(plain)
    if plain.is_file() or not sealed.is_file():
        if not plain.is_file():
            raise FileNotFoundError(plain.name)
        yield plain
        return
    parent = home.warehouse_folder / "unpacked"
    parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    # The process id in the name lets archives.clear_unpacked tell what a killed process left from what is being read.
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=parent) as folder:
        target = Path(folder) / "plain"
        with sealed.open("rb") as source, target.open("wb") as stream:
            _decrypt(home, sealed, source, stream)
        yield target


def migrate(home: Home, config: Config) -> int:
    """Turn every landed file that is not in the form the configuration says. Returns how many were turned.

    A file that no longer opens, or no longer is what its name says, is left as it is: it must not take the place of a whole
    one, and whoever reads it is told.

    Raises:
        ConfigError: there are sealed files, or files to seal, and no key.
    """
    turned = 0
    for plain in landed(home):
        sealed = sealed_path(plain)
        if not (plain if config.encryption.landing else sealed).is_file():
            continue
        try:
            with opened(home, plain) as path:
                if sha256_file(path) != plain.name:
                    continue
                if config.encryption.landing:
                    place(home, config, path, plain)
                elif path != plain:
                    _write(home, path, plain, _copy, None)
        except InputError:
            continue
        if not config.encryption.landing:
            sealed.unlink()
        turned += 1
    return turned


def landed(home: Home) -> Iterator[Path]:
    """The plain path of every file in landing, whichever form it is in."""
    for folder in sorted(home.landing.iterdir()) if home.landing.is_dir() else ():
        if folder.is_dir() and len(folder.name) == 2:
            names = {path.name.removesuffix(SUFFIX) for path in folder.iterdir()}
            yield from (folder / name for name in sorted(names) if _LANDED.match(name))


def require_key(home: Home, config: Config) -> None:
    """Nothing, when the configured key is there.

    Raises:
        ConfigError: no key is configured, or it is not to be had.
    """
    _identities(home, config.encryption)


def make_key(path: Path) -> str:
    """Write a new key to a file that is not there yet. Returns the part of it that is no secret.

    Raises:
        ConfigError: the file is there.
    """
    if path.exists():
        raise ConfigError(
            f"Making a key in {path}",
            seen="the file is there",
            allowed="a new file: what an overwritten key has sealed, nobody opens again",
            next_step="name another file; to change the key, put the new one on top of the old one in the same file",
        )
    identity = _library().x25519.Identity.generate()
    public = str(identity.to_public())
    write_atomic(path, f"# Quietlist landing key. Keep a copy apart from the data.\n# public key: {public}\n{identity}\n")
    return public


def _write(home: Home, source: Path, target: Path, convert: Any, argument: Any) -> None:
    """Convert ``source`` into ``target``: a temporary name, fsync, rename, fsync of the folder."""
    handle, name = tempfile.mkstemp(prefix=INCOMING, dir=home.landing)
    temporary = Path(name)
    try:
        with source.open("rb") as reader, os.fdopen(handle, "wb") as writer:
            convert(reader, writer, argument)
        put_in_place(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(reader: IO[bytes], writer: IO[bytes], _: None) -> None:
    while chunk := reader.read(1 << 20):
        writer.write(chunk)


def _decrypt(home: Home, sealed: Path, source: IO[bytes], target: IO[bytes]) -> None:
    library = _library()
    identities = _identities(home, load_config(home).encryption)
    try:
        library.decrypt_io(source, target, identities)
    except (library.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of this machine: a full disk, a failing one
        raise InputError(
            f"Decrypting landed file {sealed.name[:12]}",
            seen="none of the configured keys opens it, or it was altered",
            next_step="add the key it was sealed with, or restore landing from its backup, and run again",
        ) from None


def _identities(home: Home, encryption: Encryption) -> list[Any]:
    """The configured keys, the one in use first."""
    tried = "Reading the key of encrypted landing"
    if encryption.key_env:
        place, text = f"the environment variable {encryption.key_env}", os.environ.get(encryption.key_env, "")
    elif encryption.key_file:
        path = encryption.key_path(home.config_file.parent)
        place, text = f"the file {path}", path.read_text() if path.is_file() else ""
    else:
        raise ConfigError(
            tried,
            seen="landing holds encrypted files, and quietlist.toml names no key",
            next_step="set key_env or key_file in [encryption]; with landing = false the next run decrypts them",
        )
    library = _library()
    words = [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
    try:
        found = [library.x25519.Identity.from_str(word) for word in words if word.startswith(_SECRET)]
    except library.IdentityError:
        found = []
    if not found:
        raise ConfigError(
            tried,
            seen=f"no key in {place}",
            allowed=f"age keys ({_SECRET}...), the one in use first, older ones after it",
            next_step="restore it from its backup, or make one with quietlist key landing FILE before anything is encrypted",
        )
    return found


def _library() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError:
        raise ConfigError(
            "Encrypting landed files", seen="pyrage is not installed", next_step="pip install 'quietlist[encryption]'"
        ) from None
    return pyrage
