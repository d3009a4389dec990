"""The safe harbour on one page: what US telemarketing law wants a caller to be able to show, and what of it is proven here.

Seventeen items (16 CFR 310.4(b)(3), 310.5; 47 CFR 64.1200(c)(2), (d); what California and Germany add). Each is proven, missing,
or not applicable; beside it stand the query that was asked, what it counted, and how old the newest record behind it is. Proven
means that every record the query looked at has it: one of a thousand that lacks it makes the item missing, and the page says
which share has. What no table here can hold (a training, a contract) is missing until it is shown from elsewhere, never proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from markupsafe import Markup

from orchestration.audit.gates import last_verdicts
from orchestration.audit.verify import Verified
from orchestration.core.config import Config
from orchestration.core.files import write_atomic
from orchestration.core.home import Home
from orchestration.core.pages import page_environment
from orchestration.core.wording import ago, counted, moment, percent
from orchestration.evidence.reading import evidence_at_hand
from orchestration.report.gather import walked
from orchestration.report.matters import Kept, matters

NAME = "safe_harbour.html"
_TEMPLATES = Path(__file__).parent / "templates"
PROVEN, MISSING, NOT_APPLICABLE = "proven", "missing", "not applicable"
_GATES = ("entry", "exit", "clocks")


@dataclass(frozen=True)
class Wanted:
    """One item of the list, and what is asked about it."""

    number: int
    what: str
    law: str
    query: str = ""
    """Gives how many records have it, of how many, and the moment of the newest. Empty: no table here holds it."""
    lacks: str = ""
    """What stays missing whatever the query counts; with it an item is never proven."""
    none: str = ""
    """Why an item without a record is not applicable. Empty: then nothing was delivered to look at, and it is missing."""


@dataclass(frozen=True)
class Item:
    """What became of one."""

    number: int
    what: str
    law: str
    state: str
    said: str
    newest: datetime | None
    query: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"newest": self.newest and self.newest.isoformat()}

    def line(self, as_of: datetime) -> str:
        age = f", newest record {ago(as_of - self.newest)}" if self.newest else ""
        return f"{self.number:>2}  {self.state.upper():<14}  {self.what}: {self.said}{age} [{self.law}]"


_PHONE_REQUESTS = """
    select requests.* from ledger__requests as requests
    inner join policy__actions as actions on requests.action = actions.action
    where actions.is_suppressing and requests.action <> 'undeliverable'
        and (list_has_any(requests.channels, ['voice', 'sms', 'all']))
