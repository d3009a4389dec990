"""The authority on phone numbers: what one text means, with ``phonenumbers`` deciding (:func:`normalise_phone`).

Here is the meaning, one number at a time. ``phone_sql`` gives the same answers for the mass of them and asks this
module for the rest; ``compile_ranges`` turns the library's metadata into the table that ``phone_sql`` works with.
Nothing here needs DuckDB, so that a single look-up starts fast.

What counts: a *possible* number (its length fits its numbering plan) suppresses, valid or not, because a list that
names it must still match it. Where a text can be read in two ways, a reading that gives a valid number wins over one
that is merely possible, and a reading that gives any number wins over none: a rejected text suppresses nobody.
That holds for the digits that stand there. Which of them belong to the number is no matter of likelihood: a letter among
them may be a digit, and what follows a slash may be a second number. Such a text is rejected, and so listed for a person,
because any guess would suppress, or with an opt-in release, a number that nobody named.

A result with status ``ok`` may carry a note as its reason: the number is used, and a person can find the cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Literal, NamedTuple

import phonenumbers
from phonenumbers import re_util

from orchestration.identifiers.normal_form import CONTROL, INVISIBLE, JOINERS, MAX_PHONE, class_of
from orchestration.identifiers.regions import country_code

# The metadata has more expressions than the cache of ``re`` holds: over many countries the library would spend nine tenths
# of its time on compiling them again. Asked to, it keeps them; their number is bounded by the metadata.
re_util.enable_pattern_cache()

# Part of the normaliser's version: raise it when a rule of this module changes, so that every cached number is read again.
RULES = 7

Status = Literal["ok", "rejected"]

NOTES: dict[str, str] = {
    "possible_only": "its length is possible, but no range of its country's plan holds it",
    "extension_dropped": "the base number of an extension: a PBX line reaches everybody behind it",
    "text_dropped": "words after the number were left out",
    "international_prefix_assumed": "a leading 00 or 011 was read as +",
    "plus_dropped": "a plus stood before a national number",
    "plus_assumed": "no country fits but the one that its first digits name",
    "trunk_zero_dropped": "a zero that is only dialled inside the country was left out",
    "mobile_prefix_dropped": "Mexico's former 1, 01, 044 or 045 was left out",
    "ninth_digit_added": "a Brazilian mobile number from before its ninth digit",
    "leading_zero_restored": "a spreadsheet had dropped the leading zero",
}
REASONS: dict[str, str] = {
    "empty": "nothing in it",
    "no_digits": "words such as 'anonymous'",
    "masked": "some of its digits are hidden (201XXXXXXX, +447766****)",
    "scientific_notation": "a spreadsheet cut it (1.5551E+10)",
    "repeated_digit": "one digit all over, as typed to get past a form",
    "several_numbers": "more than one number in one field",
    "short_code": "three to six digits: emergency and service numbers, or the sender of a text",
    "no_region": "a national number, and nothing says of which country",
    "local_only": "the area code is missing",
    "too_short": "fewer digits than the country's numbers have",
    "too_long": "more digits than the country's numbers have",
    "wrong_length": "between two lengths of the country's numbers",
    "unknown_calling_code": "no country has this code",
    "letter_for_digit": "a letter that looks like a digit touches the number (O for 0, l for 1): nobody knows which number it is",
    "unclear_ending": "what follows is no certain extension: a second number, a digit mistyped, or words that touch the number",
    "not_a_number": "not written like a phone number",
}


class PhoneResult(NamedTuple):
    """One number read. ``number_region`` is the country it belongs to; null when unknown or none in particular."""

    e164: str | None
    status: Status
    reason: str | None
    number_region: str | None


class Written(NamedTuple):
    """What a text says, before any numbering plan: ``+`` and digits, digits, or digits with letters (1800FLOWERS)."""

    dialled: str
    note: str | None


# phonenumbers refuses to parse more, to bound its regular expressions.
MAX_TEXT = 250
# Seven digits is the shortest subscriber number that a list of consumers holds outside the small islands, whose
# five- and six-digit numbers count when the plan knows them.
MIN_DIGITS = 7
_FRENCH_GROUP = 2

# Lines and cells: what one program puts between two numbers, and another between the halves of one.
_BREAK = re.compile(r"\s*[\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]\s*")
_SPACE = re.compile(r"[^\S\n]")
# Address books copy them along with a number.
_INVISIBLE = re.compile(f"[{class_of(f'{CONTROL} {INVISIBLE} {JOINERS}')}]")
# Letters taken for a digit, and digits for them, by people and by scanners: Latin 0 1 2 5 6 8 9, then Cyrillic and Greek ones.
LOOK_ALIKE = "OoQDIilZzSsGbBgq"
_LOOK_ALIKE = re.compile(f"[{LOOK_ALIKE}\u041e\u043e\u0417\u0437\u0431\u0406\u0456\u039f\u03bf\u0399\u03b9]+")
_WORD = re.compile(r"[^\W\d_]+")
_WORD_BEFORE = re.compile(r"[^\W\d_]+\Z")
_START = re.compile(r"[+\uff0b\d]")
_END = re.compile(r"[\W_]+$")
_SCIENTIFIC = re.compile("[+\uff0b]?(\\d)(?:[.,\uff0e](\\d*))?[eE][+\uff0b]?(\\d{1,2})")
_MASKED = re.compile(
    "(?<![A-WYZa-wyz])[xX]{2}(?![A-WYZa-wyz])|[*\u2022\u25cf\u2588](?=[\\W_]*[\\dxX*\u2022\u25cf\u2588])|\\d[-. ]*[?#_]{2}"
    # one digit alone, at the end
    "|\\d[xX*\u2022\u25cf\u2588?_\ufffd][^\\w+]*$"
)
_FLOAT = re.compile("([+\uff0b]?\\d{5,})[.\uff0e][0\uff10]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3}){2,}", re.ASCII)
_TAIL = re.compile(r"[^\W\d_]|[,;#+\uff0b]")
_CONTEXT = ";phone-context="
# Words for an extension in the languages of the people that companies write to, and the signs that telephones dial it by.
_EXTENSION = re.compile(
    r"[,; ]*(?:ext(?:ension|ensi\u00f3n|n)?|x|int(?:erno)?|anexo|poste|interne|dw|durchwahl|toestel|tst|ramal|wew|"
    r"\u0434\u043e\u0431|\u5185\u7dda|\u5206\u673a)[.:=]* *(?:no\.? *)?#?\d{1,6}|[,;]+\d{1,6}|# *\d{1,6}",
    re.IGNORECASE,
)
# A hash ends what is dialled, and North America writes an extension as -123#: alone it is certain only behind digits alone.
_HASH_AT_END = re.compile(r"\d *#[\W_]*$")
_DIGITS_AND_HASH = re.compile("[+\uff0b]?\\d+ *#[\\W_]*")
_WORDS_APART = re.compile(r"[\s(\[/]$")
# 1-800-FLOWERS: the letters on the keys, all of them at the end. One or two letters are a slip, not a word.
_VANITY = re.compile(rf"\+?(?:\d[- ().]*){{2,}}\d(?:[- ().]+[A-Za-z]|[^\W\d_{LOOK_ALIKE}])(?:[- .]?[A-Za-z]){{2,}}", re.ASCII)
# What people put between digits. Anything else (a colon of a time of day, a currency sign) is not a phone number.
_SEPARATORS = re.compile("[-\u2010-\u2015\u2212\u30fc\uff0d ()\uff08\uff09\\[\\]\uff3b\uff3d./\uff0e\uff0f~_\u00b7\n]+")


def normalise_phone(raw: str | None, region: str | None, library: ModuleType = phonenumbers) -> PhoneResult:
    """Read one phone number as it was written; ``region`` is the country a national number would be dialled in.

    ``library`` is ``phonenumbers`` or a module with the same functions and the same metadata.
    """
    return read_written(read_text(raw), phone_region(region), library)


def phone_region(region: str | None) -> str:
    """The region that ``phonenumbers`` knows by the text of a region column, else ``''``."""
    code = country_code(region)
    return code if code in phonenumbers.SUPPORTED_REGIONS else ""


def read_text(raw: str | None) -> Written | str:  # noqa: PLR0911  (one answer for each kind of text)
    """The digits of a text, or the reason why it has none to offer. Knows nothing of countries."""
    text = _SPACE.sub(" ", _BREAK.sub("\n", _INVISIBLE.sub("", raw or "")))
    if not text.strip():
        return "empty"
    if len(text) > MAX_TEXT:
        return "too_long"
    start = _START.search(text)
    written = text[start.start() :] if start else ""
    if start and (word := _WORD_BEFORE.search(text[: start.start()])) and _LOOK_ALIKE.fullmatch(word[0]):
        return "letter_for_digit"
    if _HASH_AT_END.search(written) and not _DIGITS_AND_HASH.fullmatch(written):
        return "unclear_ending"
    part = _END.sub("", written)
    if not part:
        return "no_digits"
    if match := _SCIENTIFIC.fullmatch(part):
        first, rest, exponent = match.groups()
        if len(rest or "") != int(exponent):
            return "scientific_notation"  # all digits are there only when as many follow the point as the exponent says
        return Written(phonenumbers.normalize_digits_only(first + (rest or "")), None)
    if _MASKED.search(written):
        return "masked"
    if match := _FLOAT.fullmatch(part):
        part = match.group(1)
    elif _THOUSANDS.fullmatch(part):
        part = part.replace(",", "")
    return _split_tail(part)


def _split_tail(part: str) -> Written | str:  # noqa: PLR0911  (one answer for each kind of text)
    """Separate the number from the extension or the words that follow it, where that is certain."""
    note = None
    tail = _TAIL.search(part, 1)
    if tail and _CONTEXT not in part:
        head, rest = part[: tail.start()], part[tail.start() :]
        if _digits(head) >= MIN_DIGITS:
            note = _tail_means(head, rest)
            if note not in NOTES:
                return note
            part = head
        elif rest[0] in "+\uff0b":
            return _split_tail(rest)  # '00+44 20...', 'line 2 +44 20...': a plus begins the number
        elif _VANITY.fullmatch(part) and not _LOOK_ALIKE.fullmatch("".join(_WORD.findall(part))):
            return Written(part, None)
    if _CONTEXT in part:
        return Written(part, note)
    plus = "+" if part[0] in "+\uff0b" else ""
    digits = _SEPARATORS.sub("", part.lstrip("+\uff0b"))
    if not digits:
        return "no_digits"
    if not digits.isdecimal():
        return "not_a_number"
    if _is_several(part):
        return "several_numbers"
    return Written(plus + (digits if digits.isascii() else phonenumbers.normalize_digits_only(digits)), note)


def _tail_means(head: str, rest: str) -> str:
    """The note on what follows a number, or the reason why that is not certain."""
    digits = _digits(rest)
    if digits >= MIN_DIGITS:
        return "several_numbers"
    if digits:
        word = _WORD.match(rest)
        is_look_alike = word is not None and _LOOK_ALIKE.fullmatch(word[0])
        return "extension_dropped" if _EXTENSION.fullmatch(rest) else "letter_for_digit" if is_look_alike else "unclear_ending"
    if (word := _WORD.search(rest)) and _LOOK_ALIKE.fullmatch(word[0]):
        return "letter_for_digit"
    return "text_dropped" if _WORDS_APART.search(head) else "unclear_ending"


def _is_several(part: str) -> bool:
    """Do a slash or a break part a number from what follows? '030 1234567/68' are two; '030/1234567' and '01/99/00/12/34' one."""
    pieces = re.split("([/\n])", part)
    before = -_calling_digits(part)
    for place in range(0, len(pieces) - 2, 2):
        digits, separator, following = _digits(pieces[place]), pieces[place + 1], _digits(pieces[place + 2])
        group = digits + min(before, 0)
        before += digits
        # One or two digits behind a longer group stand for its last ones; groups of two are how France and Belgium write.
        is_last_digits = group > _FRENCH_GROUP + 1 and following <= _FRENCH_GROUP
        if following and (group >= MIN_DIGITS or (before >= MIN_DIGITS and (separator == "\n" or is_last_digits))):
            return True
    return False


def _calling_digits(part: str) -> int:
    """How many digits the calling code takes, with the 00 before it."""
    digits = phonenumbers.normalize_digits_only(part)
    abroad = 2 if digits.startswith("00") else 0
    if part[0] not in "+\uff0b" and not abroad:
        return 0
    codes = (
        length for length in (1, 2, 3) if int(digits[abroad : abroad + length] or 0) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    )
    return abroad + next(codes, 0)


def _digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _goes_on(reading: _Reading, library: ModuleType) -> bool:
    """Could a number of this plan begin with these digits and have more?"""
    code, national = reading.calling_code, reading.national
    return any(_read(f"+{code}{national}{'2' * more}", "", library).verdict in ("valid", "possible") for more in (1, 2, 3))


class _Reading(NamedTuple):
    """One way to read the digits: ``verdict`` is ``valid``, ``possible`` or a reason to reject."""

    verdict: str
    calling_code: int = 0
    national: str = ""
    region: str | None = None
    extension: bool = False


def read_written(written: Written | str, hint: str, library: ModuleType = phonenumbers) -> PhoneResult:
    """The answer to what :func:`read_text` found, under the numbering plan of ``hint`` (a supported region or ``''``)."""
    if isinstance(written, str):
        return _rejected(written)
    dialled, note = written
    if len(set(dialled.lstrip("+"))) == 1:
        return _rejected("repeated_digit")
    plain = _read(dialled, hint, library)
    chosen = _chosen(plain, dialled, hint, library)
    if chosen is None:
        return _rejected("short_code" if 3 <= len(dialled) < MIN_DIGITS and dialled[0] != "+" else plain.verdict)
    repair, reading = chosen
    if reading.verdict == "possible":
        if not dialled.lstrip("+").isdecimal() and _CONTEXT not in dialled:
            return _rejected("not_a_number")  # letters on the keys of a number that no plan knows are no letters on keys
        # Without a plan's word that it ends there, what was left out may have been its last digits.
        if note and _goes_on(reading, library):
            return _rejected("unclear_ending")
    # Behind a plus everything is the number's own, but for a trunk prefix that people dial all the same, and the library drops.
    trunk_prefix_dropped = dialled.startswith("+") and dialled != f"+{reading.calling_code}{reading.national}"
    if repair or trunk_prefix_dropped or reading.verdict == "possible" or reading.national.startswith("0"):
        repair, reading = _settled(repair, reading, library)
    region = reading.region
    if region is None and hint and phonenumbers.country_code_for_region(hint) == reading.calling_code:
        region = hint  # a possible number of a shared calling code that no member's plan holds: the record's own country
    extension = "extension_dropped" if reading.extension else None
    possible = "possible_only" if reading.verdict == "possible" else None
    return PhoneResult(f"+{reading.calling_code}{reading.national}", "ok", repair or note or extension or possible, region)


def _chosen(plain: _Reading, dialled: str, hint: str, library: ModuleType) -> tuple[str | None, _Reading] | None:
    """The reading that counts and the repair that gave it, if it took one; None when no reading gives a number."""
    if plain.verdict == "valid":
        return None, plain
    for repair, reading in _better_if_valid(dialled, hint, plain, library):
        if reading.verdict == "valid":
            return repair, reading
    if plain.verdict == "possible":
        return None, plain
    for repair, reading in _better_than_nothing(dialled, hint, plain, library):
        if reading.verdict in ("valid", "possible"):
            return repair, reading
    return None


def _settled(repair: str | None, reading: _Reading, library: ModuleType) -> tuple[str | None, _Reading]:
    """The reading whose answer is read as itself: whoever asks for the answer must find the same number.

    A repair may leave one that a rule would repair further: a trunk zero that one plan keeps and its neighbour's, under the same
    calling code, does not; a plus dropped from what turns out to be a Brazilian mobile number of old.
    """
    for _ in range(MAX_PHONE):  # each round but one (a Brazilian's ninth digit) takes at least a digit off
        answer = f"+{reading.calling_code}{reading.national}"
        again = _chosen(_read(answer, "", library), answer, "", library)
        if again is None or again[1].national == reading.national:
            break
        repair, reading = again[0] or "trunk_zero_dropped", again[1]
    return repair, reading


def _better_if_valid(dialled: str, hint: str, plain: _Reading, library: ModuleType) -> Iterator[tuple[str, _Reading]]:
    """Readings that replace even a possible plain one, but only when they give a valid number."""
    if rest := _after_international_prefix(dialled, hint):
        yield "international_prefix_assumed", _read("+" + rest, hint, library)
    if plain.calling_code == 55 and len(plain.national) == 10:
        nine = f"+55{plain.national[:2]}9{plain.national[2:]}"
        yield "ninth_digit_added", _read(nine, hint, library)
    if hint and dialled[0] in "123456789":
        yield "leading_zero_restored", _read("0" + dialled, hint, library)


def _better_than_nothing(dialled: str, hint: str, plain: _Reading, library: ModuleType) -> Iterator[tuple[str, _Reading]]:
    """Readings of a text whose plain one is no possible number."""
    if dialled.lstrip("+").startswith("00") and (rest := _after_international_prefix(dialled, hint)):
        yield "international_prefix_assumed", _read("+" + rest, hint, library)
    if hint and dialled.startswith("+0"):
        yield "plus_dropped", _read(dialled[1:], hint, library)
    # North America dials no trunk zero: what begins with one is some other country's number, or nobody knows whose.
    if plain.national.startswith("0") and (plain.calling_code != 1 or dialled.startswith("+")):
        yield "trunk_zero_dropped", _read(f"+{plain.calling_code}{plain.national[1:]}", hint, library)
    if plain.calling_code == 52 and (match := re.fullmatch(r"(?:01|04[45]|1)(\d{10})", plain.national)):
        yield "mobile_prefix_dropped", _read("+52" + match.group(1), hint, library)
    if hint and dialled.isdecimal():
        abroad = _read("+" + dialled, hint, library)
        if abroad.verdict == "valid" and not _one_digit_too_many(dialled, hint, plain, library):
            yield "plus_assumed", abroad


def _one_digit_too_many(dialled: str, hint: str, plain: _Reading, library: ModuleType) -> bool:
    """Is it as likely a mistyped number of the region? Then it names nobody for sure, and a person has to look."""
    too_long = plain.verdict == "too_long" and plain.calling_code != 0
    return too_long and bool(library.truncate_too_long_number(library.parse(dialled, hint)))


def _after_international_prefix(dialled: str, hint: str) -> str:
    """The digits behind 00, dialled almost everywhere, or behind North America's 011 when no region contradicts it."""
    match = re.match(r"\+?(?:00|011)([1-9].*)" if not hint else r"\+?00([1-9].*)", dialled)
    return match.group(1) if match else ""


