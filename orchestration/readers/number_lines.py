"""Files of lines that are nothing but a number: a registry of hundreds of millions becomes integers without becoming text.

A feed says in ``options.plain`` how its plain lines look, as pictures: ``X`` is a digit, ``N`` one of 2-9, ``Z`` one of
1-9, anything else stands for itself; and in ``options.calling_code`` the country. Lines that fit are read here, into a
sorted file; all others, and the first of each picture, take the ordinary way through the raw table. So what a line *means*
is still said by the staging model alone, which judges those first lines for all of their kind (``registries/taking``).
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.core.home import Home
from orchestration.core.numbers import Chunk, NumberWriter, distinct, from_batches, move_numbers, write_numbers
from orchestration.readers.delimited import read_delimited
from orchestration.readers.feeds import Feed
from orchestration.readers.outcome import USUAL_BOUNDS, Bounds, Outcome, UnreadableFile
from orchestration.readers.text import Utf8Text

# 1 MB: what is computed for its some 90 000 lines stays in the processor's cache.
_CHUNK = 1 << 20
_AHEAD = 4  # chunks being read at once; two cores are busy with half of them
_NEWLINE, _RETURN, _ZERO = ord("\n"), ord("\r"), ord("0")
# Eight digits are read at once as the bytes of one integer.
_WORD = 8
_LOWEST = {"X": 0, "Z": 1, "N": 2}
# Without their zero, digits are 0-9; 0x76 more lifts every other byte to one with its high bit set, if that was not before.
_ZEROS, _OVER_NINE, _HIGH_BITS = (np.uint64(int.from_bytes(bytes([byte]) * _WORD)) for byte in (_ZERO, 0x76, 0x80))

_STEPS = ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0xFFFFFFFF))

_Bytes = npt.NDArray[np.uint8]
_Words = npt.NDArray[np.uint64]
_Flags = npt.NDArray[np.bool_]
_Places = npt.NDArray[np.int64]


class _LongLine(Exception):
    """A line is longer than any record: the file is none of plain lines, and is left to the reader of all others."""


@dataclass(frozen=True)
class Picture:
    """How one kind of plain line looks, and what number it holds."""

    width: int
    literals: tuple[tuple[int, int], ...]
    """Places and the byte that stands there."""
    runs: tuple[tuple[int, int], ...]
    """Digits, at most eight in a row: the place behind the last of them, and how many."""
    digits: int
    least: int
    """The smallest number whose first digit is allowed."""
    base: int
    """The calling code, moved to where it stands in E.164."""


@dataclass
class _Read:
    """One chunk: the numbers of its plain lines, the places of all others, and the first line of each picture."""

    lines: int
    numbers: Chunk
    rest: list[tuple[int, bytes]]
    firsts: list[tuple[Picture, int, int, bytes]]
    """Picture, place among the lines, place among the numbers, the line."""


class Plain(NamedTuple):
    """What :func:`read_number_lines` found, beside the account: one row of ``raw.plain_numbers``."""

    records: int
    numbers: int
    probes: tuple[tuple[int, int], ...]
    """Record and number of the lines that were left in the raw table to be judged for all of their kind."""


@dataclass
class _Tally:
    lines: int = 0
    plain: int = 0
    ascending: bool = True
    """The numbers came in order and none twice, as registries give them: then they need no second pass."""
    last: int = -1
    probes: dict[Picture, tuple[int, int]] = field(default_factory=dict)
    rest: array[int] = field(default_factory=partial(array, "q"))
    """The records of all other lines, in eight bytes each."""


def plain_file(home: Home, file_id: str) -> Path:
    """Where the plain numbers of a landed file are."""
    return home.registries_folder / f"{file_id}.plain.parquet"


def pictures_of(feed: Feed) -> tuple[Picture, ...]:
    """The pictures of a feed's plain lines; none for most feeds."""
    return tuple(_picture(text, str(feed.options["calling_code"])) for text in feed.options.get("plain", ()))


