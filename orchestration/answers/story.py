"""An explanation told to a person: the same facts as its JSON, as lines of text. Nothing is looked up or decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestration.core.wording import counted, is_checked, limit, listed, moment

Fact = Mapping[str, Any]

_BASIS = {
    "direct": "asked for this contact point itself",
    "person": "asked for another contact point of the same person",
    "registry": "listed in a registry",
}
_QUALITY = {
    "instant": "",
    "zone_assumed": " (read in the source's time zone)",
    "date": " (a day without a time)",
    "ambiguous": " (has several readings; the one that keeps the suppression is taken)",
    "none": " (no time given: the moment it was first seen)",
    "unreadable": " (its time is unreadable: the moment it was first seen)",
    "implausible": " (its time cannot be: the moment it was first seen)",
}
_PROOF = {
    "full": "read back in full",
    "point": "read back row by row",
    "receipt": "accepted row by row, not provable after",
    "none": "accepted, not provable",
}
_KIND = {"email": "E-mail address", "phone": "Number", "postal": "Postal address"}
_HISTORY_TOLD = 20  # lines; the whole of it is in --json


def tell(data: Fact) -> list[str]:
    """All lines, without colour: terminals, tickets and mails take them alike."""
    lines = list(_exported(data))
    lines += _asked(data["asked"], told_below=bool(data["points"]))
    for number, point in enumerate(data["points"]):
        if number or lines:
            lines.append("")
        lines += _point(point)
    if data["points_left_out"]:
        lines += ["", f"{counted(data['points_left_out'], 'more contact point')} of this request: ask for each by name."]
    return lines


def _exported(data: Fact) -> Iterator[str]:
    """Of which moment it is, while a run has the warehouse."""
    if data["exported"]:
        yield data["exported"]["said"]
        if data["reveal"]:
            yield "The records themselves are in the warehouse, which that run holds: ask again when it has ended."


def _asked(asked: Fact, *, told_below: bool) -> Iterator[str]:
    if asked["by"] != "request_id":
        return
    request = asked["request"]
    yield f"Request {request['request_id']}: {_what(request)}, for {listed(request['channels'])} at {request['scope']}"
    for place in asked["unresolved"]:
        unknown = f"UNRESOLVED on {place['channel']}: nobody knows a contact point there; its clock keeps running"
        yield f"  {unknown}{_law(place['rules'])}"
        yield from _clocks(place)
    if not told_below:
        yield from _evidence(request)


def _point(point: Fact) -> Iterator[str]:
    rows = point["suppressions"]
    yield from _verdict(point)
    yield f"  {_known(point)}"
    yield from _published(point)
    yield from _section("Suppressed", (line for row in rows for line in _row(row)))
    yield from _beside(point)
    yield from _section("Requests", (line for request in point["requests"] for line in _request(request)))
    yield from _section("Opt-ins", (line for entry in point["opt_ins"] for line in _opt_in(entry)))
    yield from _section("Registries", map(_listing, point["registry_listings"]))
    yield from _section("Pushed to", _pushes(point["pushes"]))
    yield from _section("History", _history(point["history"]))
    if not rows and not point["requests"]:
        yield ""
        yield "No request to be left alone was ever reconciled for it."
        if not point["opt_ins"]:
            yield "If somebody says that they asked: look in quarantine and among the unresolved (quietlist quarantine)."


def _verdict(point: Fact) -> Iterator[str]:
    """Whether it may be contacted: what stands against it, else what nobody knows; "not suppressed" only when all is known."""
    who, answers = point["identifier"], point["answers"]
    suppressed = [answer for answer in answers if answer["has_row"]]
    if suppressed:
        dates = [row["suppressed_since"] for row in point["suppressions"]] + [answer["since"] for answer in suppressed]
        since = min(filter(None, dates))
        yield f"{who} is SUPPRESSED on {listed([answer['channel'] for answer in suppressed])}, since {moment(since)}"
    by_registries: dict[str, list[str]] = {}
    for answer in answers:
        if answer["registries"] and not answer["has_row"]:
            names = listed([f"{entry['registry']}, version {entry['version']}" for entry in answer["registries"]])
            by_registries.setdefault(names, []).append(answer["channel"])
    for names, channels in by_registries.items():
        yield f"{who} may NOT be contacted on {listed(channels)}: listed in {names}"
    if not point["is_suppressed"]:
        unknown = list(_unknown(answers))
        yield from (f"NOBODY KNOWS whether {who} may be contacted on {said}" for said in unknown)
        if not unknown:
            yield f"{who} is not suppressed"


def _beside(point: Fact) -> Iterator[str]:
    """The other channels, where the headline is about some only."""
    answers = point["answers"]
    free = [answer["channel"] for answer in answers if answer["may_contact"]]
    if free and len(free) < len(answers):
        yield f"  Not suppressed on {listed(free)}: no request or registry in force names {'it' if len(free) == 1 else 'them'}"
    if point["is_suppressed"]:
        yield from (f"  NOBODY KNOWS on {said}" for said in _unknown(answers))
        waiting = {answer["waiting"] for answer in answers} - {""}
        yield from (f"  Not the last word: {said}" for said in sorted(waiting))


def _unknown(answers: Iterable[Fact]) -> Iterator[str]:
    """The channels on which nobody knows, with why."""
    alike: dict[str, list[str]] = {}
    for answer in answers:
        if answer["may_contact"] is None:
            why = [
                "" if answer["is_published"] else "nothing is published yet",
                answer["waiting"],
                f"not screened against {'; '.join(answer['unscreened'])}" if answer["unscreened"] else "",
            ]
            alike.setdefault("; ".join(filter(None, why)), []).append(answer["channel"])
    yield from (f"{listed(channels)}: {why}" for why, channels in alike.items())


def _known(point: Fact) -> str:
    known, kind = point["known"], _KIND[point["identifier_type"]]
    if known["customers"]:
        return f"{kind} of {counted(known['customers'], 'customer')}, first seen {moment(known['first_seen'])}"
    if known["persons"]:
        return f"{kind} known from requests only, first seen {moment(known['first_seen'])}"
    return f"{kind} that nothing here has ever named"


def _published(point: Fact) -> Iterator[str]:
    published = point["published"]
    if published is None:
        yield "  Nothing was published yet: the rest is what the warehouse says."
        return
    early = [f"{channel} at {scope}" for channel, scope in published["not_published_yet"]]
    late = [f"{channel} at {scope}" for channel, scope in published["only_published"]]
    if published["is_newer"]:
        yield f"  Version {published['version']} was published since, by the run that goes on."
        if late:
            yield f"  SUPPRESSED by that version, and not in this evidence yet: {listed(late)}"
        if early:
            yield f"  In this evidence, and no longer suppressed by that version: {listed(early)}"
        return
    if early:
        yield f"  NOT PUBLISHED YET: {listed(early)}; version {published['version']} is in force"
    if late:
        yield f"  STILL SUPPRESSED by the version in force ({published['version']}): {listed(late)}; the next version lifts it"
    if not early and not late:
        yield f"  Version {published['version']}, which is in force, says the same."


def _row(row: Fact) -> Iterator[str]:
    if row["basis"] == "registry":
        decided = f"{row['registry']}, version {row['registry_version']}"
    else:
        decided = f"request {row['deciding_request_id']}"
        decided += f", 1 of {row['request_count']}" if row["request_count"] > 1 else ""
    yield (
        f"  {row['channel']} at {row['scope']} since {moment(row['suppressed_since'])}: {_word(row['reason'])}, "
        f"{_BASIS.get(row['basis'], row['basis'])} ({decided})"
    )
    if row["except_scopes"]:
        yield f"      except {listed(row['except_scopes'])}, released by a later opt-in"
    if row["registry"] and row["basis"] != "registry":
        yield f"      also listed by {row['registry']}, version {row['registry_version']}"


def _request(request: Fact) -> Iterator[str]:
    """One request with its evidence, and what became of it on each channel."""
    yield f"  {request['request_id']}: {_what(request)}"
    yield from _evidence(request)
    if request["linked_by"]:
        yield f"      linked by {_way(request['linked_by'])}"
    for place in request["on"]:
        state = "lifted" if place["is_lifted"] else "stands and decides" if place["is_deciding"] else "stands"
        whose = ", for another contact point of the same person" if place["basis"] == "person" else ""
        yield f"      {place['channel']} at {place['scope']}: {state}{whose}{_law(place['rules'])}"
        for lift in place["lifts"]:
            what = "lifted" if lift["is_whole"] else f"lifted at {lift['released_scope']}"
            yield f"          {what} by opt-in {lift['opt_in_id']}, from {moment(lift['lifted_from'])}"
        yield from _clocks(place)


def _evidence(request: Fact) -> Iterator[str]:
    """When it was asked, where it came from, and the record itself when it may be shown."""
    spread = "" if request["at_earliest"] == request["at_latest"] else f" to {moment(request['at_latest'])}"
    asked = f"{moment(request['at_earliest'])}{spread}{_QUALITY.get(request['time_quality'], '')}"
    yield f"      asked {asked}, for {listed(request['channels'])} at {request['scope']}"
    if request["scope_given"] not in (None, request["scope"]):
        yield f"      it named the scope '{request['scope_given']}', which the company's tree does not have"
    again = f", delivered {request['records']:,} times" if request["records"] > 1 else ""
    came = f"{request['source']} ({request['vendor']} {request['feed']})"
    yield f"      from {came}, first seen {moment(request['first_seen'])}{again}"
    yield from _file(request["file"])
    if request["also_names"]:
        yield f"      also names {listed(request['also_names'])}"
    for name, value in request.get("record", {}).items():
        yield f"      | {name}: {value}"


def _law(rules: Iterable[Fact]) -> str:
    """The strictest rule, the law behind it and its deadline."""
    rule = next((rule for rule in rules if rule["is_strictest"]), None)
    if rule is None:
        return ""
    doubt = "" if is_checked(rule["verification"]) else ", UNVERIFIED CITATION"
    cited = "our own promise" if rule["trigger"] == "company_promise" else f"{rule['citation'] or 'no citation'}{doubt}"
    allowed = limit(rule["max_value"], rule["max_unit"], rule["clock_start"])
    return f"; {rule['rule_id']} ({cited}): {allowed}, by {moment(rule['deadline_at'])}"


def _clocks(place: Fact) -> Iterator[str]:
    for clock in place["clocks"]:
        if clock["is_strictest"]:
            # Asked before the first day of its source, or of the destination: only from then on it is ours to end.
            since = f" (inherited, runs from {moment(clock['starts_at'])})" if clock["is_inherited"] else ""
            yield f"          clock at {clock['destination'] or 'no destination'}{since}: {_clock(clock)}"


def _clock(clock: Fact) -> str:
    if clock["was_in_place"]:
        return f"{_word(clock['state'])}, it was there when the destination was first read"
    if clock["ended_at"]:
        return f"{_word(clock['state'])}, {_word(clock['ended_by'])} {moment(clock['ended_at'])}"
    if clock["is_unresolved"]:
        return f"{_word(clock['state'])}: the request reaches nobody there"
    return _word(clock["state"]) + (
        f": accepted {moment(clock['accepted_at'])}, not seen since" if clock["accepted_at"] else ": not accepted yet"
    )


def _file(file: Fact) -> Iterator[str]:
    yield f"      in {file.get('name') or 'a file without name'}, record {file['record_no']}, file id {file.get('id', 'unknown')}"
    yield f"      sha-256 {file.get('sha256', 'unknown')}"


def _way(steps: Iterable[Fact]) -> str:
    told = [f"{_word(step['rule'])} {step['key'] or ''} to {step['to']}".replace("  ", " ") for step in steps]
    return ", then ".join(told) or "a link that is not held any more"


def _opt_in(entry: Fact) -> Iterator[str]:
    asked = f"{moment(entry['at_earliest'])}, by {_word(entry['method'])}"
    yield f"  {entry['request_id']}: opt in on {entry['channel']} at {entry['scope']}, {asked}"
    yield f"      from {entry['source']}, first seen {moment(entry['first_seen'])}{_QUALITY.get(entry['time_quality'], '')}"
    yield from _file(entry["file"])
    for effect in entry["effects"]:
        yield f"      request {effect['request_id']} at {effect['scope']}: {effect['effect']}"
    if not entry["effects"]:
        yield "      there was no request on this channel to lift"


def _listing(entry: Fact) -> str:
    until = f"until {moment(entry['listed_to'])}" if entry["listed_to"] else "still listed"
    said = f", listed on {entry['listed_on']:%d %b %Y} by its own account" if entry["listed_on"] else ""
    law = f" ({entry['citation']})" if entry["citation"] else ""
    return f"  {entry['registry']}{law}: from version {entry['first_version']}, {moment(entry['listed_from'])}, {until}{said}"


def _pushes(rows: Iterable[Fact]) -> Iterator[str]:
    """One line for all nodes of a destination and channel that fared alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        state, at = _word(row["state"]), row["accepted_at"] or row["sent_at"]
        if row["state"] == "sent" and row["verify_class"] in ("none", "receipt"):
            state = "accepted"
        elif row["state"] == "verified":
            at = row["verified_at"]
        details = [_PROOF.get(row["verify_class"] or "", "not pushed yet")]
        details += [_word(row["error"])] if row["error"] else []
        details += [] if row["wanted"] else ["no longer wanted"]
        where = f"{row['destination']} ({row['system']}), {row['channel']}"
        how = f"{state}{f' {moment(at)}' if at else ''} ({', '.join(details)})"
        alike.setdefault((where, how), []).append(row["scope"])
    for (where, how), scopes in alike.items():
        yield f"  {where} at {listed(scopes)}: {how}"


def _history(history: list[Fact]) -> Iterator[str]:
    for row in history[:_HISTORY_TOLD]:
        node = row["scope"] if row["released_scope"] is None else f"{row['released_scope']} (released from {row['scope']})"
        word = _word(row["action"]) if row["released_scope"] is None else "free"
        span = f"{moment(row['in_force_from'])} to {moment(row['in_force_to'], 'now')}"
        known = f"known {moment(row['known_from'])}" + (f" to {moment(row['known_to'])}" if row["known_to"] else "")
        yield f"  {span}: {row['channel']} at {node}, {word} ({known})"
    if len(history) > _HISTORY_TOLD:
        yield f"  and {counted(len(history) - _HISTORY_TOLD, 'more line')}, with --json"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = list(lines)
    if told:
        yield ""
        yield title
        yield from told


def _what(entry: Fact) -> str:
    return f"{_word(entry['action'])} by {_word(entry['method'])}" if entry["method"] else _word(entry["action"])


def _word(code: str | None) -> str:
    return (code or "unknown").replace("_", " ")
