"""What a run needs is asked for before it starts, all at once; what the operating system refuses is a sentence, and no fault."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.audit import preflight
from orchestration.audit.preflight import require_ready
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, OutOfRoom, PermanentError, QuietlistError, kind_of, of_system, redacted_errors
from orchestration.core.home import Home

CONFIG = """
[company]
name = "Acme"

[sources.asks]
format = "requests"

[destinations.crm]
system = "sql_table"
channels = ["email"]
url_env = "CANARY_CRM_URL"

[destinations.old]
system = "sql_table"
channels = ["email"]
url_env = "CANARY_OLD_URL"
dry_run = true

[destinations.mail_house]
system = "file_drop"
channels = ["email"]
folder = "drops/mail"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    monkeypatch.setenv("CANARY_CRM_URL", "sqlite:///list.db")
    return home


def told(home: Home, *, pushes: bool = True) -> str:
    with pytest.raises(ConfigError, match="nothing was started") as caught:
        require_ready(home, load_config(home), pushes=pushes)
    return str(caught.value)


def test_a_home_that_is_ready_passes_within_a_second(home: Home) -> None:
    require_ready(home, load_config(home), pushes=True)  # imports what the destinations need, once
    config, started = load_config(home), time.process_time()
    require_ready(home, config, pushes=True)
    assert time.process_time() - started < 1


def test_everything_that_is_missing_is_told_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANARY_CRM_URL")
    (home.root / "drops").write_text("a file where a folder should be")
    (home.inbox / "asks").symlink_to(home.root / "nowhere")
    home.warehouse_file.mkdir()
    monkeypatch.setattr(preflight, "_LEAST_FREE", 1 << 62)
    monkeypatch.setattr(preflight, "lost_time_zones", lambda config: ["Mars/Olympus"])
    said = told(home)
    for part in (
        "destinations.crm.url_env: the environment variable CANARY_CRM_URL is not set",
        f"destinations.mail_house.folder: {home.root / 'drops'} is no folder",
        f"{home.inbox / 'asks'} is no folder",
        f"{home.warehouse_file} is no file",
        "the disk of",
        "Mars/Olympus",
    ):
        assert part in said, (part, said)
    assert "CANARY_OLD_URL" not in said, "a dry run sends nothing and needs no secret"
    assert "CANARY_CRM_URL" not in told(home, pushes=False), "a job that pushes nothing needs no secret"


def test_a_url_that_is_none_is_told_and_not_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_CRM_URL", "hunter2 is my password")
    said = told(home)
    assert "holds no URL" in said and "hunter2" not in said


def test_what_dagsters_records_in_postgresql_need_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config_file.write_text(CONFIG + '[dagster]\nstorage_url_env = "CANARY_RECORDS"\n')
    assert "dagster.storage_url_env: the environment variable CANARY_RECORDS is not set" in told(home, pushes=False)
    monkeypatch.setenv("CANARY_RECORDS", "mysql://hunter2@host/db")
    said = told(home, pushes=False)
    assert "dagster.storage_url_env" in said and "postgresql://user@host/database" in said and "hunter2" not in said
    monkeypatch.setenv("CANARY_RECORDS", "postgresql://hunter2@host/db")
    require_ready(home, load_config(home), pushes=False)
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    assert "install quietlist[server]" in told(home, pushes=False)


def test_a_folder_of_another_user_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, who may write everywhere.
    access = preflight.os.access
    monkeypatch.setattr(preflight.os, "access", lambda path, mode: Path(path) != home.landing and access(path, mode))
    assert f"{home.landing} may not be read and written by this user" in told(home)


SYSTEM = [
    (errno.EACCES, "/srv/quietlist/landing", ConfigError, 2, "the right to it"),
    (errno.EPERM, "/srv/quietlist/landing", ConfigError, 2, "its owner"),
    (errno.EROFS, "/srv/quietlist/landing", ConfigError, 2, "mount it for writing"),
    (errno.ENOTDIR, "/srv/quietlist/landing", ConfigError, 2, "put a folder"),
    (errno.EEXIST, "/srv/quietlist/landing", ConfigError, 2, "move away"),
    (errno.ENOSPC, "/srv/quietlist/landing", OutOfRoom, 3, "make room"),
    (errno.EDQUOT, None, OutOfRoom, 3, "make room"),
    (errno.EIO, "/srv/quietlist/landing", PermanentError, 3, "have the disk checked"),
]


@pytest.mark.parametrize(("number", "place", "kind", "code", "words"), SYSTEM, ids=[errno.errorcode[row[0]] for row in SYSTEM])
def test_what_the_system_refuses_is_a_sentence_with_a_next_step(
    number: int, place: str | None, kind: type[QuietlistError], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OSError(number, "what the system says", place)
    told_ = of_system(error)
    assert type(told_) is kind and told_.exit_code == code and words in str(told_)
    with pytest.raises(kind), redacted_errors("Doing something"):
        raise error

    def refuse(path: str | None) -> Home:
        raise error

    monkeypatch.setattr(cli.Home, "at", refuse)
    result = CliRunner().invoke(cli.main, ["doctor"])
    assert result.exit_code == code and words in result.output, result.output
    assert "a bug in Quietlist" not in result.output and "Traceback" not in result.output


def test_a_file_that_somebody_named_is_told_by_its_folder() -> None:
    named = of_system(OSError(errno.EACCES, "Permission denied", "/srv/inbox/asks/Ada Moss +1 202 555 0101.csv"))
    assert named is not None and "/srv/inbox/asks" in str(named) and "Moss" not in str(named) and "0101" not in str(named)


def test_no_message_names_a_class_of_python() -> None:
    cases = (
        ("KeyError", "key error"),
        ("ConversionException", "conversion error"),
        ("OSError", "OS error"),
        ("IOException", "IO error"),
    )
    assert [kind_of(name) for name, _ in cases] == [words for _, words in cases]
    with pytest.raises(PermanentError, match=r"key error in test_preflight\.py line"), redacted_errors("Doing something"):
        raise KeyError("Ada Moss")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[company]\nname = "A"\nscops = []\n',
            "company.scops: unknown key; allowed: at_risk_hours, default_region, live_since, max_leaving, ",
        ),
        ('[company]\nname = "A"\n[limits]\nmemry = "4GB"\n', "did you mean memory?"),
        (
            '[company]\nname = "A"\n[limit]\n',
            "limit: unknown key; allowed: alerts, canaries, company, dagster, destinations, encryption, ",
        ),
        ('[company]\nname = "A"\n[sources.x]\nformat = "requests"\ntimzone = "UTC"\n', "did you mean timezone?"),
    ],
)
def test_an_unknown_key_is_told_with_those_that_are_known_and_the_nearest(home: Home, text: str, said: str) -> None:
    home.config_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(home)
    assert said in str(caught.value)


def test_an_unknown_key_of_a_destination_is_told_with_those_of_its_system(home: Home) -> None:
    home.config_file.write_text(CONFIG + 'columms = ["channel"]\n')
    said = told(home)
    assert "destinations.mail_house.columms: unknown key; allowed: " in said and "did you mean columns?" in said, said
