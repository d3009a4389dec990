"""The ``quietlist`` command: a thin front end to the same jobs that Dagster runs. No stage logic here.

Exit codes: 0 done (alerts are printed), 1 a gate stopped or held something, 2 usage or configuration, 3 failed, 75 another
process is at work in the home. ``check`` answers with 0 (may be contacted), 4 (may not) or 5 (unknown).
Heavy imports wait until a command needs them, so that ``check`` answers at once.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from orchestration.core.channels import CHANNELS
from orchestration.core.errors import Busy, ConfigError, QuietlistError, of_system, place_of
from orchestration.core.home import Home, keep_private
from orchestration.core.masks import mask_text
from orchestration.core.terminal import visible, visible_lines

if TYPE_CHECKING:
    from orchestration.answers.check import Question
    from orchestration.core.config import Config
    from orchestration.evidence.exported import Exported

DONE, GATE, USAGE, FAILED = 0, 1, 2, 3
_EXTRA = re.compile(r"arguments? \(.*\)", re.DOTALL)  # click repeats what it did not expect
# And a value that is none of a list: a word may be a slip of the finger, anything with a space or a capital may be a name.
_VALUE = re.compile(r"(?<=: )'(?![a-z_]+')[^\n]*' is not", re.DOTALL)


class _RootGroup(click.Group):
    """Turns the errors raised on purpose into their sentence and exit code; anything else is a bug and exit code 3."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QuietlistError as error:
            click.echo(visible_lines(f"quietlist: {error}"), err=True)
            ctx.exit(error.exit_code)
        except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except click.UsageError as error:
            # Whoever mistypes a command is shown what they typed, but not the person it is about: terminals are logged.
            said = _VALUE.sub("what was given is not", _EXTRA.sub("argument", mask_text(error.format_message())))
            raise click.UsageError(said, ctx=error.ctx) from None
        except OSError as error:
            told = of_system(error)
            if told is None:
                self._fault(ctx, error)
            else:
                click.echo(visible_lines(f"quietlist: {told}"), err=True)
                ctx.exit(told.exit_code)
        except Exception as error:  # noqa: BLE001  a bug: its place is told, its text may quote somebody
            self._fault(ctx, error)

    @staticmethod
    def _fault(ctx: click.Context, error: Exception) -> None:
        click.echo(f"quietlist: a bug in Quietlist: {place_of(error)}. Please report it with these lines:", err=True)
        click.echo("".join(traceback.format_tb(error.__traceback__)), err=True)
        ctx.exit(FAILED)


def _home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--home", "home_path", type=click.Path(file_okay=False), help="Home folder (default: QUIETLIST_HOME, then data/home)."
    )(command)


def _as_of_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--as-of", help="The run's clock, ISO 8601 with a zone, e.g. 2026-04-01T00:00:00Z (default: now).")(
        command
    )


def _past_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--known-at",
            metavar="MOMENT",
            help="With --at: by what was known here at this moment (default: by what is known now).",
        ),
        click.option("--at", metavar="MOMENT", help="Ask about this moment of the past, ISO 8601 with a zone."),
    ):
        command = option(command)
    return command


def _tell_past(
    home: Home, questions: Sequence[Question], at: str | None, known_at: str | None, as_json: bool, needed: str
) -> int:
    """Answers about a moment; returns the exit code of the worst of them."""
    from orchestration.answers.check import worst
    from orchestration.answers.past import Moment, past

    if not (at and questions):
        raise ConfigError(
            "Reading the question",
            seen="--known-at without --at" if not at else f"--at without {needed}",
            allowed="quietlist check --channel email --identifier a@example.com --at 2026-03-01T00:00:00Z",
            next_step="say which contact point and which moment; nothing was looked up",
        )
    asked = Moment(_moment(at, "--at"), _moment(known_at, "--known-at") if known_at else None)
    found = past(home, _config(home), questions, asked, _moment(None))
    payload = [answer.as_dict() for answer in found]
    _say(payload[0] if len(payload) == 1 else payload, [line for answer in found for line in answer.lines()], as_json)
    return worst(found)


def _json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program instead of text for a person.")(command)


def _moment(text: str | None, option: str = "--as-of") -> datetime:
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            f"Reading {option}",
            seen=f"'{text}'",
            allowed="ISO 8601 with a zone, such as 2026-04-01T00:00:00Z",
            next_step="write it in that form, or omit it to use the current time",
        )
    return moment.astimezone(UTC)


def _typed(text: str) -> str:
    """What was given, or what comes in on standard input: other users of the machine can read a process's arguments."""
    return sys.stdin.readline().strip() if text == "-" else text


def _config(home: Home) -> Config:
    from orchestration.core.config import load_config  # pydantic: a tenth of a second that --help and check do not need

    return load_config(home)


def _tell_of_a_run(exported: Exported | None, as_json: bool) -> None:
    """A list of rows for a program has no place to say of which moment it is."""
    if exported and as_json:
        click.echo(exported.sentence(), err=True)


@click.group(cls=_RootGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quietlist")
def main() -> None:
    """Collect every request to be left alone, keep every marketing system in sync with them, and prove it."""
    keep_private()


@main.command()
@_home_option
@_as_of_option
@_json_option
@click.option(
    "--job",
    type=click.Choice(["quietlist", "reconcile", "sync", "report"]),
    default="quietlist",
    show_default=True,
    help="The whole job, or a part of it.",
)
@click.option("--replay", is_flag=True, help="Allow an --as-of in the future: only in a copy of a home that pushes nowhere.")
def run(home_path: str | None, as_of: str | None, as_json: bool, job: str, replay: bool) -> None:
    """Run the pipeline: collect, reconcile, check, publish, push, read back, report."""
    from orchestration.audit.preflight import require_ready
    from orchestration.run import alerting, run_job

    home, moment = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    with alerting(home, config, job):
        require_ready(home, config, pushes=job in ("quietlist", "sync"))
        outcome = run_job(home, job, moment, show_progress=not as_json, replay=replay)
    _say(outcome.as_dict(), outcome.lines(), as_json)
    sys.exit(outcome.exit_code)


@main.command()
@_home_option
@_json_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--since",
    help="Where a vendor is asked by time: begin the first pull here, or reach back at least so far (ISO 8601 with a zone).",
)
@click.option("--from-start", is_flag=True, help="Pull everything again; records that are already known are recognised.")
def pull(home_path: str | None, as_json: bool, names: tuple[str, ...], since: str | None, from_start: bool) -> None:
    """Fetch the sources that have a pull, or only these, from their vendors into the inbox now.

    A run also does this for what is due. Exits with 3 when something could not be fetched; what was fetched is kept.
    """
    from orchestration.connectors.contract import pull_problems
    from orchestration.connectors.pulling import Wanted
    from orchestration.connectors.pulling import pull as pulling
    from orchestration.core.lock import run_lock

    home = Home.at(home_path).require()
    config = _config(home)
    if problems := pull_problems(config):
        raise ConfigError(f"Reading {home.config_file}", problems, next_step="correct these and run again; nothing was asked")
    wanted = Wanted(names, _moment(since, "--since") if since else None, from_start=from_start)
    with run_lock(home) as got:
        if not got:
            raise Busy(f"Pulling in {home.root}", seen="a run is in progress there", next_step="wait for it to end; it pulls too")
        outcome = []
        for item in pulling(home, config, _moment(None), wanted):
            outcome.append(item)
            if not as_json:
                _say(None, [item.sentence()], as_json)
    if as_json:
        _say([item.as_dict() for item in outcome], [], as_json)
    elif not outcome:
        _say(None, ["No source has a pull: see docs/pulling.md."], as_json)
    sys.exit(FAILED if any(item.state == "failed" for item in outcome) else DONE)


