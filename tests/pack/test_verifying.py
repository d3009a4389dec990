"""Proving a pack: whatever is changed in it, the file is named, by the command's code and by the script that needs only
Python."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestration.core.home import CHECKOUT, Home
from orchestration.core.signing import PACKS, public_key, sign
from orchestration.pack.making import Made
from orchestration.pack.manifest import manifest_bytes, names_below, signature_bytes, write_archive
from orchestration.pack.verifying import verify_pack
from tests.seed import SEED


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_pack", CHECKOUT / "docs" / "verify_pack.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()


def files_named(said: list[str] | tuple[str, ...]) -> set[str]:
    """The file that each difference names."""
    return {line.partition(":")[0] for line in said}


def test_a_pack_that_nobody_touched_is_proven(written: Made) -> None:
    for path in (written.folder, written.archive):
        proof = verify_pack(path, written.key)
        assert proof.proven and proof.files == len(names_below(written.folder)), proof.differences
    assert SCRIPT.differences(written.folder, written.key) == []


def test_any_byte_changed_is_named(pack: Path) -> None:
    chance = random.Random(SEED)
    names = names_below(pack)
    assert len(names) > 45
    for name in names:
        whole = (pack / name).read_bytes()
        # The signature's line and the manifest are what all else hangs on: each of their bytes, not some.
        places = range(len(whole)) if name == "manifest.sig" else chance.sample(range(len(whole)), min(3, len(whole)))
        for place in places:
            changed = bytearray(whole)
            changed[place] ^= 1 << chance.randrange(8)
            (pack / name).write_bytes(changed)
            case = f"byte {place} of {name}, seed {SEED}"
            expected = {"manifest.json"} if name == "manifest.sig" else {name}
            found = files_named(verify_pack(pack).differences)
            assert found and found <= expected | {"manifest.sig"}, case
            assert name != "manifest.json" or "manifest.json" in found, case
        by_script = files_named(SCRIPT.differences(pack))
        assert by_script and by_script <= {name, "manifest.json"}, name
        (pack / name).write_bytes(whole)
    assert verify_pack(pack).proven, "all is as it was"


@pytest.mark.parametrize(
    ("case", "change", "named"),
    [
        ("a file is gone", lambda pack: (pack / "tables" / "clocks.csv").unlink(), "tables/clocks.csv"),
        ("a file is added", lambda pack: (pack / "tables" / "more.csv").write_text("a"), "tables/more.csv"),
        ("a hidden file is added", lambda pack: (pack / ".note").write_text("a"), ".note"),
        ("a file is longer", lambda pack: (pack / "chain.jsonl").open("ab").write(b"\n"), "chain.jsonl"),
        ("a file is empty", lambda pack: (pack / "index.html").write_bytes(b""), "index.html"),
        ("the manifest is gone", lambda pack: (pack / "manifest.json").unlink(), "manifest.json"),
        ("the signature is gone", lambda pack: (pack / "manifest.sig").unlink(), "manifest.sig"),
        ("the signature is no line", lambda pack: (pack / "manifest.sig").write_text("ed25519 a b\n"), "manifest.sig"),
    ],
)  # fmt: skip
def test_what_is_missing_or_added_is_named(pack: Path, case: str, change: Callable[[Path], object], named: str) -> None:
    change(pack)
    assert files_named(verify_pack(pack).differences) == {named}, case
    assert files_named(SCRIPT.differences(pack)) == {named}, case


def test_a_link_in_the_place_of_a_file_is_named(pack: Path, tmp_path: Path) -> None:
    (pack / "index.html").rename(tmp_path / "elsewhere.html")
    (pack / "index.html").symlink_to(tmp_path / "elsewhere.html")
    assert verify_pack(pack).differences == ("index.html: is a link to somewhere else",), "its bytes are the same today"


MANIFEST_CHANGES: dict[str, Callable[[dict], object]] = {
    "a file is left out": lambda statement: statement["files"].pop(),
    "another hash": lambda statement: statement["files"][0].update(sha256="0" * 64),
    "another size": lambda statement: statement["files"][0].update(bytes=1),
    "another period": lambda statement: statement["pack"].update(period="all of it"),
    "made for somebody else": lambda statement: statement["pack"].update(made_for="Eve"),
    "said to be masked": lambda statement: statement["pack"].update(revealed=None),
    "another head": lambda statement: statement["chain"].update(head="0" * 64),
    "a chain that need not hold": lambda statement: statement["chain"].update(whole=False),
    "another kind": lambda statement: statement.update(kind="certificate"),
    "another key named": lambda statement: statement["pack"].update(public_key="0" * 64),
    "nothing but a blank": lambda statement: None,
}


@pytest.mark.parametrize("case", MANIFEST_CHANGES)
def test_a_manifest_that_says_something_else_is_named(pack: Path, written: Made, case: str) -> None:
    statement = json.loads((pack / "manifest.json").read_bytes())
    MANIFEST_CHANGES[case](statement)
    data = manifest_bytes(statement) + (b"\n" if case == "nothing but a blank" else b"")
    (pack / "manifest.json").write_bytes(data)
    assert files_named(verify_pack(pack).differences) == {"manifest.json"}, case
    assert files_named(SCRIPT.differences(pack)) == {"manifest.json"}, case
    # Somebody signs it with a key of their own: the key that was handed over shows that.
    other = Ed25519PrivateKey.generate()
    key = other.public_key().public_bytes_raw().hex()
    (pack / "manifest.sig").write_bytes(signature_bytes(key, other.sign(data)))
    assert files_named(verify_pack(pack, written.key).differences) == {"manifest.sig"}, case
    assert files_named(SCRIPT.differences(pack, written.key)) == {"manifest.sig"}, case
    assert verify_pack(pack).key == key, "without a key to compare, it says whose it is"


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("the end is cut off", lambda lines: lines[:-1]),
        ("a line is left out", lambda lines: [*lines[:2], *lines[3:]]),
        ("two lines change places", lambda lines: [lines[1], lines[0], *lines[2:]]),
        ("a line is no JSON", lambda lines: [b"hello\n", *lines[1:]]),
    ],
)
def test_a_chain_that_does_not_hold_is_named_even_when_the_issuer_signed_it(
    written: Made, pack: Path, case: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = change((pack / "chain.jsonl").read_bytes().splitlines(keepends=True))
    (pack / "chain.jsonl").write_bytes(b"".join(lines))
    resign(written, pack)
    assert files_named(verify_pack(pack, written.key).differences) >= {"chain.jsonl"}, case
    assert files_named(SCRIPT.differences(pack, written.key)) == {"chain.jsonl"}, case


def test_a_receipt_or_version_that_is_not_on_the_chain_is_named_even_when_the_issuer_signed_it(written: Made, pack: Path) -> None:
    receipt = next((pack / "receipts").rglob("*.json"))
    receipt.write_bytes(receipt.read_bytes().replace(b'"seq":1', b'"seq":9'))
    versions = pack / "tables" / "versions.csv"
    digest = versions.read_text().splitlines()[1].split(",")[4]
    versions.write_text(versions.read_text().replace(digest, "0" * 64))
    resign(written, pack)
    assert files_named(verify_pack(pack, written.key).differences) == {
        receipt.relative_to(pack).as_posix(),
        "tables/versions.csv",
    }


def resign(written: Made, pack: Path) -> None:
    """As only the issuer could: a manifest of the files as they are now."""
    import hashlib

    home = Home.at(written.folder.parent / "home")
    statement = json.loads((pack / "manifest.json").read_bytes())
    for entry in statement["files"]:
        content = (pack / entry["name"]).read_bytes()
        entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    data = manifest_bytes(statement)
    (pack / "manifest.json").write_bytes(data)
    (pack / "manifest.sig").write_bytes(signature_bytes(public_key(home, PACKS), sign(home, PACKS, data)))


def test_any_byte_of_the_archive_changed_is_a_difference(written: Made, tmp_path: Path) -> None:
    whole = written.archive.read_bytes()
    copy = tmp_path / "pack.zip"
    chance = random.Random(SEED)
    end = len(whole) - zipfile_directory(written.archive)
    places = [*chance.sample(range(len(whole)), 40), *chance.sample(range(len(whole) - end, len(whole)), 40), 0, len(whole) - 1]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        copy.write_bytes(changed)
        proof = verify_pack(copy)
        assert not proof.proven, f"byte {place} of the archive, seed {SEED}"
        known = {*names_below(written.folder), "pack.zip"}
        assert files_named(proof.differences) & known, f"byte {place} of the archive, seed {SEED}"
    copy.write_bytes(whole + b"more")
    assert not verify_pack(copy).proven
    copy.write_bytes(b"before" + whole)
    assert not verify_pack(copy).proven


def zipfile_directory(path: Path) -> int:
    """Where the archive's own directory begins."""
    with zipfile.ZipFile(path) as archive:
        return archive.start_dir


