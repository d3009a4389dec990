"""Compile the metadata of ``phonenumbers`` to integer ranges: ``python -m tools.compile_ranges``.

The library decides with regular expressions over digits; on strings of one length such a decision is constant over
ranges of integers, which a database joins by the million. Three tables go into one Parquet file, named after the
metadata's version; run the command, and commit its file, whenever ``phonenumbers`` is upgraded.

- ``international``: digits behind ``+`` and the calling code -> the national significant number,
- ``national``: digits as dialled inside a region -> calling code and national significant number,
- ``numbering``: calling code and national significant number -> valid or not, and in which region.

How: digits are tried from the left. A decision that depends on a digit not yet seen raises :class:`_Undecided`, and
the range is split in ten. What stays undecided, and what the parser does that no range can say, is left out: the
caller then asks the library. Both ends of every range are checked against the library before the file is written.

Nothing here runs in production.
"""

from __future__ import annotations

import re._constants as ops  # type: ignore[import-not-found]
import re._parser as regex_parser  # type: ignore[import-not-found]
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
from phonenumbers.phonemetadata import REGION_CODE_FOR_NON_GEO_ENTITY, PhoneMetadata

from orchestration.identifiers.phone import MIN_DIGITS, normalise_phone
from orchestration.identifiers.phone_sql import RANGES_FILE

# As dialled: shorter ones are left to the library, which knows the islands; longer ones exceed E.164's 15 digits.
DIALLED_LENGTHS = range(6, 16)
BEHIND_CODE_LENGTHS = range(4, 15)
# Leading digits looked at before a range is left out. Dialling prefixes are over after six, but China's, of carriers and
# for calls abroad, would alone make nineteen thousand ranges, for area codes in which few live. Plans decide on ten.
_DIALLED_DEPTH, _CHINA_DEPTH, _NUMBERING_DEPTH = 6, 5, 10
_DIGITS = "0123456789"

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("plan", pa.string()),  # a calling code, or for 'national' a region
        ("digits", pa.uint8()),
        ("low", pa.uint64()),
        ("high", pa.uint64()),
        ("calling_code", pa.uint16()),
        ("dropped", pa.uint8()),  # so many leading digits go,
        ("lead", pa.string()),  # and these come before the rest
        ("note", pa.string()),
        ("zero_matters", pa.bool_()),  # with a zero before it, it may be another and a valid number
        ("valid", pa.bool_()),
        ("region", pa.string()),
    ]
)


# Places in a pattern's program, each with where its groups began and ended.
_Threads = tuple[tuple[int, tuple[int, ...]], ...]


class Outcome(NamedTuple):
    """What is the same for all numbers of a range; the columns of :data:`SCHEMA` behind ``high``."""

    calling_code: int
    dropped: int = 0
    lead: str = ""
    note: str | None = None
    zero_matters: bool = False
    valid: bool | None = None
    region: str | None = None


class _Undecided(Exception):
    """The answer depends on a digit that is not known yet."""