@main.command()
@_home_option
@_json_option
@click.option("--channel", type=click.Choice(CHANNELS), help="email, voice, sms, fax, postal or ads.")
@click.option("--identifier", help="An address or number, in any spelling a source may use; - reads it from standard input.")
@click.option("--scope", help="The node asked about, e.g. acme/newsletter (default: anywhere in the company).")
@click.option("--region", help="Country of a number written without one, e.g. US (default: the company's).")
@click.option("--file", "batch", type=click.File("r"), help="CSV with the columns channel, identifier and scope: many at once.")
@_past_options
def check(
    home_path: str | None,
    as_json: bool,
    channel: str | None,
    identifier: str | None,
    scope: str | None,
    region: str | None,
    batch: Any,
    at: str | None,
    known_at: str | None,
) -> None:
    """May this contact point be contacted? Answers from the published table and registries. With --at: was it suppressed then?

    Exit code 0: it may (was not). 4: it may not (was). 5: unknown, which is no permission. Of a file: 0 only when all of them
    may, 4 when one may not. 2 and 3: there is no answer.
    """
    from orchestration.answers import check as checking

    home = Home.at(home_path).require()
    if at or known_at:
        one = [checking.Question(channel, _typed(identifier), scope, region)] if channel and identifier and batch is None else []
        sys.exit(_tell_past(home, one, at, known_at, as_json, "--channel and --identifier"))
    if batch is not None:
        answers = checking.check_file(home, None, batch, region=region)
    elif channel and identifier:
        answers = [checking.check(home, channel, _typed(identifier), scope, region=region)]
    else:
        raise ConfigError(
            "Reading the question",
            seen="neither --channel and --identifier nor --file",
            allowed="quietlist check --channel email --identifier a@example.com",
            next_step="say which contact point to look up",
        )
    payload = [answer.as_dict() for answer in answers]
    _say(payload if batch is not None else payload[0], [answer.sentence() for answer in answers], as_json)
    sys.exit(checking.worst(answers))


class _Scrub(click.Group):
    """``quietlist scrub FILE`` scrubs; only ``verify`` and ``key`` are commands of their own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["file", *args]
        return super().parse_args(ctx, args)


@main.group(cls=_Scrub, context_settings={"help_option_names": ["-h", "--help"]})
def scrub() -> None:
    """Scrub a campaign file against the published table and registries: quietlist scrub FILE --out DIR.

    `quietlist scrub file --help` shows all options; `verify` proves a certificate, `key` prints what a partner needs for it.
    """


@scrub.command("file")
@_home_option
@_as_of_option
@_json_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="New or empty folder for the results."
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(CHANNELS),
    help="What the campaign uses; may be repeated (default: e-mail for addresses, calls and texts for numbers).",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="The campaign's node, e.g. acme/newsletter; may be repeated (default: a suppression at any node blocks).",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="LABEL[=email|phone|postal]",
    help="A column that identifies people; may be repeated (default: all that are recognised).",
)
@click.option("--region", help="Country of numbers written without one, where no column says (default: the company's).")
@click.option("--hashed", type=click.Choice(["sha256", "keyed"]), help="The file holds digests of normalised identifiers.")
@click.option(
    "--without",
    multiple=True,
    metavar="REGISTRY",
    help="Do not require this registry: it was screened elsewhere, or does not apply. The certificate says so.",
)
def scrub_file(
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    file: Path,
    out: Path,
    channels: tuple[str, ...],
    scopes: tuple[str, ...],
    columns: tuple[str, ...],
    region: str | None,
    hashed: str | None,
    without: tuple[str, ...],
) -> None:
    """Sort a campaign file into allowed, blocked, unscreened and unreadable, with a certificate."""
    from orchestration.scrub.scrubbing import Request
    from orchestration.scrub.scrubbing import scrub as scrubbing

    home = Home.at(home_path).require()
    request = Request(channels, scopes, columns, region, hashed, without)
    outcome = scrubbing(home, _config(home), file, request, out, _moment(as_of))
    _say(outcome.as_dict(), outcome.lines(), as_json)
    sys.exit(DONE if outcome.valid else GATE)


@scrub.command("verify")
@_home_option
@_as_of_option
@_json_option
@click.argument("certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder of the files (default: the certificate's)."
)
@click.option("--input", "original", type=click.Path(dir_okay=False, path_type=Path), help="Verify the campaign file too.")
@click.option("--public-key", help="The issuer's key, as its quietlist scrub key prints it (default: this home's).")
def scrub_verify(
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    certificate: Path,
    folder: Path | None,
    original: Path | None,
    public_key: str | None,
) -> None:
    """Verify a certificate's signature and files, and whether it is still valid."""
    from orchestration.core.signing import checked_key
    from orchestration.scrub.certificate import public_key as own_key
    from orchestration.scrub.certificate import verify

    key = checked_key(public_key, "quietlist scrub key") if public_key else own_key(Home.at(home_path).require())
    outcome = verify(certificate, folder, key, _moment(as_of), original)
    _say(outcome.as_dict(), outcome.lines(), as_json)
    sys.exit(FAILED if not outcome.proven else DONE if outcome.valid_now else GATE)


@scrub.command("key")
@_home_option
@_json_option
def scrub_key(home_path: str | None, as_json: bool) -> None:
    """Print the public key that partners verify this home's certificates with."""
    from orchestration.scrub.certificate import public_key

    key = public_key(Home.at(home_path).require())
    _say({"algorithm": "Ed25519", "public_key": key}, [key], as_json)


