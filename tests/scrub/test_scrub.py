"""The scrub's promises case by case: everything adds up, nothing is left behind, in doubt nobody is allowed."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks.published import publish_golden, publish_registry
from orchestration.cli import main
from orchestration.core.canaries import canaries_of
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, InputError, PermanentError
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.key import create_hmac_function, home_key
from orchestration.identifiers import email_address, phone
from orchestration.identifiers.blank import BLANK, blank_sql, is_blank
from orchestration.identifiers.email_address import normalise_email
from orchestration.identifiers.phone import normalise_phone
from orchestration.scrub import screening, scrubbing
from orchestration.scrub.inbox import scrub_inbox, waiting
from orchestration.scrub.scrubbing import Request, Scrubbed, scrub
from tests.scrub.worlds import AS_OF, CONFIG

# identifier, channel, scope, except_scopes
GOLDEN = """
select channel, case when channel in ('email', 'postal') then channel else 'phone' end as identifier_type, identifier,
    keyed_hash(identifier) as identifier_hash, scope, except_scopes, 'opt_out' as reason, 'direct' as basis,
    timestamptz '2026-03-01 00:00:00+00' as suppressed_since, 'US-CANSPAM' as rule_id
from (values
    ('email', 'ann@example.com', 'acme/newsletter', []::varchar[]),
    ('email', 'bob.roe+x@gmail.example.com', '*', []),
    ('email', 'carol@example.com', 'acme', ['acme/offers']),
    ('email', 'b.o.b@gmail.com', '*', []),
    ('voice', '+12025550101', '*', []),
    ('ads', '+12025550101', '*', []),
    ('postal', 'ann doe|1 main st|02139|US', '*', [])
) as rows (channel, identifier, scope, except_scopes)
"""


EMAIL = Request(channels=("email",))
VOICE = Request(channels=("voice",))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a published table and two registries. Tests only read it."""
    home = Home.at(tmp_path_factory.mktemp("scrub") / "home").create()
    home.config_file.write_text(CONFIG)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        create_hmac_function(con, home_key(home))
        publish_golden(con, home, GOLDEN, AS_OF - timedelta(hours=2))
        listed = "select unnest([12025550102, 12125550103])::ubigint as number"
        publish_registry(con, home, "us_ftc", listed, AS_OF - timedelta(days=30), ["202", "212"])
        publish_registry(con, home, "au_dncr", "select 61491570156::ubigint as number", AS_OF - timedelta(days=3))
    return home


def run(home: Home, tmp_path: Path, text: str | bytes, request: Request = EMAIL, name: str = "campaign.csv") -> Scrubbed:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return scrub(home, load_config(home), file, request, tmp_path / "out", AS_OF)