def _read(dialled: str, hint: str, library: ModuleType) -> _Reading:
    try:
        number = library.parse(dialled, hint or None)
    except library.NumberParseException as error:
        if not hint and dialled[0] != "+":
            return _Reading("no_region")
        return _Reading(_parse_reasons[error.error_type])
    national = library.national_significant_number(number)
    code = number.country_code
    extension = bool(number.extension)
    possible = library.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return _Reading(_length_reasons[possible], code, national, None, extension)
    if len(str(code)) + len(national) > MAX_PHONE:
        return _Reading("too_long", code, national, None, extension)
    region = library.region_code_for_number(number)
    valid = region is not None and library.is_valid_number_for_region(number, region)  # as is_valid_number, region known
    if len(str(code)) + len(national) < MIN_DIGITS or (not valid and len(national) < MIN_DIGITS):
        return _Reading("too_short", code, national, None, extension)
    region = None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region
    return _Reading("valid" if valid else "possible", code, national, region, extension)


_parse_reasons = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "unknown_calling_code",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "not_a_number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too_short",
    phonenumbers.NumberParseException.TOO_LONG: "too_long",
}
_length_reasons = {
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "local_only",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "unknown_calling_code",
    phonenumbers.ValidationResult.TOO_SHORT: "too_short",
    phonenumbers.ValidationResult.INVALID_LENGTH: "wrong_length",
    phonenumbers.ValidationResult.TOO_LONG: "too_long",
}


def _rejected(reason: str) -> PhoneResult:
    return PhoneResult(None, "rejected", reason, None)