"""
_CALLS = "channel in ('voice', 'sms', 'fax') and not is_inherited"
# What nobody could screen: no copy, one that was too old or without the area, or no number to look up.
_NO_COPY = "('registry_too_old', 'registry_unscreened', 'registry_no_copy', 'identifier_unreadable')"

WANTED = (
    Wanted(
        1,
        "Written procedures, in force and available on demand",
        "16 CFR 310.4(b)(3)(i); 47 CFR 64.1200(d)(1)",
        lacks="no table here holds the policy document, its version and who approved it",
    ),
    Wanted(
        2,
        "Personnel and vendors are trained",
        "16 CFR 310.4(b)(3)(ii); 47 CFR 64.1200(d)(2)",
        lacks="no table here holds trainings",
    ),
    Wanted(
        3,
        "Each request is recorded and on the list",
        "16 CFR 310.4(b)(3)(iii); 47 CFR 64.1200(d)(3)",
        f"""
        with asked as ({_PHONE_REQUESTS}),
        reached as (select distinct request_id from golden__applied_requests where channel in ('voice', 'sms'))
        select count(reached.request_id), count(*), max(asked.first_seen)
        from asked left join reached on asked.request_id = reached.request_id
        """,
    ),
    Wanted(
        4,
        "Requests are honoured in time, as each system confirmed",
        "47 CFR 64.1200(d)(3)",
        """
        select count(*) filter (where clocks.state in ('on_time', 'lifted')), count(*), max(clocks.ended_at)
        from deadlines__clocks as clocks
        inner join policy__rules as rules on clocks.rule_id = rules.rule_id
        where rules.trigger <> 'company_promise' and not clocks.is_inherited and clocks.channel in ('voice', 'sms')
            and clocks.state not in ('open', 'at_risk')
        """,
    ),
    Wanted(
        5,
        "Every call was screened by a registry copy that was young enough",
        "16 CFR 310.4(b)(3)(iv); 47 CFR 64.1200(c)(2)(i)(D)",
        f"""
        with calls as (
            select sum(contacts) as made, sum(contacts) filter (where root_cause in {_NO_COPY}) as unscreened
            from exposure__summary where {_CALLS}
        ),
        beside as (
            select count(*) as unscreened from exposure__violations
            where {_CALLS} and ground = 'request' and registry_finding in {_NO_COPY}
        ),
        copies as (select max(obtained_at) as obtained_at from registries__area_versions)
        select
            case when copies.obtained_at is null then 0 else made - coalesce(calls.unscreened, 0) - beside.unscreened end,
            made, copies.obtained_at
        from calls, beside, copies
        """,
    ),
    Wanted(
        6,
        "The registry was bought for the areas that are called, and is used for nothing else",
        "47 CFR 64.1200(c)(2)(i)(E); 16 CFR 310.8",
        f"""
        select sum(contacts) filter (where root_cause is distinct from 'registry_unscreened'), sum(contacts),
            (select max(obtained_at) from registries__area_versions)
        from exposure__summary where {_CALLS}
        """,
        lacks="no table here holds the account and its payment; the count is of calls into areas that were taken",
    ),
    Wanted(8, "The cause of each breach is known; whether it was an error, counsel says", "16 CFR 310.4(b)(3)(vi)",
        """
        select count(root_cause), count(*), max(contacted_at) from exposure__violations where not is_inherited
        """,
        none="no contact that could be judged was a violation",
    ),
    Wanted(
        10,
        "Per request: name, number, seller, who called, date, what was offered",
        "16 CFR 310.5(a)",
        f"""
        with asked as ({_PHONE_REQUESTS})
        select count(*) filter (where len(phones) > 0 and time_quality not in ('none', 'unreadable', 'implausible')), count(*),
            max(first_seen)
        from asked
        """,
        lacks="who had called and what was offered are read from no source; the count is of requests with a number and a date",
    ),
    Wanted(
        11,
        "Per registry copy: who took it, when, by which account, for which campaign",
        "16 CFR 310.5(a)",
        "select count(obtained_at), count(*), max(obtained_at) from registries__area_versions",
        lacks="who took it, by which account and for which campaign are not recorded; the count is of copies with their day",
    ),
    Wanted(
        12,
        "Per call: both numbers, time, duration, outcome, script or recording, who called",
        "16 CFR 310.5(a)(2)",
        lacks="duration, script and recording are read from no call log",
    ),
    Wanted(
        13,
        "Per consent: name, number, the request as it was shown, its copy, date, purpose",
        "16 CFR 310.5(a)(8)",
        """
        select 0, count(*), max(first_seen) from ledger__requests where action = 'opt_in' and method = 'written_consent'
        """,
        lacks="the request as it was shown and its copy are kept elsewhere",
    ),
    Wanted(
        14,
        "Per business relationship that is claimed: the last purchase or inquiry",
        "16 CFR 310.5(a)",
        none="no contact is excused by a business relationship here",
    ),
    Wanted(
        15,
        "Opting out costs no fee, no further data and no second page",
        "16 CFR 316.5",
        lacks="no table here holds how the forms were examined",
    ),
    Wanted(
        16,
        "California: the log of requests for 24 months, and third parties were told",
        "11 CCR 7101, 7026(f)",
        """
        select 0, count(*), max(first_seen) from ledger__requests where region = 'US-CA'
        """,
        lacks="that third parties were told is recorded nowhere; the log is the ledger",
        none="no request of somebody in California is known",
    ),
    Wanted(
        17,
        "Germany: proof of consent for five years from each use",
        "UWG 7a",
        """
        select 0, count(*), max(first_seen) from ledger__requests where region = 'DE' or region like 'DE-%'
        """,
        lacks="no table here holds consents by their use",
        none="no request of somebody in Germany is known",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class SafeHarbour:
    """The seventeen."""

    company: str
    as_of: datetime
    items: tuple[Item, ...]
    head: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "company": self.company,
            "as_of": self.as_of.isoformat(),
            "chain_head": self.head,
            "items": [item.as_dict() for item in self.items],
        }

    def sentence(self) -> str:
        """How many are proven."""
        states = Counter(item.state for item in self.items)
        return (
            f"{counted(states[PROVEN], 'item')} of {len(self.items)} proven as of {moment(self.as_of)}, "
            f"{states[MISSING]} missing, {states[NOT_APPLICABLE]} not applicable."
        )

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield self.sentence()
        yield from (item.line(self.as_of) for item in self.items)
        yield "Not legal advice: counsel says what a court would want."


def safe_harbour(home: Home, config: Config, as_of: datetime) -> SafeHarbour:
    """Ask about every item.

    Raises:
        Busy: a run is going on, and none before it exported a set.
    """
    chain = walked(home, config)
    with evidence_at_hand(home, config) as (con, _):
        items = [_asked(con, wanted) for wanted in WANTED]
        oldest = con.execute("select min(first_seen) from ledger__requests").fetchall()[0][0]
    items += [_monitored(home, matters(home), as_of), _kept(chain, oldest)]
    return SafeHarbour(config.company.name, as_of, tuple(sorted(items, key=lambda item: item.number)), chain.head)


def write_page(home: Home, found: SafeHarbour) -> Path:
    """Write ``reports/safe_harbour.html`` and return it."""
    environment = page_environment(_TEMPLATES)
    environment.filters |= {"moment": moment, "ago": ago}
    page = environment.get_template("safe_harbour.html").render(
        found=found,
        css=Markup((_TEMPLATES / "compliance.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
    )
    path = home.reports / NAME
    write_atomic(path, page)
    return path


def _asked(con: duckdb.DuckDBPyConnection, wanted: Wanted) -> Item:
    have, of, newest = con.execute(wanted.query).fetchall()[0] if wanted.query else (0, 0, None)
    have, of = int(have or 0), int(of or 0)
    if not of and wanted.none:
        state, said = NOT_APPLICABLE, wanted.none
    elif wanted.lacks:
        state, said = MISSING, wanted.lacks + (f" ({_share(have, of)})" if of else "")
    elif not of:
        state, said = MISSING, "nothing was delivered that could show it"
    else:
        state, said = (PROVEN if have == of else MISSING), _share(have, of)
    return Item(wanted.number, wanted.what, wanted.law, state, said, newest, " ".join(wanted.query.split()))


def _share(have: int, of: int) -> str:
    return f"{have:,} of {of:,}, {percent(have, of)}"


def _monitored(home: Home, found: Sequence[Kept], as_of: datetime) -> Item:
    """Item 7: the gates judge, and what they and the report raise is answered by somebody."""
    verdicts = [verdict for verdict in last_verdicts(home) if verdict.gate in _GATES and verdict.results]
    late = sum(matter.is_overdue(as_of) for matter in found)
    checks = sum(len(verdict.results) for verdict in verdicts)
    closed = sum(matter.state == "closed" for matter in found)
    said = (
        f"{counted(checks, 'expectation')} of {counted(len(verdicts), 'gate')} judged; {counted(len(found), 'matter')} raised, "
        f"{closed:,} closed by a person, {late:,} past the due date"
    )
    return Item(
        7,
        "Monitoring, and what it raises is answered",
        "16 CFR 310.4(b)(3)(v)",
        PROVEN if len(verdicts) == len(_GATES) and found and not late else MISSING,
        said,
        max((verdict.as_of for verdict in verdicts), default=None),
        "the last verdict of each gate; matters/matters.jsonl",
    )


def _kept(chain: Verified, oldest: datetime | None) -> Item:
    """Item 9: nothing that arrived is gone. What was asked before this installation is as old as it says."""
    said = "the chain of evidence is broken"
    if chain.whole:
        there = f"every delivery since {moment(oldest)} is there in its recorded size, and opt-outs do not expire"
        said = there if oldest else "nothing has arrived"
    return Item(
        9,
        "Requests are kept for five years, and honoured",
        "47 CFR 64.1200(d)(6)",
        PROVEN if chain.whole and oldest else MISSING,
        said,
        oldest.astimezone(UTC) if oldest else None,
        "quietlist verify; min(first_seen) of ledger.requests",
    )