def read_number_lines(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    feed: Feed,
    file_id: str,
    text: Utf8Text,
    folder: Path,
    bounds: Bounds = USUAL_BOUNDS,
) -> tuple[Outcome, Plain]:
    """Load one file: plain numbers into their own file, all other lines as ``read_delimited`` loads them.

    Args:
        folder: for temporary files; the caller removes it.

    Raises:
        UnreadableFile: the account does not balance.
    """
    rest_path, spool = folder / "rest", folder / "numbers.parquet"
    writer = NumberWriter(spool)
    try:
        with text.path.open("rb") as stream, rest_path.open("xb") as rest:
            os.fchmod(rest.fileno(), 0o600)
            tally = _separate(_chunks_read(stream, pictures_of(feed), bounds.record), writer, rest)
        writer.finish()
    except _LongLine:
        tally = _Tally()
    finally:
        writer.discard()
    if not tally.probes:
        return read_delimited(con, feed, file_id, text, bounds), Plain(0, 0, ())
    target = plain_file(home, file_id)
    numbers = move_numbers(spool, target) if tally.ascending else write_numbers(_sorted(con, spool), target)
    # A line with a byte order mark is no plain one: the first of the file is the first of the rest.
    outcome = read_delimited(con, feed, file_id, Utf8Text(rest_path, text.encoding, text.has_mark), bounds)
    _renumber(con, feed, file_id, tally.rest)
    loaded = Outcome(
        _count_lines(text.path),
        outcome.loaded + tally.plain,
        outcome.quarantined,
        outcome.skipped,
        "numbers",
        text.encoding,
        f"{tally.plain:,} plain lines, {tally.plain - numbers:,} of them repeated",
    )
    if not loaded.balances:
        raise UnreadableFile("The records read do not add up to the lines in the file.", "unbalanced")
    return loaded, Plain(tally.plain, numbers, tuple(tally.probes.values()))


def _picture(text: str, calling_code: str) -> Picture:
    places = [place for place, letter in enumerate(text) if letter in _LOWEST]
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][0] == place and runs[-1][1] < _WORD:
            runs[-1] = (place + 1, runs[-1][1] + 1)
        else:
            runs.append((place + 1, 1))
    digits = len(places)
    return Picture(
        width=len(text),
        literals=tuple((place, ord(letter)) for place, letter in enumerate(text) if letter not in _LOWEST),
        runs=tuple(runs),
        digits=digits,
        least=_LOWEST[text[places[0]]] * 10 ** (digits - 1),
        base=int(calling_code) * 10**digits,
    )