@main.command()
@_home_option
@_json_option
@click.argument("identifier")
@click.option("--reveal", is_flag=True, help="Show the other identifiers of the person in full instead of masked.")
@_past_options
def explain(home_path: str | None, as_json: bool, identifier: str, reveal: bool, at: str | None, known_at: str | None) -> None:
    """Why is this person blocked, since when, on whose request, and where was it pushed? Works during a run.

    IDENTIFIER is an address, a number, a request id or a keyed hash; - reads it from standard input, so that it does not
    appear in the list of processes. With --at: what suppressed it then, channel by channel; exits as check does.
    """
    from orchestration.answers.explain import explain as explaining

    home = Home.at(home_path).require()
    if at or known_at:
        from orchestration.answers.past import everywhere

        sys.exit(_tell_past(home, everywhere(_typed(identifier)), at, known_at, as_json, "an identifier"))
    explanation = explaining(home, _config(home), _typed(identifier), reveal=reveal)
    _say(explanation.as_dict(), explanation.lines(), as_json)


@main.command()
@_home_option
@_json_option
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many to list, the newest first.")
@click.option("--reveal", is_flag=True, help="Show addresses, numbers and agents in full instead of masked.")
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also write all into this new file, for a spreadsheet."
)
def violations(home_path: str | None, as_json: bool, limit: int, reveal: bool, file: Path | None) -> None:
    """Contacts made against a request or a registry, one by one: rule, cause, fix, and what they may cost. Works during a run."""
    from orchestration.audit.violations import violations as finding
    from orchestration.audit.violations import write_csv

    home = Home.at(home_path).require()
    config = _config(home)
    found = finding(home, config, limit=limit, reveal=reveal)
    _say(found.as_dict(), list(found.lines()), as_json)
    if file is not None:
        written = write_csv(home, config, file, reveal=reveal)
        click.echo(f"Written: {written} to {file}", err=as_json)


