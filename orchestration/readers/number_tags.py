"""A registry's list that came as tags, as the lines of its flat form. What a line means is said by the staging models.

The registries of the United States and Canada give their lists out as flat text or as tags (`<list>`, `<ac val='416'>`,
`<ph val='1234567' />`). What Canada prints as an example is not well-formed: its root is closed twice and its quotation marks are
typographic. So no XML parser reads it: each tag is looked at by itself.

Every `ph` becomes one line: area code, number, and behind them whatever else is said about it (other attributes, a tag around
it, a list that is not full). What is no known tag becomes a line as it stands, for the staging model to refuse. A file that ends
before its list does is refused as a whole: as a full list it would take everybody off who stands behind the cut.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from orchestration.readers.feeds import Feed
from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.text import Utf8Text

_CHUNK = 1 << 20
_LONGEST_TAG = 1 << 12  # a tag of these lists has some thirty letters; a comment may have a few hundred
_TAG = re.compile(r"<[^<>]*>")
_NAME = re.compile(r"<\s*(/?)\s*([\w:!?-]+)")
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(["'\u2018\u2019\u201c\u201d\u00b4`])(.*?)["'\u2018\u2019\u201c\u201d\u00b4`]""")
_NUMBER = "ph"
_SILENT = ("!", "?")  # comments, declarations and processing instructions
_BREAKS = re.compile(r"[\r\n]+")


def is_tagged(feed: Feed, start: str) -> bool:
    """Whether a file of this feed that begins so is its list as tags."""
    return bool(feed.options.get("tagged")) and start.lstrip("\ufeff \t\r\n")[:1] == "<"


def as_lines(text: Utf8Text, folder: Path) -> Utf8Text:
    """The file's list in its flat form, in ``folder``.

    Raises:
        UnreadableFile: it ends before its list does.
    """
    path = folder / "lines"
    reader = _Tags()
    with (
        text.path.open(encoding="utf-8-sig" if text.has_mark else "utf-8", errors="replace", newline="") as source,
        path.open("w", encoding="utf-8", newline="") as target,
    ):
        while chunk := source.read(_CHUNK):
            target.writelines(f"{line}\n" for line in reader.read(chunk))
        target.writelines(f"{line}\n" for line in reader.rest())
    if not reader.has_ended:
        raise UnreadableFile("Its list is not closed, so the file was cut off on its way; deliver it again.", "truncated")
    return dataclasses.replace(text, path=path, has_mark=False)


def first_lines(head: str) -> str:
    """The same of the first letters of a file, however they end."""
    return "\n".join(_Tags().read(head))


class _Tags:
    """Reads tags one after another, and knows the area code and the list that the next number belongs to."""

    def __init__(self) -> None:
        self._left = ""
        self._list = self._area = self._around = ""
        self.has_ended = False

    def read(self, chunk: str) -> Iterator[str]:
        text = self._left + chunk
        place = 0
        for match in _TAG.finditer(text):
            yield from self._between(text[place : match.start()])
            yield from self._tag(match[0])
            place = match.end()
        self._left = text[place:]
        if len(self._left) > _LONGEST_TAG:
            yield from self.rest()

    def rest(self) -> Iterator[str]:
        """What is left over where no tag ends any more."""
        left, self._left = self._left, ""
        yield from self._between(left)

    def _between(self, text: str) -> Iterator[str]:
        if line := _BREAKS.sub(" ", text.replace("\ufeff", "")).strip():
            yield line

    def _tag(self, tag: str) -> Iterator[str]:
        named = _NAME.match(tag)
        closing, name = (named[1], named[2].casefold()) if named else ("", "")
        said = [(key.casefold(), value.strip()) for key, _, value in _ATTRIBUTE.findall(tag)]
        value = dict(said).get("val", "")
        if name.startswith(_SILENT):
            return
        if closing:
            self.has_ended = self.has_ended or name == "list"
            self._around = "" if name == self._around else self._around
        elif name == "list":
            self._list = dict(said).get("type", "")
        elif name == "ac":
            self._area = value
        elif name == _NUMBER and value:
            more = [text for key, text in said if key != "val"] + [self._around]
            if not any(more) and self._list.casefold() != "full":
                more = [self._list]
            yield ",".join([self._area, value, *(text for text in more if text)])
        elif name and not said and not tag.rstrip("> ").endswith("/"):
            self._around = name
        else:
            yield from self._between(tag)