class _Pattern:
    """A regular expression of the metadata over digits, run on a string of which only the beginning is known.

    A Pike machine: a list of threads in order of preference, so that it finds the match that ``re`` would find.
    """

    def __init__(self, regex: str) -> None:
        self._program: list[tuple[str, Any]] = []
        tree = regex_parser.parse(regex)
        self._groups = tree.state.groups - 1
        self._emit(tree)
        self._program.append(("match", None))
        self._steps: dict[tuple[_Threads, str, int, bool], _Threads] = {}
        self._nexts: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._constant: dict[tuple[frozenset[int], int], bool | None] = {}

    def _emit(self, tree: Any) -> None:
        for op, value in tree:
            if op is ops.LITERAL:
                self._program.append(("digit", chr(value)))
            elif op is ops.IN:
                self._program.append(("digit", _members(value)))
            elif op is ops.SUBPATTERN:
                group, _, _, inner = value
                self._program += [("save", 2 * group - 2)] if group else []
                self._emit(inner)
                self._program += [("save", 2 * group - 1)] if group else []
            elif op is ops.BRANCH:
                self._branch([partial(self._emit, item) for item in value[1]])
            elif op is ops.MAX_REPEAT:
                low, high, inner = value
                if high is ops.MAXREPEAT:
                    raise NotImplementedError("unbounded repeat")
                for _ in range(low):
                    self._emit(inner)
                self._emit_optional(inner, high - low)
            elif op is ops.AT and value is ops.AT_END:
                self._program.append(("end", None))
            else:
                raise NotImplementedError(f"{op} in a pattern of the metadata")

    def _branch(self, branches: list[Callable[[], None]]) -> None:
        split = len(self._program)
        self._program.append(("split", []))
        jumps, starts = [], []
        for emit in branches:
            starts.append(len(self._program))
            emit()
            jumps.append(len(self._program))
            self._program.append(("jump", None))
        self._program[split] = ("split", starts)
        for jump in jumps:
            self._program[jump] = ("jump", len(self._program))

    def _emit_optional(self, inner: Any, times: int) -> None:
        def one_and_more() -> None:
            self._emit(inner)
            self._emit_optional(inner, times - 1)

        if times:
            self._branch([one_and_more, lambda: None])

    def _threads(self, starts: list[tuple[int, tuple[int, ...]]], position: int, at_end: bool) -> _Threads:
        """Threads at their next digit or match, in order, the first to reach a place winning it."""
        threads, seen, stack = [], set(), starts[::-1]
        while stack:
            place, saved = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            op, value = self._program[place]
            if op == "split":
                stack += [(target, saved) for target in reversed(value)]
            elif op == "jump":
                stack.append((value, saved))
            elif op == "save":
                stack.append((place + 1, (*saved[:value], position, *saved[value + 1 :])))
            elif op == "end":
                stack += [(place + 1, saved)] if at_end else []
            else:
                threads.append((place, saved))
                if op == "match":
                    break  # what follows is less preferred than a match
        return tuple(threads)

    def _step(self, threads: _Threads, digit: str, position: int, at_end: bool) -> _Threads:
        key = (threads, digit, position, at_end)
        if key not in self._steps:
            moved = [(place + 1, saved) for place, saved in threads if digit in (self._program[place][1] or "")]
            self._steps[key] = self._threads(moved, position, at_end)
        return self._steps[key]

    def match(self, text: Text) -> tuple[int, list[tuple[int, int] | None]] | None:
        """As ``re.match``: where the match ends and its groups' spans, or None."""
        best = None
        threads = self._threads([(0, (-1,) * (2 * self._groups))], 0, text.length == 0)
        for position in range(text.length + 1):
            if threads and self._program[threads[-1][0]][0] == "match":
                saved = threads[-1][1]
                spans = [(saved[2 * n], saved[2 * n + 1]) if saved[2 * n + 1] >= 0 else None for n in range(self._groups)]
                best, threads = (position, spans), threads[:-1]
            if not threads or position == text.length:
                return best
            at_end = position + 1 == text.length
            if position < len(text.known):
                threads = self._step(threads, text.known[position], position + 1, at_end)
            else:
                following = {self._step(threads, digit, position + 1, at_end) for digit in _DIGITS}
                if len(following) > 1:
                    raise _Undecided
                threads = following.pop()
        return best

    def fits(self, text: Text) -> bool | None:
        """As ``re.fullmatch``: True or False for whatever the unknown digits are, else None."""
        places = self._places([0])
        for digit in text.known:
            places = self._next(places, digit)
        return self._settled(places, text.length - len(text.known))

    def _places(self, starts: list[int]) -> frozenset[int]:
        found, seen, stack = [], set(), list(starts)
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            op, value = self._program[place]
            if op == "split":
                stack += value
            elif op == "jump":
                stack.append(value)
            elif op == "save":
                stack.append(place + 1)
            else:
                found.append(place)
        return frozenset(found)

    def _next(self, places: frozenset[int], digit: str) -> frozenset[int]:
        key = (places, digit)
        if key not in self._nexts:
            self._nexts[key] = self._places([place + 1 for place in places if digit in (self._program[place][1] or "")])
        return self._nexts[key]

    def _settled(self, places: frozenset[int], left: int) -> bool | None:
        key = (places, left)
        if key not in self._constant:
            if not places or not left:
                answer: bool | None = any(self._program[place][0] == "match" for place in places)
            else:
                answers = {self._settled(self._next(places, digit), left - 1) for digit in _DIGITS}
                answer = answers.pop() if len(answers) == 1 else None
            self._constant[key] = answer
        return self._constant[key]