@main.command("safe-harbour")
@_home_option
@_as_of_option
@_json_option
def safe_harbour_(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """What US telemarketing law wants a caller to show: proven, missing or not applicable, and a page. Works during a run."""
    from orchestration.report.safe_harbour import safe_harbour, write_page

    home = Home.at(home_path).require()
    found = safe_harbour(home, _config(home), _moment(as_of))
    path = write_page(home, found)
    _say({**found.as_dict(), "page": str(path)}, [*found.lines(), f"Page: {path}"], as_json)


@main.group("evidence", invoke_without_command=True)
@click.pass_context
@_home_option
@_as_of_option
@_json_option
@click.option("--from", "start", help="First moment of the period: a day (its midnight, UTC) or ISO 8601 with a zone.")
@click.option("--to", "end", help="First moment after it, likewise: --from 2026-03-01 --to 2026-04-01 is March.")
@click.option(
    "--person",
    "persons",
    multiple=True,
    metavar="ID",
    help="Only what is about this address, number, request id or keyed hash, with a letter to the person; may be repeated. "
    "- reads it from standard input. The period may then be left out.",
)
@click.option("--destination", metavar="NAME", help="Only the clocks and pushes of this destination.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="New or empty folder (default: a new one in reports/evidence/).",
)
@click.option("--reveal", is_flag=True, help="Name people in full. Needs --for, and --out outside the home; goes on the chain.")
@click.option("--for", "made_for", metavar="WHOM", help="For whom it is made, as the pack and the chain of evidence say.")
def evidence(
    ctx: click.Context,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    start: str | None,
    end: str | None,
    persons: tuple[str, ...],
    destination: str | None,
    out: Path | None,
    reveal: bool,
    made_for: str | None,
) -> None:
    """Make a pack of evidence about a period or a person: a signed folder, and a zip of it, that stands alone.

    Page, tables as CSV and Parquet, the chain of evidence, a manifest with every hash. Periods are half open and in UTC. Masked,
    unless --reveal. Works during a run.
    """
    if ctx.invoked_subcommand:
        ctx.obj = home_path
        return
    from orchestration.pack.asked import asked
    from orchestration.pack.making import make_pack

    home, moment = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    question = asked(
        config,
        start=start,
        end=end,
        persons=tuple(map(_typed, persons)),
        destination=destination,
        revealed=reveal,
        made_for=made_for,
    )
    made = make_pack(home, config, question, moment, out)
    _say(made.as_dict(), list(made.lines()), as_json)


@evidence.command("verify")
@_json_option
@click.argument("pack", type=click.Path(path_type=Path))
@click.option("--public-key", help="The issuer's key, as quietlist evidence key prints it (default: the one in the pack).")
def evidence_verify(as_json: bool, pack: Path, public_key: str | None) -> None:
    """Prove a pack, a folder or its zip: signature, every file, the chain. Needs no home. Exits with 3 and names what differs."""
    from orchestration.core.signing import checked_key
    from orchestration.pack.verifying import verify_pack

    proof = verify_pack(pack, checked_key(public_key, "quietlist evidence key") if public_key else None)
    _say(proof.as_dict(), proof.lines(), as_json)
    sys.exit(DONE if proof.proven else FAILED)


@evidence.command("key")
@click.pass_obj
@_home_option
@_json_option
def evidence_key(given: str | None, home_path: str | None, as_json: bool) -> None:
    """Print the public key that this home's packs are verified with."""
    from orchestration.core.signing import PACKS, public_key

    key = public_key(Home.at(home_path or given).require(), PACKS)
    _say({"algorithm": "Ed25519", "public_key": key}, [key], as_json)


def _person_and_reason(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--reason", required=True, metavar="TEXT", help="Why."),
        click.option("--by", "person", required=True, metavar="NAME", help="Who says so."),
    ):
        command = option(command)
    return command


@main.group("matters", invoke_without_command=True)
@click.pass_context
@_home_option
@_as_of_option
@_json_option
@click.option("--all", "whole", is_flag=True, help="Also those that a person closed, or that are gone.")
@click.option("--owner", help="Only of this owner, such as team:privacy.")
@click.option("--kinds", "asks_kinds", is_flag=True, help="Instead: the kinds there are, and how soon each is due.")
def matters_(
    ctx: click.Context,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    whole: bool,
    owner: str | None,
    asks_kinds: bool,
) -> None:
    """What needs a person: each with an id, an owner, a due date and a history. As the last run found it."""
    if ctx.invoked_subcommand:
        ctx.obj = home_path
        return
    from orchestration.core.matters import KINDS
    from orchestration.report import matters

    if asks_kinds:
        payload = {name: {"name": kind.name, "due_hours": kind.due_hours} for name, kind in KINDS.items()}
        _say(payload, [f"{name}: {kind.name}, due within {kind.due_hours} h" for name, kind in KINDS.items()], as_json)
        return
    home, now = Home.at(home_path).require(), _moment(as_of)
    found = [matter for matter in matters.matters(home) if owner is None or owner in matter.owners]
    told = [matter.as_dict() for matter in found if whole or matter.state == "open"]
    _say(told, list(matters.lines(found, now, ended=whole)), as_json)


@matters_.command("show")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("matter_id")
def matters_show(given: str | None, home_path: str | None, as_of: str | None, as_json: bool, matter_id: str) -> None:
    """One matter with its history."""
    from orchestration.report import matters

    found = matters.named(matters.matters(Home.at(home_path or given).require()), matter_id)
    _say(found.as_dict(), list(matters.story(found, _moment(as_of))), as_json)


@matters_.command("assign")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("matter_id")
@click.option("--to", "owners", required=True, multiple=True, metavar="OWNER", help="team:name or an address; may be repeated.")
@_person_and_reason
def matters_assign(
    given: str | None,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    matter_id: str,
    owners: tuple[str, ...],
    person: str,
    reason: str,
) -> None:
    """Record who takes a matter. It is evidence, on the chain."""
    from orchestration.core.clock import require_not_ahead
    from orchestration.report import matters

    now = _moment(as_of)
    require_not_ahead(now)
    done = matters.assign(Home.at(home_path or given).require(), matter_id, owners, person=person, reason=reason, now=now)
    _say(done.as_dict(), [f"Recorded: {done.id} is with {', '.join(done.owners)}."], as_json)


@matters_.command("close")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("matter_id")
@_person_and_reason
def matters_close(
    given: str | None, home_path: str | None, as_of: str | None, as_json: bool, matter_id: str, person: str, reason: str
) -> None:
    """Record that a matter is dealt with. When a run finds more of it than there was, it is a new one."""
    from orchestration.core.clock import require_not_ahead
    from orchestration.report import matters

    now = _moment(as_of)
    require_not_ahead(now)
    done = matters.close(Home.at(home_path or given).require(), matter_id, person=person, reason=reason, now=now)
    _say(done.as_dict(), [f"Recorded: {mask_text(person)} closed {done.id}."], as_json)


@main.group("review", invoke_without_command=True)
@click.pass_context
@_home_option
@_as_of_option
@_json_option
def review_(ctx: click.Context, home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """The periodic review of the list: a sample that nobody can choose, and a verdict on each. Alone: how it stands."""
    if ctx.invoked_subcommand:
        ctx.obj = home_path
        return
    from orchestration.audit.reviews import lines, reviews

    home = Home.at(home_path).require()
    found = reviews(home)
    _say([review.as_dict() for review in found], list(lines(found, _config(home), _moment(as_of))), as_json)


@review_.command("draw")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.option(
    "--size", type=click.IntRange(1, 1000), help="How many suppressions and how many releases (default: matters.review_size)."
)
@click.option("--by", "person", required=True, metavar="NAME", help="Who draws it.")
def review_draw(
    given: str | None, home_path: str | None, as_of: str | None, as_json: bool, size: int | None, person: str
) -> None:
    """Draw a sample of the version in force, and of the releases since the last review: always the same of the same version."""
    from orchestration.audit.reviews import draw
    from orchestration.core.clock import require_not_ahead

    home, now = Home.at(home_path or given).require(), _moment(as_of)
    require_not_ahead(now)
    drawn = draw(home, _config(home), size=size, person=person, now=now)
    _say(drawn.as_dict(), list(drawn.lines()), as_json)


@review_.command("judge")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("item_id")
@click.option("--right", "verdict", flag_value="right", help="The suppression or release is as it should be.")
@click.option("--wrong", "verdict", flag_value="wrong", help="It is not.")
@click.option("--unclear", "verdict", flag_value="unclear", help="What is there does not tell.")
@_person_and_reason
def review_judge(
    given: str | None,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    item_id: str,
    verdict: str | None,
    person: str,
    reason: str,
) -> None:
    """Record a verdict on one item of the sample, such as R-1/7, with one of --right, --wrong and --unclear."""
    from orchestration.audit.reviews import VERDICTS, judge
    from orchestration.core.clock import require_not_ahead

    if verdict is None:
        raise ConfigError("Recording a verdict", seen="none was given", allowed=f"one of --{', --'.join(VERDICTS)}")
    now = _moment(as_of)
    require_not_ahead(now)
    review = judge(Home.at(home_path or given).require(), item_id, verdict, person=person, reason=reason, now=now)
    _say(review.as_dict(), [f"Recorded. {review.sentence()}"], as_json)


@review_.command("show")
@click.pass_obj
@_home_option
@_json_option
@click.argument("review_id", required=False)
def review_show(given: str | None, home_path: str | None, as_json: bool, review_id: str | None) -> None:
    """A review with every item and verdict; by default the last one."""
    from orchestration.audit.reviews import named, reviews

    found = named(reviews(Home.at(home_path or given).require()), review_id)
    _say(found.as_dict(), list(found.lines()), as_json)


@main.command()
@_home_option
@_as_of_option
@_json_option
def report(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """Write the compliance report from what is known now. Works during a run."""
    from orchestration.report.page import write_report

    home = Home.at(home_path).require()
    path = write_report(home, _config(home), _moment(as_of))
    _say({"report": str(path)}, [f"Report: {path}"], as_json)


@main.command()
@_home_option
@_as_of_option
@_json_option
def rebuild(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """Rebuild everything from the landed files, and compare it with the result of the daily runs."""
    from orchestration.rebuild import rebuild as rebuilding

    home = Home.at(home_path).require()
    outcome = rebuilding(home, _config(home), _moment(as_of) if as_of else None)
    _say(outcome.as_dict(), outcome.lines(), as_json)
    sys.exit(DONE if outcome.equal else FAILED)


@main.command()
@_home_option
@_as_of_option
@_json_option
def sources(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """What is configured to arrive, when it last arrived, and whether it is late. Works during a run."""
    from orchestration.audit.clock import evidence_with_clock
    from orchestration.audit.sources import sources_of

    home, clock = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    with evidence_with_clock(home, config, clock) as (con, exported, line):
        rows = sources_of(con, home, config, clock)
    said = [row.sentence() for row in rows] or ["No source is configured."]
    _say([row.as_dict() for row in rows], [line, *said], as_json)
    _tell_of_a_run(exported, as_json)


@main.command()
@_home_option
@_as_of_option
@_json_option
def destinations(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """Where the table is pushed, what was verified there, and what is missing. Works during a run."""
    from orchestration.audit.clock import evidence_with_clock
    from orchestration.audit.destinations import destinations_of

    home, clock = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    with evidence_with_clock(home, config, clock) as (con, exported, line):
        rows = destinations_of(con, home, config, clock, exported)
    said = [row.sentence() for row in rows] or ["No destination is configured."]
    _say([row.as_dict() for row in rows], [line, *said], as_json)
    _tell_of_a_run(exported, as_json)


@main.command()
@_home_option
@_json_option
@click.option(
    "--online",
    is_flag=True,
    help="Also ask each source that is pulled and each destination for a page of its list. Changes nothing.",
)
def doctor(home_path: str | None, as_json: bool, online: bool) -> None:
    """Is this installation healthy? Every finding with its next step."""
    from orchestration.audit.doctor import doctor as examining

    home = Home.at(home_path).require()
    findings = examining(home, _config(home), online=online)
    _say([finding.as_dict() for finding in findings], [finding.sentence() for finding in findings], as_json)
    sys.exit(FAILED if any(finding.is_broken for finding in findings) else DONE)


@main.command()
@_home_option
@_json_option
@click.option("--head", metavar="HASH", help="A head noted earlier: check that it is still part of the chain.")
def verify(home_path: str | None, as_json: bool, head: str | None) -> None:
    """Is every file, verdict, version and receipt as it was recorded? Names the first that is not (exit code 3)."""
    from orchestration.audit.verify import verify as verifying

    home = Home.at(home_path).require()
    verified = verifying(home, _config(home), noted_head=head)
    _say(verified.as_dict(), verified.lines(), as_json)
    sys.exit(DONE if verified.whole else FAILED)


@main.command()
@_home_option
@_json_option
@click.option("--person", required=True, help="Who takes responsibility.")
@click.option("--reason", required=True, help="Why the gate's verdict may be overridden.")
@click.option("--until", required=True, help="When the override ends, ISO 8601 with a zone; at most seven days ahead.")
def override(home_path: str | None, as_json: bool, person: str, reason: str, until: str) -> None:
    """Publish a version that a gate stopped: with a name, a reason and an end, shown in every later report."""
    from orchestration.publish.candidate import read_candidate
    from orchestration.publish.verdicts import override

    home = Home.at(home_path).require()
    record = override(home, read_candidate(home).rows_sha256, person=person, reason=reason, until=_moment(until))
    _say(
        record,
        [f"Rows {record['rows_sha256'][:12]}… may pass until {record['until']} on the word of {record['person']}."],
        as_json,
    )


@main.command()
@_home_option
@_json_option
@click.argument("file_id")
@click.option("--person", required=True, help="Who looked at the file.")
@click.option("--reason", required=True, help="Why it cannot be fixed.")
def acknowledge(home_path: str | None, as_json: bool, file_id: str, person: str, reason: str) -> None:
    """Record that somebody looked at a landed file that cannot be fixed, so that it no longer holds releases."""
    from orchestration.publish.verdicts import acknowledge as acknowledging

    record = acknowledging(Home.at(home_path).require(), file_id, person=person, reason=reason)
    _say(record, [f"Recorded: {record['person']} looked at file {file_id}; it no longer holds releases."], as_json)


@main.command()
@_home_option
@_as_of_option
@_json_option
@click.option("--plan", "is_plan", is_flag=True, help="Show what would be added and lifted, and why; read only, send nothing.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this destination; may be repeated (default: all).")
def sync(home_path: str | None, as_of: str | None, as_json: bool, is_plan: bool, only: tuple[str, ...]) -> None:
    """Push the published version again to every destination, or to some, and read it back."""
    home, moment = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    if unknown := sorted(set(only) - set(config.destinations)):
        raise ConfigError(
            "Choosing the destinations",
            seen=f"{', '.join(unknown)} is not configured",
            allowed=", ".join(sorted(config.destinations)) or "none is configured",
        )
    if is_plan:
        _say_plan(home, config, moment, only or tuple(sorted(config.destinations)), as_json)
        return
    from orchestration.audit.preflight import require_ready
    from orchestration.run import alerting, run_job

    with alerting(home, config, "sync"):
        require_ready(home, config, pushes=True)
        outcome = run_job(home, "sync", moment, show_progress=not as_json, only=only)
    _say(outcome.as_dict(), outcome.lines(), as_json)
    sys.exit(outcome.exit_code)


def _say_plan(home: Home, config: Any, moment: datetime, names: tuple[str, ...], as_json: bool) -> None:
    """Each destination's plan. One that cannot be asked says so and holds back none of the others."""
    from orchestration.sync import sync as push

    told: list[dict[str, Any]] = []
    lines: list[str] = []
    for name in names:
        try:
            result = push(home, config, name, moment, dry_run=True)
        except QuietlistError as error:
            told.append({"destination": name, "error": str(error)})
            lines.append(f"{name}: no plan. {error}")
            continue
        told.append({"destination": name, **result.counts(), "planned": result.planned, "attention": list(result.alarms)})
        lines += [result.sentence(), *(f"  ! {sentence}" for sentence in (*result.kept_back, *result.alarms))]
    _say(told, lines or ["No destination is configured."], as_json)
    if any("error" in entry for entry in told):
        sys.exit(FAILED)


@main.command()
@_home_option
@_json_option
@click.argument("destination")
@click.option("--person", required=True, help="Who takes responsibility.")
@click.option("--reason", required=True, help="Which home was the other one, and why this one is right.")
def takeover(home_path: str | None, as_json: bool, destination: str, person: str, reason: str) -> None:
    """Let this home own a DESTINATION that another home, or a copy or earlier state of this one, also wrote to.

    Until then no release is sent to it. Stop the other home first: if it pushes again, this is noticed again.
    """
    from orchestration.sync import take_over

    home = Home.at(home_path).require()
    pushes = take_over(home, _config(home), destination, person=person, reason=reason, now=_moment(None))
    _say(
        {"destination": destination, "pushes": pushes, "person": person, "reason": reason},
        [
            f"{destination} is this home's, on the word of {person}; {pushes} pushes of the other count as its own.",
            "Next step: quietlist run, which puts every row there again.",
        ],
        as_json,
    )


@main.command()
@_home_option
@_json_option
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
def redeliver(home_path: str | None, as_json: bool, other: Path) -> None:
    """Put into the inbox what the home OTHER has received and this one has not: the deliveries of one moment, earliest first.

    For a new home, or one restored from a backup; see docs/operations.md, A run that lies in the future.
    """
    from orchestration.landing.returning import redeliver as redelivering

    home = Home.at(home_path).require()
    step = redelivering(home, Home.at(other), _config(home))
    _say(step.as_dict(), step.lines(), as_json)


def _pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    """``NAME=WORD`` options as a mapping."""
    problems = [f"{option}: one of them is not NAME=WORD" for text in given if "=" not in text]
    if problems:
        raise ConfigError("Reading the command", problems, next_step=f"write {option} NAME=WORD, such as {option} crm=contacts")
    return {name.strip(): word.strip() for name, _, word in (text.partition("=") for text in given)}


@main.command("init")
@_home_option
@_json_option
@click.option("--company", required=True, help="The company's name.")
@click.option("--region", help="Its region, such as US or DE-BY, for people whose own is unknown.")
@click.option(
    "--scope", "scopes", multiple=True, help="A brand or list that people may leave, such as acme/newsletter; may be repeated."
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME=FORMAT",
    help="A source of files and its format (quietlist formats); may be repeated.",
)
@click.option(
    "--destination",
    "destinations",
    multiple=True,
    metavar="NAME=SYSTEM",
    help="A destination and its system (docs/reference/destinations); may be repeated.",
)
@click.option(
    "--live-since",
    type=click.DateTime(["%Y-%m-%d"]),
    default=lambda: datetime.now(UTC).strftime("%Y-%m-%d"),
    show_default="today",
    help="The first day: what was asked before it is counted apart, and its time runs from that day.",
)
@click.option(
    "--dagster-db",
    metavar="VARIABLE",
    help="For a server: the environment variable with the PostgreSQL URL of Dagster's records.",
)
def init_(
    home_path: str | None,
    as_json: bool,
    company: str,
    region: str | None,
    scopes: tuple[str, ...],
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    live_since: datetime,
    dagster_db: str | None,
) -> None:
    """Write a commented configuration for chosen systems, and the inbox folders that go with it."""
    from orchestration.setup.init import Wanted, init

    systems = _pairs(sources, "--source"), _pairs(destinations, "--destination")
    wanted = Wanted(company, region, scopes, *systems, live_since.date(), dagster_db)
    made = init(Home.at(home_path), wanted)
    _say(made.as_dict(), made.lines(), as_json)


@main.command()
@_json_option
@click.argument("name", required=False)
def formats(as_json: bool, name: str | None) -> None:
    """What can be read: every format, or the files, columns, meanings and traps of one."""
    from orchestration.setup.formats import all_formats, format_named, page_of, table_of_formats

    if name is None:
        _say([found.as_dict() for found in all_formats()], table_of_formats(), as_json)
    else:
        found = format_named(name)
        _say(found.as_dict(), page_of(found).splitlines(), as_json)


@main.group("policy", invoke_without_command=True)
@click.pass_context
def policy(context: click.Context) -> None:
    """The rules that the deadlines rest on: list them, explain one, or see what a changed one would do."""
    if context.invoked_subcommand is None:
        context.invoke(policy_list)


@policy.command("list")
@_as_of_option
@_json_option
@click.option("--region", help="Only rules that protect people of this region, such as US-CA or FR.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only rules that bind this channel.")
@click.option(
    "--kind",
    type=click.Choice(["request", "erasure", "platform", "registry", "consent", "promise"]),
    help="Only rules of this kind.",
)
@click.option("--all", "whole", is_flag=True, help="Also rules that have ended, or have not begun.")
def policy_list(
    as_of: str | None = None,
    as_json: bool = False,
    region: str | None = None,
    channel: str | None = None,
    kind: str | None = None,
    whole: bool = False,
) -> None:
    """The rules in force, by their plain names, with the time each gives."""
    from orchestration.policy.rules import chosen, table_of

    day = None if whole else _moment(as_of).date()
    found = chosen(day, region=region, channel=channel, kind=kind)
    _say([rule.as_dict() for rule in found], table_of(found, day), as_json)


@policy.command("show")
@_as_of_option
@_json_option
@click.argument("rule")
def policy_show(as_of: str | None, as_json: bool, rule: str) -> None:
    """Explain one rule: the law and where it was read, who is bound, dates, exceptions, penalty, what held before and after."""
    from orchestration.policy.rules import page_of, rule_named

    found = rule_named(rule)
    _say(found.as_dict(), list(page_of(found, _moment(as_of).date())), as_json)


@policy.command("diff")
@_home_option
@_json_option
@click.argument("file", type=click.Path(path_type=Path))
def policy_diff(home_path: str | None, as_json: bool, file: Path) -> None:
    """Show what changed rows of rules.csv would do to requests, clocks, golden rows and contacts. Writes nothing."""
    from orchestration.policy.whatif import difference

    home = Home.at(home_path).require()
    found = difference(home, _config(home), file)
    _say(found.as_dict(), list(found.lines()), as_json)


@main.command("try")
@_home_option
@_as_of_option
@_json_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", required=True, help="The source whose format, scope and time zone apply.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many records to list one by one.")
@click.option("--reveal", is_flag=True, help="Show addresses, numbers and names of lists in full instead of masked.")
def try_(home_path: str | None, as_of: str | None, as_json: bool, file: Path, source: str, limit: int, reveal: bool) -> None:
    """Show what each record of a file would become, and keep nothing. Exits with 1 when something could not be used."""
    from orchestration.setup.trial import try_file

    home = Home.at(home_path).require()
    tried = try_file(home, _config(home), file, source, _moment(as_of), limit=limit, reveal=reveal)
    _say(tried.as_dict(), tried.lines(), as_json)
    sys.exit(DONE if tried.is_clean else GATE)


@main.group(invoke_without_command=True)
@click.pass_context
@_home_option
@_as_of_option
@_json_option
@click.option("--source", help="Only of this source.")
@click.option("--reason", help="Only for this reason, as the list names it.")
@click.option(
    "--kind",
    type=click.Choice(["refused", "doubt", "unresolved"]),
    help="Only what could not be used, is suppressed in doubt, or reaches nobody.",
)
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="How many records to list.")
def quarantine(
    ctx: click.Context,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    source: str | None,
    reason: str | None,
    kind: str | None,
    limit: int,
) -> None:
    """What needs a person's decision: records that could not be used, were read in doubt, or reach nobody.

    Without a command: the list, by source and reason, masked. Works during a run.
    """
    if ctx.invoked_subcommand:
        ctx.obj = home_path
        return
    from orchestration.quarantine.records import waiting

    home = Home.at(home_path).require()
    found = waiting(home, _config(home), _moment(as_of), source=source, reason=reason, kind=kind, limit=limit)
    _say(found.as_dict(), found.lines(), as_json)


@quarantine.command("show")
@click.pass_obj
@_home_option
@_json_option
@click.argument("record_id")
@click.option("--reveal", is_flag=True, help="Show the record as delivered instead of masked.")
def quarantine_show(given: str | None, home_path: str | None, as_json: bool, record_id: str, reveal: bool) -> None:
    """One record with its file and number, why it waits, and what was decided about it."""
    from orchestration.quarantine.records import show

    home = Home.at(home_path or given).require()
    shown = show(home, _config(home), record_id, reveal=reveal)
    _say(shown.as_dict(), shown.lines(), as_json)


@quarantine.command("decide")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("record_id")
@click.option(
    "--value",
    "values",
    multiple=True,
    metavar="COLUMN=TEXT",
    help="A corrected value, in a column of the canonical requests; may be repeated. COLUMN=- reads standard input.",
)
@click.option(
    "--opt-out", metavar="IDENTIFIER", help="The record is an opt-out of this address or number; - reads it from standard input."
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(CHANNELS),
    help="With --opt-out: where; may be repeated (default: what the record says, else everywhere).",
)
@click.option("--scope", help="With --opt-out: the node (default: what the record says, else its source's).")
@click.option("--nothing", is_flag=True, help="The record is not a request. Refused for a record that suppresses somebody.")
@click.option("--confirm", is_flag=True, help="The record was read in doubt, and the reading is right.")
@click.option("--by", "person", required=True, metavar="NAME", help="Who decides.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def quarantine_decide(
    given: str | None,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    record_id: str,
    values: tuple[str, ...],
    opt_out: str | None,
    channels: tuple[str, ...],
    scope: str | None,
    nothing: bool,
    confirm: bool,
    person: str,
    reason: str,
) -> None:
    """Decide what a record means, with one of --value, --opt-out, --nothing and --confirm.

    The next run applies the decision. It is evidence, and a rebuild finds it; of two about one record the later counts. A
    decision releases nobody.
    """
    from orchestration.core.clock import require_not_ahead
    from orchestration.quarantine.records import Answer, decide

    home = Home.at(home_path or given).require()
    answer = Answer(_values(values), _typed(opt_out) if opt_out else None, nothing, confirm, channels, scope)
    now = _moment(as_of)
    require_not_ahead(now)  # of two decisions the later counts
    decided = decide(home, _config(home), record_id, answer, person=person, reason=reason, now=now)
    _say(decided.as_dict(), decided.lines(), as_json)


@quarantine.command("unlink")
@click.pass_obj
@_home_option
@_as_of_option
@_json_option
@click.argument("identifier")
@click.option("--region", help="Country of a number written without one, e.g. US (default: the company's).")
@click.option("--by", "person", required=True, metavar="NAME", help="Who decides.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def quarantine_unlink(
    given: str | None,
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    identifier: str,
    region: str | None,
    person: str,
    reason: str,
) -> None:
    """Say that an address or number (- reads it from standard input) is not one person's, such as a shared mailbox.

    The next run applies the decision, and a rebuild finds it. Nobody is released: what was asked of the joined person
    before remains in force.
    """
    from orchestration.core.clock import require_not_ahead
    from orchestration.quarantine.records import cut_link

    home = Home.at(home_path or given).require()
    now = _moment(as_of)
    require_not_ahead(now)  # of two decisions the later counts
    file = cut_link(home, _config(home), _typed(identifier), region=region, person=person, reason=reason, now=now)
    _say(
        {"decision": "link_cut", "by": mask_text(person), "file": str(file)},
        [
            f"Recorded: {mask_text(person)} says that this contact point links nobody.",
            "Next step: quietlist run, which applies the decision and records it on the chain of evidence.",
        ],
        as_json,
    )


def _values(given: tuple[str, ...]) -> dict[str, str]:
    """``COLUMN=TEXT``, several times."""
    problems = [f"'{mask_text(text)}' is not COLUMN=TEXT" for text in given if "=" not in text]
    pairs = [text.partition("=") for text in given if "=" in text]
    names = [name.strip() for name, _, _ in pairs]
    problems += [
        f"{name} is given twice; join several by ;" for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if problems:
        raise ConfigError("Reading --value", problems, next_step="such as --value email=a@example.com; nothing was recorded")
    return {name.strip(): _typed(text) for name, _, text in pairs}


@main.group()
def key() -> None:
    """The key of the keyed hashes: which one it is, and how to get another."""


@key.command("show")
@_home_option
@_as_of_option
@_json_option
def key_show(home_path: str | None, as_of: str | None, as_json: bool) -> None:
    """Fingerprint and age of the key; never the key."""
    from orchestration.core.key import fingerprint, home_key, rotations
    from orchestration.core.wording import told

    home = Home.at(home_path).require()
    name, past = fingerprint(home_key(home)), rotations(home)
    since = past[-1].rotated_at if past else datetime.fromtimestamp(home.key_file.stat().st_mtime, UTC).replace(microsecond=0)
    days = max((_moment(as_of) - since).days, 0)
    payload = {"fingerprint": name, "since": since.isoformat(), "age_days": days, "rotations": len(past)}
    old, often = told(days, "1 day", "# days"), told(len(past), "once", "# times")
    _say(payload, [f"Key {name}, in use since {since:%Y-%m-%d %H:%M} UTC ({old}), rotated {often}."], as_json)


@key.command("rotate")
@_home_option
@_json_option
@click.option("--person", required=True, help="Who takes responsibility.")
@click.option("--reason", required=True, help="Why a new key is needed.")
def key_rotate(home_path: str | None, as_json: bool, person: str, reason: str) -> None:
    """Create a new key and archive the old one; the next run recomputes every keyed hash. Later reports show the rotation."""
    from orchestration.core.key import fingerprint, home_key, rotate_key

    home = Home.at(home_path).require()
    done = rotate_key(home, person=person, reason=reason, now=_moment(None))
    name = fingerprint(home_key(home))
    payload = {**done.__dict__, "fingerprint": name}
    lines = [
        f"Key {name} is in use; key {done.retired} is kept as {home.key_file.name}.{done.number}: back both up.",
        "Next step: quietlist run, which recomputes every keyed hash and publishes a new version.",
    ]
    _say(payload, lines, as_json)


@key.command("landing")
@_json_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def key_landing(as_json: bool, file: Path) -> None:
    """Create a key for encrypted landing in FILE, which must not exist yet. See docs/operations.md, Encryption."""
    from orchestration.landing.sealing import make_key

    public = make_key(file)
    _say(
        {"public_key": public},
        [f"Key {public} is in {file}: name it in [encryption], and keep a copy apart from the data."],
        as_json,
    )


@main.command("erase")
@_home_option
@_as_of_option
@_json_option
@click.argument("contact_points", nargs=-1, metavar="[ADDRESS_OR_NUMBER]...")
@click.option("--by", "person", help="Who takes responsibility.")
@click.option("--reason", help="Why, without the person's data: it is kept for ever.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what an erasure would touch; nothing is changed.")
@click.option("--continue", "goes_on", is_flag=True, help="Go on with the erasure that is open.")
@click.option("--region", help="Country of a number written without one, e.g. US (default: the company's).")
def erase_(
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    contact_points: tuple[str, ...],
    person: str | None,
    reason: str | None,
    only_plan: bool,
    goes_on: bool,
    region: str | None,
) -> None:
    """Erase contact points: suppress them everywhere first, then remove every plain trace from this home.

    A single - reads one from standard input. Exits with 1 while the erasure waits for something, which it names; the same command
    goes on. See docs/erasure.md.
    """
    from orchestration.core.clock import require_not_ahead
    from orchestration.erasure.erasing import erase, plan
    from orchestration.erasure.points import read_point

    home, moment = Home.at(home_path).require(), _moment(as_of)
    config = _config(home)
    require_not_ahead(moment)
    if goes_on == bool(contact_points):
        raise ConfigError(
            "Erasing",
            seen="both --continue and whom to erase" if goes_on else "nobody named",
            allowed="addresses and numbers, or --continue",
            next_step="give one of them; nothing was changed",
        )
    points = [read_point(_typed(text), region or config.company.default_region) for text in dict.fromkeys(contact_points)]
    if only_plan:
        done = plan(home, config, points)
    else:
        done = erase(home, config, points, person=person or "", reason=reason or "", as_of=moment)
    _say(done.as_dict(), done.lines(), as_json)
    sys.exit(done.exit_code)


@main.group("hold")
def hold_() -> None:
    """Legal holds: while one stands on a contact point, it cannot be erased. Holds are evidence, on the chain."""


@hold_.command("add")
@_home_option
@_as_of_option
@_json_option
@click.argument("contact_points", nargs=-1, required=True, metavar="ADDRESS_OR_NUMBER...")
@click.option("--region", help="Country of a number written without one, e.g. US (default: the company's).")
@_person_and_reason
def hold_add(
    home_path: str | None,
    as_of: str | None,
    as_json: bool,
    contact_points: tuple[str, ...],
    region: str | None,
    person: str,
    reason: str,
) -> None:
    """Put a legal hold on contact points. A single - reads one from standard input."""
    from orchestration.core.clock import require_not_ahead
    from orchestration.erasure import holds
    from orchestration.erasure.points import read_point

    home, now = Home.at(home_path).require(), _moment(as_of)
    require_not_ahead(now)
    country = region or _config(home).company.default_region
    points = [read_point(_typed(text), country) for text in dict.fromkeys(contact_points)]
    done = holds.hold(home, points, person=person, reason=reason, now=now)
    _say(done.as_dict(), [f"Hold {done.id} stands on {len(done.points)} contact points: they cannot be erased."], as_json)


@hold_.command("list")
@_home_option
@_json_option
def hold_list(home_path: str | None, as_json: bool) -> None:
    """The holds that stand."""
    from orchestration.erasure import holds

    found = holds.standing(Home.at(home_path).require())
    lines = [
        f"{hold.id}  since {hold.since}, by {mask_text(hold.person)}, on {len(hold.points)} contact points" for hold in found
    ]
    _say([hold.as_dict() for hold in found], lines or ["No hold stands."], as_json)


@hold_.command("lift")
@_home_option
@_as_of_option
@_json_option
@click.argument("hold_id")
@_person_and_reason
def hold_lift(home_path: str | None, as_of: str | None, as_json: bool, hold_id: str, person: str, reason: str) -> None:
    """End a hold."""
    from orchestration.core.clock import require_not_ahead
    from orchestration.erasure import holds

    home, now = Home.at(home_path).require(), _moment(as_of)
    require_not_ahead(now)
    holds.lift(home, hold_id, person=person, reason=reason, now=now)
    _say({"lifted": hold_id}, [f"Hold {hold_id} is lifted."], as_json)


@main.command()
@_home_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. The pages have no login.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--read-only", is_flag=True, help="Show everything, start nothing.")
def webserver(home_path: str | None, host: str, port: int, read_only: bool) -> None:
    """Serve Dagster's web pages for the home until stopped. For a server: docs/deployment.md."""
    _become(home_path, "webserver", ["--host", host, "--port", str(port), *(["--read-only"] if read_only else [])])


@main.command()
@_home_option
def daemon(home_path: str | None) -> None:
    """Run Dagster's daemon for the home until stopped: the schedule, the sensors and runs started in the web pages."""
    _become(home_path, "daemon", [])


def _become(home_path: str | None, process: Literal["webserver", "daemon"], arguments: list[str]) -> None:
    """Turn this process into one of Dagster's: a service manager's signals must reach it, and its exit code be ours."""
    from orchestration.audit.preflight import require_ready
    from orchestration.run import dagster_command, dagster_environment

    home = Home.at(home_path).require()
    require_ready(home, _config(home), pushes=False)
    command = dagster_command(process, arguments)
    os.execve(command[0], command, dagster_environment(home))  # noqa: S606  our own interpreter


@main.command()
@_json_option
@click.option("--fault", "names", multiple=True, metavar="NAME", help="Only this fault; may be repeated.")
@click.option(
    "--crashes",
    "kills",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Instead of the faults: kill N runs at random moments and run again.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Seed of the generated company, where faults strike and when runs are killed.",
)
@click.option("--short", is_flag=True, help="Only the short list that every test run includes.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, as in docs/reliability.md.")
def faults(as_json: bool, names: tuple[str, ...], kills: int, seed: int, short: bool, markdown: bool) -> None:
    """Show on temporary homes that no fault loses an opt-out; your own homes are never touched."""
    from rich.console import Console

    from orchestration.faults.crashes import crash
    from orchestration.faults.suite import chosen, run_suite

    with Console(stderr=True).status("making a small company") as status:
        if kills:
            outcome = crash(kills, seed, status.update)
            _say(outcome.as_dict(), outcome.lines(), as_json)
            sys.exit(DONE if outcome.good else FAILED)
        result = run_suite(chosen(names, short=short), seed, status.update)
    if as_json or markdown:
        _say(result.as_dict(), result.markdown().splitlines(), as_json)
    else:
        Console().print(result.table())
    sys.exit(DONE if result.good else FAILED)


def _say(payload: Any, lines: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(visible_lines(json.dumps(payload, indent=2, default=str, ensure_ascii=False)))
    else:
        for line in lines:
            click.echo(visible(line))


if __name__ == "__main__":
    main()
