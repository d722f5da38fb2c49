"""News of revisions as an Atom feed (RFC 4287)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree

from sqlalchemy import Connection

from geodata.changes import ChangesQuery, Made, Position, read_events, read_revisions
from geodata.registers import get_register

ATOM: Final = "http://www.w3.org/2005/Atom"
_WORDS: Final = {
    "vi": {"insert": "thêm {}", "update": "sửa {}", "delete": "xóa {}", "reset": "đổi chính sách công bố"},
    "en": {"insert": "{} added", "update": "{} changed", "delete": "{} removed", "reset": "another publication policy"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision that changed something that is asked for.

    Attributes
    ----------
    counts : mapping of kind of event to number
        Of the first thousand events.
    """

    made: Made
    counts: Mapping[str, int]
    is_more: bool


def list_entries(connection: Connection, query: ChangesQuery, looked_at: int, most: int) -> list[Entry]:
    """Return the newest revisions that have events, the newest first, among so many that are looked at."""
    found: list[Entry] = []
    for made in read_revisions(connection, query, looked_at, newest=True):
        only = (get_register(made.register),)
        asked = replace(query, registers=only, after=Position(made.transaction - 1), until=made.transaction)
        events, position = read_events(connection, asked)
        if events:
            found.append(Entry(made, Counter(event.kind for event in events), position is not None))
        if len(found) == most:
            break
    return found


def write_feed(entries: list[Entry], *, base: str, asked: Mapping[str, str], title: str, language: str) -> bytes:
    """Write a feed; its addresses begin with ``base``."""
    query = urlencode({name: value for name, value in asked.items() if name in {"unit", "register"}})
    at = f"{base}/changes.atom{'?' if query else ''}{query}"
    feed = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": language})
    _add(feed, "id", at)
    _add(feed, "title", f"{title} {asked.get('unit', '')}".strip())
    _add(feed, "updated", max((one.made.published_at.isoformat() for one in entries), default="1970-01-01T00:00:00Z"))
    ElementTree.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": at})
    ElementTree.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": f"{base}/changes?{query}"})
    _add(ElementTree.SubElement(feed, "author"), "name", title)
    for one in entries:
        _add_entry(feed, one, base, language)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _add_entry(feed: ElementTree.Element, one: Entry, base: str, language: str) -> None:
    entry, made = ElementTree.SubElement(feed, "entry"), one.made
    page = f"{base}/collections/{made.register}/revisions/{made.number}"
    register = get_register(made.register).title.in_language(language)
    _add(entry, "id", page)
    _add(entry, "title", f"{register}: {'revision' if language == 'en' else 'đợt công bố'} {made.number}")
    _add(entry, "updated", made.published_at.isoformat())
    ElementTree.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": page})
    words = _WORDS[language]
    more = "+" if one.is_more else ""
    _add(entry, "summary", ", ".join(words[kind].format(f"{one.counts[kind]}{more}") for kind in words if one.counts.get(kind)) + ".")  # fmt: skip


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