def _members(items: Any) -> str:
    digits = ""
    for op, value in items:
        if op is ops.LITERAL:
            digits += chr(value)
        elif op is ops.RANGE:
            digits += "".join(chr(code) for code in range(value[0], value[1] + 1))
        elif op is ops.CATEGORY and value is ops.CATEGORY_DIGIT:
            digits += _DIGITS
        else:
            raise NotImplementedError(f"{op} in a set of the metadata")
    return digits


@dataclass(frozen=True)
class Text:
    """A string of ``length`` digits that begins with ``known``; it is ``lead`` and what was dialled behind ``dropped``."""

    known: str
    length: int
    lead: str = ""
    dropped: int = 0

    def behind(self, count: int) -> Text:
        """Without its first ``count`` digits."""
        if count > len(self.known):
            raise _Undecided
        lead = self.lead[count:]
        return Text(self.known[count:], self.length - count, lead, self.dropped + max(0, count - len(self.lead)))

    def after(self, lead: str) -> Text:
        """With ``lead`` before it."""
        return Text(lead + self.known, self.length + len(lead), lead + self.lead, self.dropped)

    def starts(self, prefix: str) -> bool:
        """As ``str.startswith``."""
        if self.length < len(prefix) or self.known[: len(prefix)] != prefix[: len(self.known)]:
            return False
        if len(self.known) < len(prefix):
            raise _Undecided
        return True


_POSSIBLE, _LOCAL, _SHORT, _LONG, _BETWEEN = "possible", "local", "short", "long", "between"
_TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan", "voicemail",
)  # fmt: skip
_pattern = cache(_Pattern)


class _Plan:
    """The numbering plan of one region or non-geographic calling code."""

    def __init__(self, metadata: PhoneMetadata) -> None:
        self.region = metadata.id
        self.calling_code = metadata.country_code
        general = metadata.general_desc
        assert general is not None and general.national_number_pattern is not None
        self.general = _pattern(general.national_number_pattern)
        self._possible, self._local = general.possible_length, general.possible_length_local_only
        self.abroad = _pattern(metadata.international_prefix or "NonMatch")
        self._trunk = metadata.national_prefix_for_parsing
        self._rule = metadata.national_prefix_transform_rule
        self._leading = metadata.leading_digits
        self._kinds = [desc for name in _TYPES if (desc := getattr(metadata, name)) and desc.national_number_pattern]

    def length_verdict(self, length: int) -> str:
        """Whether numbers of this length are possible, and if not, why."""
        if length in self._local:
            return _LOCAL
        if length in self._possible:
            return _POSSIBLE
        return _SHORT if length < self._possible[0] else _LONG if length > self._possible[-1] else _BETWEEN

    @cache  # noqa: B019  (a plan lives as long as the command)
    def _known(self, length: int) -> _Pattern | None:
        """All of the plan's kinds of numbers of one length, as one pattern."""
        fitting = [desc.national_number_pattern for desc in self._kinds if length in (desc.possible_length or (length,))]
        return _pattern("|".join(f"(?:{regex})" for regex in fitting)) if fitting and length in self._possible else None

    def holds(self, text: Text) -> bool:
        """Is it a valid number of this plan?"""
        known = self._known(text.length)
        answers = {self.general.fits(text), known.fits(text)} if known else {False}
        if False in answers:
            return False
        if None in answers:
            raise _Undecided
        return True

    def claims(self, text: Text) -> bool:
        """Is it this region, of those that share a calling code, that the number belongs to?"""
        if self._leading is not None:
            return _pattern(self._leading).match(text) is not None
        return self.holds(text)

    def without_trunk_prefix(self, text: Text) -> Text | None:
        """Without the prefix dialled inside the country, where the library takes it off; None: no range can say."""
        if not text.length or not self._trunk or (found := _pattern(self._trunk).match(text)) is None:
            return text
        end, groups = found
        if self._rule and groups and groups[-1] is not None:
            lead, _, group = self._rule.partition("\\")
            span = groups[int(group) - 1]
            if span is None or span[1] != end:
                return None  # the rule moves digits about
            stripped = text.behind(span[0]).after(lead)
        else:
            stripped = text.behind(end)
        before, after = self.general.fits(text), self.general.fits(stripped)
        if before is False or after is True:
            return stripped
        if before is True and after is False:
            return text
        raise _Undecided

    def significant(self, text: Text) -> Text | None:
        """The national significant number of digits behind the calling code, or dialled inside the region."""
        if text.length < 2:
            return None
        stripped = self.without_trunk_prefix(text)
        if stripped is None:
            return None
        return stripped if self.length_verdict(stripped.length) in (_POSSIBLE, _LONG) else text