def test_a_pack_that_was_packed_again_says_to_verify_the_folder(pack: Path, tmp_path: Path) -> None:
    again = Path(shutil.make_archive(str(tmp_path / "again"), "zip", pack))
    (said,) = (
        verify_pack(again).differences
        if "tables/" not in zipfile.ZipFile(again).namelist()
        else verify_pack(again).differences[-1:]
    )
    assert said.startswith(("again.zip: every file in it is as signed", "tables/: was added"))
    with (tmp_path / "once_more.zip").open("wb") as stream:
        write_archive(stream, ((name, partial((pack / name).open, "rb")) for name in names_below(pack)))
    assert verify_pack(tmp_path / "once_more.zip").proven, "the same files are the same archive"


# RFC 8032, section 7.1: secret key is not needed; public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_script_checks_signatures_as_rfc_8032_says(key: str, message: str, signature: str) -> None:
    public, text, signed = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert SCRIPT.is_signed(text, signed, public)
    assert not SCRIPT.is_signed(text + b"x", signed, public)
    for place in range(64):
        assert not SCRIPT.is_signed(text, signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :], public), place
    # The same signature with the order of the group added to s, which RFC 8032 refuses.
    more = int.from_bytes(signed[32:], "little") + SCRIPT.Q
    assert not SCRIPT.is_signed(text, signed[:32] + more.to_bytes(32, "little"), public)


def test_the_script_agrees_with_the_library() -> None:
    chance = random.Random(SEED)
    for number in range(10):
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public, text = private.public_key().public_bytes_raw(), chance.randbytes(number * 7)
        assert SCRIPT.is_signed(text, private.sign(text), public), f"message {number}, seed {SEED}"
        assert not SCRIPT.is_signed(text, private.sign(text + b"!"), public), f"message {number}, seed {SEED}"