def _chunks_read(stream: BinaryIO, pictures: tuple[Picture, ...], longest: int) -> Iterator[_Read]:
    """Every chunk of whole lines, read in parallel and given out in order."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[Future[_Read]] = deque()
        for chunk in _whole_lines(stream, longest):
            waiting.append(pool.submit(partial(_read_chunk, chunk, pictures)))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _whole_lines(stream: BinaryIO, longest: int) -> Iterator[bytes]:
    """The file in pieces that end where a line does; only the last may lack its end."""
    begun = b""
    while piece := stream.read(_CHUNK):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield begun + piece[:cut]
            begun = piece[cut:]
        else:
            begun += piece
            if len(begun) > longest:
                raise _LongLine
    if begun:
        yield begun


def _read_chunk(chunk: bytes, pictures: tuple[Picture, ...]) -> _Read:
    # Room before the first line: the first digits of a line are read as the end of a word.
    data = np.frombuffer(b"\0" * _WORD + chunk, np.uint8)
    return _read_even(chunk, data, pictures) or _read_uneven(chunk, data, pictures)


def _read_even(chunk: bytes, data: _Bytes, pictures: tuple[Picture, ...]) -> _Read | None:
    """The chunk, if all its lines are plain and of one width: then nothing has to be looked up, which halves the time."""
    step = chunk.find(b"\n") + 1
    if not step or len(chunk) % step:
        return None
    width = step - 2 if chunk[step - 2 : step - 1] == b"\r" else step - 1
    end = ((width, _RETURN), (width + 1, _NEWLINE)) if width == step - 2 else ((width, _NEWLINE),)
    if not all((data[_WORD + place :: step] == byte).all() for place, byte in end):
        return None
    count = len(chunk) // step

    def words_at(place: int) -> _Words:
        return np.ndarray((count,), "<u8", buffer=data, offset=_WORD + place, strides=(step,))

    for picture in pictures:
        if picture.width == width:
            numbers, is_right = _parse(words_at, lambda place: data[_WORD + place :: step], picture)
            if is_right.all():
                return _Read(count, numbers, [], [(picture, 0, 0, chunk[:step])])
    return None


def _read_uneven(chunk: bytes, data: _Bytes, pictures: tuple[Picture, ...]) -> _Read:
    """Any chunk: each line is found by its end."""
    words: _Words = np.ndarray((len(data) - _WORD + 1,), "<u8", buffer=data, strides=(1,))
    ends = np.flatnonzero(data[_WORD:] == _NEWLINE) + _WORD
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    starts = np.concatenate([[_WORD], ends[:-1] + 1])
    widths = ends - starts - (data[ends - 1] == _RETURN)
    values = np.zeros(len(ends), np.uint64)
    is_plain = np.zeros(len(ends), bool)
    found: list[tuple[Picture, int]] = []
    for picture in pictures:
        chosen = np.flatnonzero((widths == picture.width) & ~is_plain)
        if len(chosen):
            first = starts[chosen]
            numbers, is_right = _parse(_gathered(words, first), _gathered(data, first), picture)
            right = chosen[is_right]
            values[right], is_plain[right] = numbers[is_right], True
            found += [(picture, int(place)) for place in right[:1]]
    return _Read(
        lines=len(ends),
        numbers=values[is_plain],
        rest=[(int(place), _line(chunk, starts, ends, place)) for place in np.flatnonzero(~is_plain)],
        firsts=[
            (picture, place, int(np.count_nonzero(is_plain[:place])), _line(chunk, starts, ends, place))
            for picture, place in found
        ],
    )


def _gathered(data: npt.NDArray[Any], starts: _Places) -> Callable[[int], npt.NDArray[Any]]:
    return lambda place: data[starts + place]


def _line(chunk: bytes, starts: _Places, ends: _Places, place: Any) -> bytes:
    """One line with its end, which the last of a file may lack."""
    return chunk[starts[place] - _WORD : ends[place] - _WORD + 1]


def _parse(words_at: Callable[[int], _Words], bytes_at: Callable[[int], _Bytes], picture: Picture) -> tuple[Chunk, _Flags]:
    """The number of each line, and whether the line is as the picture says: every byte of it is looked at.

    Args:
        words_at: of each line, the eight bytes from a place on (counted from the line's first byte; it may be before it).
        bytes_at: of each line, the byte at a place.
    """
    value: Chunk | None = None
    wrong: Chunk | None = None
    for end, digits in picture.runs:
        # The word that ends with the run; what stands before the run becomes zeros.
        word = words_at(end - _WORD) ^ _ZEROS
        word &= np.uint64((1 << 64) - (1 << 8 * (_WORD - digits)))
        over = (word + _OVER_NINE) | word
        wrong = over if wrong is None else wrong | over
        # Bytes to pairs, pairs to fours, fours to all eight: each step puts the higher digits before the lower ones.
        for shift, mask in _STEPS:
            word = (word * np.uint64(10 ** (shift // 8)) + (word >> np.uint64(shift))) & np.uint64(mask)
        value = word if value is None else value * np.uint64(10**digits) + word
    assert value is not None and wrong is not None  # a picture without a digit is refused
    is_right: _Flags = (wrong & _HIGH_BITS) == 0
    for place, byte in picture.literals:
        is_right &= bytes_at(place) == byte
    is_right &= value >= np.uint64(picture.least)
    # One digit all over is no number for the normaliser, so it is not plain.
    ones = np.uint64((10**picture.digits - 1) // 9)
    is_right &= value // ones * ones != value
    return value + np.uint64(picture.base), is_right


def _separate(chunks: Iterator[_Read], writer: NumberWriter, rest: BinaryIO) -> _Tally:
    """Write each line where it belongs, and count."""
    tally = _Tally()
    for chunk in chunks:
        left = chunk.rest
        for picture, place, number, line in chunk.firsts:
            if picture not in tally.probes:
                tally.probes[picture] = (tally.lines + place + 1, int(chunk.numbers[number]))
                left = sorted([*left, (place, line)])
                tally.plain -= 1  # its account is kept where it is judged
        for place, line in left:
            rest.write(line)
            tally.rest.append(tally.lines + place + 1)
        if len(chunk.numbers):
            numbers = chunk.numbers
            tally.ascending = tally.ascending and int(numbers[0]) > tally.last and bool(np.all(numbers[1:] > numbers[:-1]))
            tally.last = int(numbers[-1])
            tally.plain += len(numbers)
            writer.add(numbers)
        tally.lines += chunk.lines
    return tally


def _sorted(con: duckdb.DuckDBPyConnection, spool: Path) -> Iterator[Chunk]:
    """The numbers in ascending order, each once; DuckDB sorts them, on the disk if need be."""
    query = con.sql("select number from read_parquet(?) order by number", params=[str(spool)])
    return distinct(from_batches(query.to_arrow_reader(1 << 20)))


def _renumber(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, records: array[int]) -> None:
    """Give the lines that were read apart the numbers that they have in the whole file."""
    numbers = pa.table({"apart": np.arange(1, len(records) + 1), "record_no": np.frombuffer(records, np.int64)})
    con.register("lines_apart", numbers)
    for table, file, number in ((f'raw."{feed.table}"', "_file_id", "_record_no"), ("raw.quarantine", "file_id", "record_no")):
        con.execute(
            f"update {table} set {number} = lines_apart.record_no from lines_apart "
            f"where {table}.{file} = ? and {table}.{number} = lines_apart.apart",
            [file_id],
        )
    con.unregister("lines_apart")


def _count_lines(path: Path) -> int:
    """Lines of a file, counted apart from reading them."""
    lines, last = 0, b"\n"
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            lines += piece.count(b"\n")
            last = piece[-1:]
    return lines + (last != b"\n")