@cache
def _plan(region: str, calling_code: int) -> _Plan:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    assert metadata is not None
    return _Plan(metadata)


def _plans_of_code(calling_code: int) -> list[_Plan]:
    return [_plan(region, calling_code) for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]]


def international(calling_code: int, text: Text) -> Outcome | None:
    """What the digits behind ``+`` and a calling code mean."""
    main = _plans_of_code(calling_code)[0]
    number, note = main.significant(text), None
    if number is not None and main.length_verdict(number.length) != _POSSIBLE:
        number, note = _repaired(main, number)
    if number is None or main.length_verdict(number.length) != _POSSIBLE:
        return None
    # A free number of Belarus begins with the 8 that is also its trunk prefix: phone.py reads until nothing more comes off.
    if number.dropped and ((again := main.significant(number)) is None or again.length != number.length):
        return None
    return Outcome(calling_code, number.dropped, number.lead, note)


def _repaired(main: _Plan, number: Text) -> tuple[Text | None, str | None]:
    """The repairs of ``phone.py`` for an international number whose length is impossible."""
    if number.starts("0"):
        repaired = main.significant(number.behind(1))
        if repaired is not None and repaired.length >= MIN_DIGITS and main.length_verdict(repaired.length) == _POSSIBLE:
            return repaired, "trunk_zero_dropped"
    if main.calling_code == 52:
        for former in ("01", "044", "045", "1"):
            if number.length == len(former) + 10 and number.starts(former):
                return main.significant(number.behind(len(former))), "mobile_prefix_dropped"
    return None, None


def national(region: str, text: Text) -> Outcome | None:
    """What digits without ``+`` mean, dialled inside a region; None also when they begin with its international prefix."""
    calling_code = phonenumbers.country_code_for_region(region)
    number = _dialled_inside(region, calling_code, text)
    if number is None or _plans_of_code(calling_code)[0].length_verdict(number.length) != _POSSIBLE:
        return None
    return Outcome(calling_code, number.dropped, number.lead, None, _zero_matters(region, calling_code, text, number))


def _dialled_inside(region: str, calling_code: int, text: Text) -> Text | None:
    plan = _plan(region, calling_code)
    if found := plan.abroad.match(text):
        end = found[0]
        if end >= len(text.known) and end < text.length:
            raise _Undecided
        if end == text.length or text.known[end] != "0":
            return None
    if text.starts(code := str(calling_code)):
        rest = plan.without_trunk_prefix(text.behind(len(code)))
        if rest is None:
            return None
        before, after = plan.general.fits(text), plan.general.fits(rest)
        if plan.length_verdict(text.length) == _LONG or (before is False and after is True):
            return _plans_of_code(calling_code)[0].significant(rest)
        if before is not True and after is not False:
            raise _Undecided
    return plan.significant(text)


def _zero_matters(region: str, calling_code: int, text: Text, number: Text) -> bool:
    """Could a spreadsheet have dropped a zero before it? True also when that can't be told."""
    if text.known[:1] == "0":
        return False
    try:
        restored = _dialled_inside(region, calling_code, text.after("0"))
        if restored is None:
            return True
        if (restored.lead, restored.dropped) == (number.lead, number.dropped):
            return False
        return any(plan.claims(restored) and plan.holds(restored) for plan in _plans_of_code(calling_code))
    except _Undecided:
        return True


def numbering(calling_code: int, text: Text) -> Outcome | None:
    """Whether a national significant number is valid, and in which region; None when its length is impossible."""
    plans = _plans_of_code(calling_code)
    if plans[0].length_verdict(text.length) != _POSSIBLE:
        return None
    owner = plans[0] if len(plans) == 1 else next((plan for plan in plans if plan.claims(text)), None)
    if owner is None:
        return Outcome(calling_code, valid=False)
    region = None if owner.region == REGION_CODE_FOR_NON_GEO_ENTITY else owner.region
    return Outcome(calling_code, valid=owner.holds(text), region=region)


