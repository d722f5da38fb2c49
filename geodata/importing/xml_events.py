"""Follow an XML file's events with the standard library's expat, and trust none of it.

A document type is refused, so entities cannot be declared.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat

from geodata.importing.results import UnreadableFileError

_CHUNK_BYTES = 1 << 20
_MAX_DEPTH, _MAX_TEXT = 64, 32 << 20
_BEFORE_ROOT = re.compile(r"\s*(<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(\[.*?\])?\s*>)", re.DOTALL)
_ROOT = re.compile(r"\s*<(?:[\w.-]+:)?([\w.-]+)")


def root_name(head: bytes) -> str:
    """Find the name of the root element in the first bytes of a file; empty if there is none."""
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "ignore")
    at = 0
    while match := _BEFORE_ROOT.match(text, at):
        at = match.end()
    found = _ROOT.match(text, at)
    return found[1] if found else ""


class XmlEvents:
    """Walks an XML file; a subclass says what an element's start and end mean.

    Parameters
    ----------
    path : Path
    what : str
        Name of the format, for the messages.

    Notes
    -----
    Names come without their prefix. ``self.stack`` holds the names of the open elements.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what
        self.stack = list[str]()
        self._texts, self._text_size = list[str](), 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element, which is not on the stack yet."""

    def end(self, name: str, parent: str, text: str) -> None:
        """Take the end of an element, which is off the stack again, with the text since the last tag."""

    def events(self) -> Iterator[None]:
        """Walk the file from the start, pausing after every piece of it.

        Raises
        ------
        UnreadableFileError
            ``XML_SYNTAX`` with the line, ``XML_DOCTYPE``, ``TOO_DEEP``.
        """
        self.stack = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        feed: Callable[[bytes, bool], object] = parser.Parse
        try:
            with self._path.open("rb") as file:
                for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                    feed(chunk, False)  # noqa: FBT003 - positional in expat
                    yield
            feed(b"", True)  # noqa: FBT003
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnreadableFileError(
                "XML_SYNTAX", what=self._what, line=parser.CurrentLineNumber, why=str(error)[:200]
            ) from error
        yield

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        self.start(name, attributes)
        self.stack.append(name)
        if len(self.stack) > _MAX_DEPTH:
            raise UnreadableFileError("TOO_DEEP", what=self._what, limit=_MAX_DEPTH)
        self._texts, self._text_size = [], 0

    def _add_text(self, text: str) -> None:
        self._text_size += len(text)
        if self._text_size <= _MAX_TEXT:
            self._texts.append(text)

    def _end(self, tag: str) -> None:
        self.stack.pop()
        text, self._texts = "".join(self._texts).strip(), []
        self.end(tag.rpartition(":")[2], self.stack[-1] if self.stack else "", text)

    def _refuse_doctype(self, *_: object) -> None:
        raise UnreadableFileError("XML_DOCTYPE")
