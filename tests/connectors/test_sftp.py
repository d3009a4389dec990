"""What is an SFTP server's own: who it is, who logs in, what a growing file looks like there, links and folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from orchestration.connectors.contract import pull_problems
from tests.connectors.conftest import House
from tests.connectors.far import PASSWORD, SftpFar, came, far_of


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpFar]:
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    with far_of("sftp", tmp_path / "far") as server:
        yield server


def test_another_server_is_told_of_and_gets_no_password(house: House, far: SftpFar) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    far.put("a.csv", b"a")
    house.sources = {"far": far.settings(host_keys=[other])}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "shows another key than those of host_keys" in outcome.failure
    assert far.host_key.get_fingerprint() in outcome.failure, "the key that was shown is not named"
    assert far.logins == [], "the password went to a server that nobody knows"
    house.sources = {"far": far.settings(host_keys=[other, far.host_key.export_public_key().decode()])}
    assert house.pull()[0].files == 1, "two keys while one is replaced"


def test_a_private_key_opens_with_and_without_a_passphrase(house: House, far: SftpFar, monkeypatch: pytest.MonkeyPatch) -> None:
    far.put("a.csv", b"a")
    monkeypatch.setenv("FAR_KEY", far.user_key.export_private_key().decode())
    house.sources = {"far": far.settings(password_env=None, key_env="FAR_KEY")}
    assert house.pull()[0].state == "whole" and far.logins == []
    monkeypatch.setenv("FAR_KEY", far.user_key.export_private_key(passphrase="open sesame").decode())
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "no private key in FAR_KEY, or another passphrase" in outcome.failure
    monkeypatch.setenv("FAR_PHRASE", "open sesame")
    house.sources = {"far": far.settings(password_env=None, key_env="FAR_KEY", passphrase_env="FAR_PHRASE")}
    assert house.pull()[0].state == "whole"
    monkeypatch.setenv("FAR_KEY", asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode())
    house.sources = {"far": far.settings(password_env=None, key_env="FAR_KEY")}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "a login that was refused" in outcome.failure


def test_a_file_that_grows_waits_until_it_is_whole(house: House, far: SftpFar) -> None:
    far.put("whole.csv", b"whole")
    far.put("grows.csv", b"first half ")
    house.sources = {"far": far.settings()}
    rest = house.fast.sleep

    def sleep(seconds: float) -> None:
        with (far.folder / "grows.csv").open("ab") as stream:
            stream.write(b"and more ")
        rest(seconds)

    house.fast.sleep = sleep  # type: ignore[method-assign]
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, outcome.attention) == ("whole", 1, "1 file there is still being written.")
    assert set(came(house.home)) == {("whole.csv", b"whole")}
    house.fast.sleep = rest  # type: ignore[method-assign]
    assert house.pull()[0].files == 1
    assert ("grows.csv", b"first half and more ") in came(house.home)


def test_a_file_that_is_replaced_while_it_is_read_waits(house: House, far: SftpFar, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.connectors import sftp

    far.put("a.csv", b"x" * 100)
    house.sources = {"far": far.settings()}
    plain, once = sftp._Server.read, []

    def read(self: Any, file: Any) -> Iterator[bytes]:
        for chunk in plain(self, file):
            if not once:
                once.append(1)
                (far.folder / "new").write_bytes(b"y" * 100)
                os.utime(far.folder / "new", (1, 1))
                (far.folder / "new").replace(far.folder / "a.csv")
            yield chunk

    monkeypatch.setattr(sftp._Server, "read", read)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 0), "the bytes of one version under the name of another"
    house.pull()
    assert set(came(house.home)) == {("a.csv", b"y" * 100)}


def test_links_and_closed_folders_are_told_and_not_followed(house: House, far: SftpFar, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    far.put("a.csv", b"a")
    far.put("closed/b.csv", b"b")
    (far.folder / "link.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(far.folder / "pipe.csv")
    far.denied.add("closed")
    house.sources = {"far": far.settings(files=["*.csv"])}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and outcome.files == 1
    assert "1 folder may not be opened; 1 symbolic link, which is not followed; 1 entry that is no file" in outcome.failure
    assert set(came(house.home)) == {("a.csv", b"a")}


def test_names_that_are_no_text_come_too(house: House, far: SftpFar) -> None:
    (far.folder / os.fsdecode(b"caf\xe9.csv")).write_bytes(b"latin")
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert [content for _, content in came(house.home)] == [b"latin"]


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("a wrong password", {"FAR_PASS": "of another"}, "a login that was refused"),
        ("no password", {"FAR_PASS": ""}, "FAR_PASS is not set"),
        ("no server", {"port": 9}, "no whole answer"),
        ("no such folder", {"folder": "nowhere"}, "no such folder, or none that may be read"),
    ],
)
def test_what_stands_in_the_way_is_named(
    house: House, far: SftpFar, monkeypatch: pytest.MonkeyPatch, case: str, change: dict[str, Any], said: str
) -> None:
    far.put("a.csv", b"a")
    if "FAR_PASS" in change:
        monkeypatch.setenv("FAR_PASS", change.pop("FAR_PASS"))
    house.sources = {"far": far.settings(**change)}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome.failure}"
    assert PASSWORD not in outcome.failure and "of another" not in outcome.failure, case


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("no key of the server", {"host_keys": []}, "pull.host_keys: "),
        ("host keys as known_hosts has them", {"host_keys": ["host ssh-ed25519 AAAA"]}, "without the host before it"),
        ("letters that are no key", {"host_keys": ["ssh-ed25519 AAAA"]}, "without the host before it"),
        ("nobody logs in", {"password_env": None}, "needs exactly one of password_env and key_env"),
        ("two ways to log in", {"key_env": "FAR_KEY"}, "needs exactly one of password_env and key_env"),
        ("a passphrase of nothing", {"passphrase_env": "FAR_PHRASE"}, "no use without key_env"),
        ("a password in the file", {"password": "swordfish"}, None),
        ("an unknown key", {"fodler": "in"}, "did you mean folder?"),
    ],
)
def test_what_is_configured_wrongly_is_told(
    house: House, far: SftpFar, case: str, change: dict[str, Any], said: str | None
) -> None:
    house.sources = {"far": far.settings(**change)}
    if said is None:
        with pytest.raises(ValueError, match="use password_env with a variable's name"):
            _ = house.config
        return
    problems = pull_problems(house.config)
    assert len(problems) == 1 and said in problems[0], f"{case}: {problems}"


def test_without_the_package_the_configuration_says_what_to_install(
    house: House, far: SftpFar, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.remote import sftp

    monkeypatch.setattr(sftp.importlib.util, "find_spec", lambda name: None)
    house.sources = {"far": far.settings()}
    assert pull_problems(house.config) == [
        "sources.far.pull.kind: sftp needs a package that is not installed: pip install 'quietlist[sftp]'"
    ]