def _ranges(decide: Callable[[Text], Outcome | None], length: int, depth: int) -> Iterator[tuple[int, int, Outcome]]:
    """The ranges of one length, in order, neighbours with the same outcome joined."""
    last: tuple[int, int, Outcome] | None = None
    for low, high, outcome in _pieces(decide, length, depth, ""):
        if last and last[2] == outcome and last[1] + 1 == low:
            last = (last[0], high, outcome)
            continue
        if last:
            yield last
        last = (low, high, outcome)
    if last:
        yield last


def _pieces(decide: Callable[[Text], Outcome | None], length: int, depth: int, known: str) -> Iterator[tuple[int, int, Outcome]]:
    try:
        outcome = decide(Text(known, length))
    except _Undecided:
        if len(known) < min(length, depth):
            for digit in _DIGITS:
                yield from _pieces(decide, length, depth, known + digit)
        return
    if outcome is not None:
        unknown = 10 ** (length - len(known))
        low = int(known or "0") * unknown
        yield low, low + unknown - 1, outcome


def compile_plan(kind: str, plan: str) -> Iterator[dict[str, Any]]:
    """All ranges of one kind and plan, as rows of :data:`SCHEMA`."""
    depth = _NUMBERING_DEPTH if kind == "numbering" else _CHINA_DEPTH if plan == "CN" else _DIALLED_DEPTH
    for length in DIALLED_LENGTHS if kind == "national" else BEHIND_CODE_LENGTHS:
        for low, high, outcome in _ranges(_decision(kind, plan), length, depth):
            yield {"kind": kind, "plan": plan, "digits": length, "low": low, "high": high, **outcome._asdict()}


def _decision(kind: str, plan: str) -> Callable[[Text], Outcome | None]:
    if kind == "national":
        return lambda text: national(plan, text)
    return lambda text: (international if kind == "international" else numbering)(int(plan), text)


def plans() -> list[tuple[str, str]]:
    """Every kind and plan that the file has to hold."""
    codes = [str(code) for code in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)]
    found = [("international", code) for code in codes]
    found += [("national", region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    return found + [("numbering", code) for code in codes]


def check(row: dict[str, Any], *points: int) -> None:
    """Compare both ends of a range, and given points in it, with the library.

    Raises:
        AssertionError: the compiled range says something else.
    """
    for point in (row["low"], row["high"], *points):
        digits = str(point).zfill(row["digits"])
        prefix = "" if row["kind"] == "national" else "+" + row["plan"]
        try:
            number = phonenumbers.parse(prefix + digits, row["plan"] if row["kind"] == "national" else None)
        except phonenumbers.NumberParseException as error:
            raise AssertionError(f"{row}: {digits} is not parsed") from error
        if row["kind"] == "numbering":
            # '+' may take a trunk prefix off; the number itself is what the range is about.
            number = phonenumbers.PhoneNumber(country_code=int(row["plan"]), national_number=point)
            zeros = len(digits) - len(digits.lstrip("0"))
            if zeros:
                number.italian_leading_zero, number.number_of_leading_zeros = True, min(zeros, len(digits) - 1)
            region = phonenumbers.region_code_for_number(number)
            region = None if region == REGION_CODE_FOR_NON_GEO_ENTITY else region
            assert (phonenumbers.is_valid_number(number), region) == (row["valid"], row["region"]), f"{row}: {digits}"
            continue
        national_number = row["lead"] + digits[row["dropped"] :]
        if row["note"]:
            # What a repair leaves may be repaired further: an answer is read again until it stays (phone.py, _settled).
            repaired = f"+{row['calling_code']}{national_number}"
            settled = normalise_phone(repaired, "").e164 or repaired
            assert normalise_phone(prefix + digits, "").e164 == settled, f"{row}: {digits}"
        else:
            seen = (number.country_code, phonenumbers.national_significant_number(number))
            assert seen == (row["calling_code"], national_number), f"{row}: {digits}"


def compile_all() -> pa.Table:
    """The whole file, every range checked at both ends."""
    rows = [row for kind, plan in plans() for row in compile_plan(kind, plan)]
    for row in rows:
        check(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA).replace_schema_metadata({"phonenumbers": phonenumbers.__version__})


def main() -> None:
    """Write the file of the installed version in place of older ones."""
    table = compile_all()
    for old in RANGES_FILE.parent.glob("phone_ranges_*.parquet"):
        old.unlink()
    pq.write_table(table, RANGES_FILE, compression="zstd")
    sys.stdout.write(f"{RANGES_FILE.name}: {table.num_rows} ranges of {len(plans())} plans, {RANGES_FILE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