def rows(result: Scrubbed, kind: str, delimiter: str = ",") -> list[dict[str, str]]:
    with (result.folder / f"{kind}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def counts(result: Scrubbed) -> dict[str, int]:
    return {output["kind"]: output["records"] for output in result.certificate["outputs"]}


@pytest.mark.parametrize(
    ("case", "scopes", "blocked"),
    [
        ("no scope said: a suppression at any node blocks", (), {"ann", "carol"}),
        ("the list itself", ("acme/newsletter",), {"ann", "carol"}),
        ("a node beside it", ("outlet",), set()),
        ("the excepted node", ("acme/offers",), set()),
        ("above the list", ("acme",), {"carol"}),
        ("two nodes: either blocks", ("outlet", "acme"), {"carol"}),
        ("the whole company", ("*",), set()),
    ],
)
def test_scopes_mean_what_the_contract_says(
    published: Home, tmp_path: Path, case: str, scopes: tuple[str, ...], blocked: set[str]
) -> None:
    text = "who,email\nann,Ann@Example.com\ncarol,carol@example.com\ndan,dan@example.com\n"
    result = run(published, tmp_path, text, Request(channels=("email",), scopes=scopes))
    assert {row["who"] for row in rows(result, "blocked")} == blocked, case


def test_values_the_scrub_does_not_need_are_unchanged_whatever_they_hold(published: Home, tmp_path: Path) -> None:
    strange = [
        "=HYPERLINK(1)",
        'a "quoted" word',
        "two\nlines",
        "semi;colon, comma",
        "  outer spaces  ",
        "00042",
        "NULL",
        "é ß 中",
    ]
    text = "email,note\n" + "".join(
        f'p{n}@example.com,"{value.replace(chr(34), chr(34) * 2)}"\n' for n, value in enumerate(strange)
    )
    assert [row["note"] for row in rows(run(published, tmp_path, text, EMAIL), "allowed")] == strange


@pytest.mark.parametrize(
    ("case", "text", "allowed", "blocked", "unreadable"),
    [
        ("a record with too few fields", "email,a,b\nx@example.com,1,2\ny@example.com,1\nann@example.com,1,2\n", 1, 1, 1),
        ("broken quotation marks", 'email,a\nx@example.com,"1\nann@example.com,2\n', 0, 1, 1),
        ("a blank line and a total", "email,a\nx@example.com,1\n\nann@example.com,2\nTotal: 2,\n", 1, 1, 0),
        ("a header that comes again", "email,a\nx@example.com,1\nemail,a\nann@example.com,2\n", 1, 1, 0),
        ("lines before the header", "Export of March\n\nemail,a\nx@example.com,1\nann@example.com,2\n", 1, 1, 0),
        ("no header at all", "x@example.com,1\nann@example.com,2\n", 1, 1, 0),
        ("one column and no delimiter", "email\nx@example.com\nann@example.com\n", 1, 1, 0),
        ("a header and no record", "email,a\n", 0, 0, 0),
        ("UTF-16 with semicolons", "email;a\nx@example.com;é\nann@example.com;2\n".encode("utf-16"), 1, 1, 0),
        ("cp1252", "email,a\nx@example.com,é\nann@example.com,ü\n".encode("cp1252"), 1, 1, 0),
        ("nothing in the identifying column", "email,a\n,1\n  ,2\nann@example.com,3\n", 0, 1, 2),
        ("words where an address should be", "email,a\nnone@none,1\nn/a,2\nann@example.com,3\nx@example.com,4\n", 1, 1, 2),
    ],
)
def test_every_record_is_in_one_file_whatever_the_export_looks_like(
    published: Home, tmp_path: Path, case: str, text: str | bytes, allowed: int, blocked: int, unreadable: int
) -> None:
    result = run(published, tmp_path, text, EMAIL)
    assert counts(result) == {"allowed": allowed, "blocked": blocked, "unscreened": 0, "unreadable": unreadable}, case
    assert result.certificate["input"]["records"] == allowed + blocked + unreadable, case


def test_a_record_that_cannot_be_split_is_kept_as_it_stood(published: Home, tmp_path: Path) -> None:
    result = run(published, tmp_path, "email,a,b\nx@example.com,1\ny@example.com,1,2\n", EMAIL)
    (row,) = rows(result, "unreadable")
    assert (row["quietlist_record"], row["quietlist_reason"], row["quietlist_text"]) == ("2", "too_few_fields", "x@example.com,1")


@pytest.mark.parametrize(
    ("case", "request_", "number", "kind", "registry"),
    [
        ("listed", VOICE, "(202) 555-0102", "blocked", "us_ftc"),
        ("not listed, area code held", VOICE, "(202) 555-0109", "allowed", None),
        ("area code never taken", Request(channels=("sms",)), "(415) 555-0109", "unscreened", "us_ftc"),
        ("a territory of the country", VOICE, "(787) 555-0109", "unscreened", "us_ftc"),
        ("no copy of its registry held", VOICE, "+44 20 7946 0018", "unscreened", "uk_ctps"),
        ("left out on purpose", Request(channels=("voice",), without=("uk_tps", "uk_ctps")), "+44 20 7946 0018", "allowed", None),
        ("washed: an absent number was not asked about", VOICE, "+61 491 570 157", "unscreened", "au_dncr"),
        ("washed and listed", VOICE, "+61 491 570 156", "blocked", "au_dncr"),
        ("a channel that the registry does not bind", Request(channels=("ads",)), "(415) 555-0109", "allowed", None),
        ("a channel that it does not bind, though listed", Request(channels=("ads",)), "(202) 555-0102", "allowed", None),
        ("a state's list, by the region", Request(channels=("voice",), region="US-TX"), "2025550109", "unscreened", "us_tx"),
    ],
)
def test_registries_bind_by_channel_and_place(
    published: Home, tmp_path: Path, case: str, request_: Request, number: str, kind: str, registry: str | None
) -> None:
    result = run(published, tmp_path, f"id,phone\n1,{number}\n", request_)
    assert counts(result)[kind] == 1, (case, counts(result))
    if registry:
        assert rows(result, kind)[0]["quietlist_registry"] == registry, case


def test_a_listing_left_out_on_purpose_still_blocks_and_the_certificate_says_what_was_left_out(
    published: Home, tmp_path: Path
) -> None:
    result = run(published, tmp_path, "phone\n2025550102\n4155550109\n", Request(channels=("voice",), without=("us_ftc",)))
    assert counts(result) == {"allowed": 1, "blocked": 1, "unscreened": 0, "unreadable": 0}
    assert result.certificate["asked"]["without_registries"] == ["us_ftc"]
    assert any("us_ftc was left out on purpose" in warning for warning in result.certificate["warnings"])


def test_a_column_that_looks_like_numbers_and_is_not_screened_is_named(published: Home, tmp_path: Path) -> None:
    result = run(published, tmp_path, "phone,reached at\n2025550109,2025550101\n", VOICE)
    assert any("Not screened by reached at" in warning for warning in result.certificate["warnings"])
    both = Request(channels=("voice",), columns=("phone", "reached at"))
    named = scrub(published, load_config(published), tmp_path / "campaign.csv", both, tmp_path / "both", AS_OF)
    assert counts(named)["blocked"] == 1


def test_a_registry_too_old_makes_the_certificate_not_valid_and_says_so(published: Home, tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("phone\n2025550109\n")
    config = load_config(published)
    config = config.model_copy(update={"company": config.company.model_copy(update={"target_hours": 999})})
    last_day = scrub(published, config, file, Request(channels=("voice",)), tmp_path / "a", AS_OF + timedelta(hours=20))
    assert last_day.valid and "us_ftc may be at most 31 days old" in last_day.certificate["valid_until_because"]
    late = scrub(published, config, file, Request(channels=("voice",)), tmp_path / "b", AS_OF + timedelta(days=2))
    assert not late.valid and any("TOO OLD: the copy of us_ftc" in warning for warning in late.certificate["warnings"])
    mail = tmp_path / "m.csv"
    mail.write_text("email\nx@example.com\n")
    other = scrub(published, config, mail, EMAIL, tmp_path / "d", AS_OF + timedelta(hours=30))
    warnings = other.certificate["warnings"]
    assert any("unknown rules" in warning for warning in warnings), "a version without rules is told, never passed over"


def test_a_table_older_than_the_companys_promise_makes_it_not_valid(published: Home, tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("email\nx@example.com\n")
    result = scrub(published, load_config(published), file, EMAIL, tmp_path / "out", AS_OF + timedelta(hours=23))
    assert not result.valid and "within 24 hours" in result.certificate["valid_until_because"]


@pytest.mark.parametrize(
    ("case", "digest", "kind"),
    [
        ("an address, hex", hashlib.sha256(b"ann@example.com").hexdigest(), "blocked"),
        ("upper case", hashlib.sha256(b"ann@example.com").hexdigest().upper(), "blocked"),
        ("base64", base64.b64encode(hashlib.sha256(b"ann@example.com").digest()).decode(), "blocked"),
        ("unpadded", base64.urlsafe_b64encode(hashlib.sha256(b"ann@example.com").digest()).decode()[:43], "blocked"),
        ("Gmail without dots, as Google hashes it", hashlib.sha256(b"bob@gmail.com").hexdigest(), "blocked"),
        ("somebody else", hashlib.sha256(b"x@example.com").hexdigest(), "allowed"),
        ("no digest", "abc", "unreadable"),
    ],
)
def test_hashed_addresses_are_scrubbed(published: Home, tmp_path: Path, case: str, digest: str, kind: str) -> None:
    filler = "".join(hashlib.sha256(str(n).encode()).hexdigest() + "\n" for n in range(3))
    result = run(published, tmp_path, f"email_sha256\n{filler}{digest}\n", Request(channels=("email",), hashed="sha256"))
    assert counts(result) == {**dict.fromkeys(counts(result), 0), "allowed": 3, kind: 1 + 3 * (kind == "allowed")}, case


def test_hashed_numbers_match_with_and_without_plus_and_are_never_allowed_where_a_registry_binds(
    published: Home, tmp_path: Path
) -> None:
    digests = [hashlib.sha256(text).hexdigest() for text in (b"+12025550101", b"12025550101", b"+12025550109")]
    text = "phone_hash\n" + "\n".join(digests) + "\n"
    ads = run(published, tmp_path, text, Request(channels=("ads",), hashed="sha256"))
    assert counts(ads) == {"allowed": 1, "blocked": 2, "unscreened": 0, "unreadable": 0}
    voice = scrub(
        published,
        load_config(published),
        tmp_path / "campaign.csv",
        Request(channels=("voice",), hashed="sha256"),
        tmp_path / "voice",
        AS_OF,
    )
    assert counts(voice) == {"allowed": 0, "blocked": 2, "unscreened": 1, "unreadable": 0}


def test_keyed_digests_are_scrubbed(published: Home, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        create_hmac_function(con, home_key(published))
        ((keyed, other),) = con.execute("select keyed_hash('ann@example.com'), keyed_hash('x@example.com')").fetchall()
    result = run(published, tmp_path, f"id,hash\n1,{keyed}\n2,{other}\n", Request(channels=("email",), hashed="keyed"))
    assert counts(result) == {"allowed": 1, "blocked": 1, "unscreened": 0, "unreadable": 0}


def test_postal_addresses_are_scrubbed_in_any_spelling(published: Home, tmp_path: Path) -> None:
    text = (
        'First Name,Last Name,Street,ZIP,Country\nAnn,DOE,"1, Main St.",02139-1234,USA\nJan,Doe,1 Main St,02139,US\n,,,02139,US\n'
    )
    result = run(published, tmp_path, text, Request(channels=("postal",)))
    assert counts(result) == {"allowed": 1, "blocked": 1, "unscreened": 0, "unreadable": 1}


def test_parquet_keeps_its_types(published: Home, tmp_path: Path) -> None:
    table = pa.table({"email": ["ann@example.com", "x@example.com", None], "n": [1, 2, 3], "tags": [["a"], [], None]})
    pq.write_table(table, tmp_path / "campaign.parquet")
    result = scrub(published, load_config(published), tmp_path / "campaign.parquet", EMAIL, tmp_path / "out", AS_OF)
    assert counts(result) == {"allowed": 1, "blocked": 1, "unscreened": 0, "unreadable": 1}
    assert pq.read_table(tmp_path / "out" / "allowed.parquet").to_pylist() == [{"email": "x@example.com", "n": 2, "tags": []}]


@pytest.mark.parametrize(
    ("case", "text", "request_", "said"),
    [
        ("no column that identifies anybody", "a,b\n1,2\n", Request(), "no column for any channel"),
        ("no column for the channel", "email\nx@example.com\n", VOICE, "no column for voice"),
        ("a column that is not there", "email\nx@example.com\n", Request(columns=("mobile",)), "no column 'mobile'"),
        ("an unknown scope", "email\nx@example.com\n", Request(scopes=("acme/weekly",)), "scope 'acme/weekly' is not one of"),
        ("an unknown registry", "email\nx@example.com\n", Request(without=("us_dnc",)), "registry 'us_dnc' is not one of"),
        ("digests and nobody says how made", f"email\n{'ab' * 32}\n", Request(), "a column of digests"),
        ("nothing in it", "\n\n", Request(), "It holds no record"),
        ("a spreadsheet", b"PK\x03\x04" + b"\0" * 50, Request(), "a spreadsheet or a ZIP file"),
    ],
)
def test_what_cannot_be_scrubbed_is_refused_and_nothing_is_left(
    published: Home, tmp_path: Path, case: str, text: str | bytes, request_: Request, said: str
) -> None:
    with pytest.raises((ConfigError, InputError)) as caught:
        run(published, tmp_path, text, request_)
    assert said in str(caught.value), case
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.csv"], case


def test_a_folder_that_holds_something_is_never_written_to(published: Home, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run(published, tmp_path, "email\nx@example.com\n", EMAIL)
    before = sorted((path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir())
    with pytest.raises(ConfigError, match="holds something already"):
        run(published, tmp_path, "email\ny@example.com\n", EMAIL)
    assert sorted((path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()) == before


def test_the_same_scrub_twice_is_the_same_but_for_nothing(published: Home, tmp_path: Path) -> None:
    text = "email\n" + "".join(f"p{n}@example.com\n" for n in range(3000)) + "ann@example.com\n"
    first = run(published, tmp_path, text, EMAIL)
    second = scrub(published, load_config(published), tmp_path / "campaign.csv", EMAIL, tmp_path / "again", AS_OF)
    assert first.certificate == second.certificate
    with (first.folder / "allowed.csv").open() as stream:
        assert [line.strip() for line in stream] == text.splitlines()[:-1], "the order of the file is kept"


def test_records_that_do_not_add_up_fail_the_scrub(published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_one = scrubbing._write_one
    monkeypatch.setattr(scrubbing, "_write_one", lambda *args: write_one(*args) - (args[2] == "allowed"))
    with pytest.raises(PermanentError, match="1 record in the four files, 2 in the campaign"):
        run(published, tmp_path, "email\nx@example.com\nann@example.com\n", EMAIL)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("victim", ["golden", "numbers", "unsorted"])
def test_published_files_that_do_not_prove_give_no_result(tmp_path: Path, victim: str) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    with duckdb.connect() as con:
        create_hmac_function(con, home_key(home))
        publish_golden(con, home, GOLDEN, AS_OF - timedelta(hours=2))
        numbers = "[12125550103, 12025550102]" if victim == "unsorted" else "[12025550102, 12125550103]"
        publish_registry(con, home, "us_ftc", f"select unnest({numbers})::ubigint", AS_OF, ["202"])
    if victim != "unsorted":
        file = next(home.published.glob("golden*/*/*.parquet" if victim == "golden" else "registries/*/*/numbers.parquet"))
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(bytes(data))
    with pytest.raises((PermanentError, duckdb.Error)):
        run(home, tmp_path, "phone\n2025550109\n", Request(channels=("voice",)))
    assert not (tmp_path / "out").exists()


def test_a_killed_scrub_leaves_nothing_and_the_next_one_clears_up(published: Home, tmp_path: Path) -> None:
    (tmp_path / "campaign.csv").write_text("email\nx@example.com\nann@example.com\n")
    program = (
        "import sys, time; from pathlib import Path; from orchestration.core.home import Home; "
        "from orchestration.core.config import load_config; from orchestration.scrub import scrubbing\n"
        "def stop(*args): print('writing', flush=True); time.sleep(60)\n"
        "scrubbing._require_unchanged = stop\n"
        f"home = Home.at({str(published.root)!r})\n"
        f"scrubbing.scrub(home, load_config(home), Path({str(tmp_path / 'campaign.csv')!r}), "
        f"scrubbing.Request(channels=('email',)), Path({str(tmp_path / 'out')!r}), __import__('datetime').datetime.fromisoformat("
        f"{AS_OF.isoformat()!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    run(published, tmp_path, "email\nx@example.com\nann@example.com\n", EMAIL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["campaign.csv", "out"]


def test_nothing_that_is_told_holds_an_identifier(published: Home, tmp_path: Path) -> None:
    result = run(
        published, tmp_path, "email,phone\nann@example.com,2025550102\nzed@example.com,2025550109\n", name="ann@example.com.csv"
    )
    told = (
        json.dumps(result.as_dict()["certificate"]) + "\n".join(result.lines()) + (result.folder / "certificate.html").read_text()
    )
    assert not [text for text in ("ann@", "zed@", "5550102", "5550109") if text in told]


def invoke(*arguments: object) -> tuple[int, str]:
    outcome = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return outcome.exit_code, outcome.output


def test_the_command_scrubs_and_verifies(published: Home, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("email\nann@example.com\nx@example.com\n")
    common = ("--home", published.root, "--as-of", AS_OF.isoformat())
    code, said = invoke("scrub", tmp_path / "c.csv", "--out", tmp_path / "out", "--channel", "email", *common)
    assert (code, said.splitlines()[0]) == (0, "Scrubbed 2 records: 1 allowed, 1 blocked, 0 unscreened, 0 unreadable.")
    code, said = invoke("scrub", "--channel", "email", tmp_path / "c.csv", "--out", tmp_path / "two", "--json", *common)
    assert code == 0 and json.loads(said)["certificate"]["valid"] is True, "options may come first"
    code, said = invoke("scrub", "verify", tmp_path / "out" / "certificate.json", *common)
    assert code == 0 and "Proven" in said and "Valid" in said
    code, said = invoke("scrub", tmp_path / "c.csv", "--out", tmp_path / "out", *common)
    assert code == 2 and "holds something already" in said
    late = (AS_OF + timedelta(days=3)).isoformat()
    assert invoke("scrub", "verify", tmp_path / "out" / "certificate.json", "--home", published.root, "--as-of", late)[0] == 1


def test_the_inbox_is_scrubbed_once_and_again_after_a_crash(published: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, out = published.scrub_inbox, published.scrub_out
    (inbox / "allowed.csv").write_text("email\nann@example.com\n")
    (inbox / "allowed.csv.toml").write_text('channels = ["email"]\nscopes = ["outlet"]\n')
    (inbox / "bad.csv").write_text("a\n1\n")
    (inbox / "later.csv.part").write_text("email\n")
    old = time.time() - 60
    for path in inbox.iterdir():
        os.utime(path, (old, old))
    config = load_config(published)
    assert [path.name for path in waiting(published, 2).files] == ["allowed.csv", "bad.csv"]

    with monkeypatch.context() as patched:
        patched.setattr("orchestration.scrub.inbox.PRIVATE_FOLDER", None)  # mkdir fails: after the results, before the move
        with pytest.raises(TypeError):
            scrub_inbox(published, config, AS_OF)
    assert (inbox / "allowed.csv").exists() and (out / "allowed.csv" / "certificate.json").exists()
    done = scrub_inbox(published, config, AS_OF)
    assert done.counts() == {
        "files": 1,
        "failed": 1,
        "not_valid": 0,
        "allowed": 1,
        "blocked": 0,
        "unscreened": 0,
        "unreadable": 0,
    }
    with pytest.raises(PermanentError, match=r"bad\.csv"):
        done.raise_failures()
    assert sorted(path.name for path in inbox.iterdir()) == ["bad.csv", "later.csv.part"]
    assert sorted(path.name for path in out.iterdir()) == ["allowed.csv"], "the interrupted results were recognised"
    (inbox / "allowed.csv").write_text("email\ncarol@example.com\n")
    os.utime(inbox / "allowed.csv", (old, old))
    scrub_inbox(published, config, AS_OF)
    assert sorted(path.name for path in out.iterdir()) == ["allowed.csv", "allowed.csv.2"], "no result is written over"


def test_every_reason_code_is_documented_and_no_other() -> None:
    section = (CHECKOUT / "docs" / "scrub.md").read_text(encoding="utf-8").partition("## Reason codes")[2].partition("\n## ")[0]
    blocked, unreadable = (
        {
            code
            for line in table.splitlines()
            if line.startswith("| `")
            for code in re.findall(r"`([a-z0-9_]+)`", line.split("|")[1])
        }
        for table in section.split("of `unreadable`:")
    )
    with (CHECKOUT / "dbt_project" / "seeds" / "policy" / "actions.csv").open(encoding="utf-8") as stream:
        assert blocked == {row["action"] for row in csv.DictReader(stream) if row["priority"]}
    reader = (CHECKOUT / "orchestration" / "readers" / "delimited.py").read_text(encoding="utf-8")
    broken = {*re.findall(r'reject\(number, "(\w+)"', reader), *re.findall(r"set reason = '(\w+)'", reader)}
    broken |= {code for pair in re.findall(r'reason = "(\w+)" if .* else "(\w+)"', reader) for code in pair}
    assert len(broken) >= 7, "the reader's codes are where they were"
    own = {"incomplete_address", "not_a_sha256", "empty"}
    assert unreadable == {*email_address.REASONS, *phone.REASONS, *own, *broken}


@pytest.mark.parametrize("word", sorted({word for word in BLANK if word}))
def test_a_word_for_none_names_nobody(word: str) -> None:
    assert not re.search(r"\d|@", word), "somebody could be behind it"
    for region in (None, "US", "GB", "DE", "JP"):
        assert normalise_phone(word, region).e164 is None, f"{word!r} is a number in {region}"
    assert normalise_email(word).email is None
    for spelled in (word, word.upper(), f" {word}\u00a0\t"):
        assert is_blank(spelled), spelled
        with duckdb.connect() as con:
            assert con.execute(f"select {blank_sql('$text')}", {"text": spelled}).fetchall() == [(True,)], spelled


@pytest.mark.parametrize(
    "text",
    [
        "anonymous",
        "withheld",
        "see notes",
        "same as above",
        "#REF!",
        "+",
        "555-0123",
        "none@none",
        "n/a +1 202 555 0101",
        "nobody",
    ],
)
def test_words_that_somebody_may_be_behind_are_no_empty_cells(text: str) -> None:
    assert not is_blank(text)
    with duckdb.connect() as con:
        assert con.execute(f"select {blank_sql('$text')}", {"text": text}).fetchall() == [(False,)]


def test_times_and_contact_points_know_the_same_words_for_none() -> None:
    macro = (CHECKOUT / "dbt_project" / "macros" / "times.sql").read_text(encoding="utf-8")
    words = re.findall(r"'([^']*)'", re.search(r"_text in \(([^)]*)\)", macro)[1])
    assert len(words) > 5 and set(words) <= set(BLANK)


@pytest.mark.parametrize(
    ("case", "line", "expected"),
    [
        ("an address, and no number", "new@example.com,N/A", "allowed"),
        ("neither", "-,n/a", "unreadable"),
        ("a suppressed address beside a word", "ann@example.com,none", "blocked"),
        ("a suppressed number beside a word", "null,(202) 555-0101", "blocked"),
        ("a word that is none of them", "new@example.com,anonymous", "unreadable"),
    ],
)
def test_a_word_for_none_is_an_empty_cell(published: Home, tmp_path: Path, case: str, line: str, expected: str) -> None:
    text = f"email,phone\n{line}\nother@example.com,(212) 555-0144\n"
    result = run(published, tmp_path, text, Request(channels=("email", "voice"), without=("us_ftc",)))
    assert counts(result)[expected] == 1 + (expected == "allowed"), case
    if expected == "unreadable" and line.startswith("-"):
        assert rows(result, "unreadable")[0]["quietlist_reason"] == "empty"


def test_a_surname_that_is_a_word_for_none_still_blocks(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        create_hmac_function(con, home_key(home))
        publish_golden(con, home, GOLDEN.replace("ann doe|1 main st", "ann null|1 main st"), AS_OF - timedelta(hours=2))
    text = "First Name,Last Name,Street,ZIP\nAnn,Null,1 Main St,02139\n"
    assert counts(run(home, tmp_path, text, Request(channels=("postal",))))["blocked"] == 1


def test_a_blocked_record_gives_all_its_reasons(published: Home, tmp_path: Path) -> None:
    text = "email,mobile,landline\ncarol@example.com,(202) 555-0101,202-555-0102\nann@example.com,,\n"
    first, second = rows(run(published, tmp_path, text, Request(channels=("email", "voice"))), "blocked")
    assert first["quietlist_channel"] == "email", "what decides stands in the columns of its own"
    assert first["quietlist_all_reasons"].split("; ") == [
        "email opt_out at acme (direct, US-CANSPAM) in email",
        "voice opt_out at * (direct, US-CANSPAM) in mobile",
        "voice registry us_ftc 2026-03-02 at * (registry, US-FCC-NATDNC) in landline",
    ]
    assert second["quietlist_all_reasons"] == "email opt_out at acme/newsletter (direct, US-CANSPAM) in email"


def test_the_reasons_of_a_long_file_are_those_of_its_records(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["ann@example.com,(202) 555-0101", "new@example.com,(202) 555-0101", "ann@example.com,", "new@example.com,"] * 5
    text = "email,phone\n" + "\n".join(lines) + "\n"
    request = Request(channels=("email", "voice"), without=("us_ftc",))
    whole = rows(run(published, tmp_path, text, request), "blocked")
    monkeypatch.setattr(screening, "_RECORDS", 3)
    (tmp_path / "parts").mkdir()
    parts = rows(run(published, tmp_path / "parts", text, request), "blocked")
    assert [row["quietlist_all_reasons"].count(";") for row in whole] == [1, 0, 0] * 5
    assert whole == parts, "the file is taken in parts of any size"


def test_files_that_no_run_has_read_are_warned_of(published: Home, tmp_path: Path) -> None:
    def said(folder: str) -> list[str]:
        (tmp_path / folder).mkdir()
        warnings = run(published, tmp_path / folder, "email\nnew@example.com\n").certificate["warnings"]
        return [warning for warning in warnings if "last word" in warning]

    assert said("before") == []
    waiting = published.inbox / "shop" / "asks.csv"
    waiting.parent.mkdir()
    waiting.write_text("email\n")
    try:
        assert said("after") == [
            "Not the last word: 1 file waits in the inbox: the answer may change with the next quietlist run"
        ]
    finally:
        waiting.unlink()
        waiting.parent.rmdir()


CANARIES = '\n[canaries]\nmailbox = "seed@canaries.example.com"\nnumbers = { scrub = "+12125550199" }\n'


@pytest.fixture
def planting_home(published: Home, tmp_path: Path) -> Home:
    """The published home, with canaries and a destination in its configuration."""
    root = shutil.copytree(published.root, tmp_path / "planting")
    home = Home.at(root)
    home.config_file.write_text(
        CONFIG + '\n[destinations.esp]\nsystem = "file_drop"\nchannels = ["email"]\nscopes = ["acme"]\n' + CANARIES
    )
    return home


@pytest.mark.parametrize("form", ["csv", "no header", "parquet"])
def test_a_canary_stands_among_the_blocked_and_looks_like_them(planting_home: Home, tmp_path: Path, form: str) -> None:
    text = "name,email,mobile\nAnn,ann@example.com,+12025550188\nX,x@example.com,+12025550189\n"
    if form == "parquet":
        pq.write_table(
            pa.table({"name": ["Ann", "X"], "email": ["ann@example.com", "x@example.com"], "mobile": [12025550188, 12025550189]}),
            tmp_path / "c.parquet",
        )
        done = scrub(planting_home, load_config(planting_home), tmp_path / "c.parquet", EMAIL, tmp_path / "out", AS_OF)
        rows = [tuple(row.values()) for row in pq.read_table(tmp_path / "out" / "blocked.parquet").to_pylist()]
    else:
        text = text if form == "csv" else text.partition("\n")[2]
        done = run(planting_home, tmp_path, text, Request(channels=("email",), columns=() if form == "csv" else ("column 2",)))
        rows = [tuple(row) for row in csv.reader((tmp_path / "out" / "blocked.csv").read_text().splitlines())][form == "csv" :]
    sha256 = done.certificate["input"]["sha256"]
    person, canary = rows
    assert canary[1] == f"seed+{sha256[:6]}@canaries.example.com", form
    assert [bool(value) for value in canary[3:]] == [bool(value) for value in person[3:]], "filled like a person's row"
    outputs = {output["kind"]: output for output in done.certificate["outputs"]}
    assert (outputs["allowed"]["records"], outputs["blocked"]["records"]) == (1, 1), "it is none of the campaign's records"
    assert outputs["blocked"]["rows_of_the_issuer"] == 1 and "rows_of_the_issuer" not in outputs["allowed"]
    assert "1 row of the issuer's own" in (tmp_path / "out" / "certificate.html").read_text()
    assert "seed" not in json.dumps(done.certificate), "the certificate does not say which row it is"


def test_a_number_of_its_own_stands_in_a_campaign_of_calls_and_none_among_digests(planting_home: Home, tmp_path: Path) -> None:
    run(planting_home, tmp_path, "mobile\n+12025550101\n", VOICE)
    assert [row[0] for row in csv.reader((tmp_path / "out" / "blocked.csv").read_text().splitlines())][1:] == [
        "+12025550101",
        "+12125550199",
    ]
    digest = hashlib.sha256(b"ann@example.com").hexdigest()
    shutil.rmtree(tmp_path / "out")
    run(planting_home, tmp_path, f"email\n{digest}\n", Request(channels=("email",), hashed="sha256"))
    assert len((tmp_path / "out" / "blocked.csv").read_text().splitlines()) == 2


def test_a_campaign_that_holds_a_canary_of_a_list_is_told_and_the_canary_is_blocked(planting_home: Home, tmp_path: Path) -> None:
    config = load_config(planting_home)
    (canary,) = canaries_of(config, "esp")
    done = run(planting_home, tmp_path, f"email\nx@example.com\n{canary.identifier.upper()}\n")
    assert (tmp_path / "out" / "allowed.csv").read_text() == "email\nx@example.com\n"
    assert [warning for warning in done.certificate["warnings"] if "(esp)" in warning] == [
        "One record of the campaign stands in no list but one of people who want to be left alone (esp): find out where the "
        "campaign was taken from"
    ]


def test_without_canaries_nothing_is_planted(published: Home, tmp_path: Path) -> None:
    done = run(published, tmp_path, "email\nann@example.com\nx@example.com\n")
    assert len((tmp_path / "out" / "blocked.csv").read_text().splitlines()) == 2
    assert all("rows_of_the_issuer" not in output for output in done.certificate["outputs"])
