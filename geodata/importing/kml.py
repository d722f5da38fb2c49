"""Read KML placemark by placemark.

The standard library's expat is used, since GDAL turns words in ``<coordinates>`` into places. Rules: OGC 07-147r2
(KML 2.2).
"""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geodata.importing.context import ReadContext
from geodata.importing.features import Feature
from geodata.importing.results import unknown_format
from geodata.importing.wkb import collection_wkb, geometry_wkb
from geodata.importing.xml_events import XmlEvents

_ROOTS = frozenset(("kml", "Document", "Folder", "Placemark"))
_SHAPES = frozenset(("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model"))
_TEXTS = frozenset(("name", "description", "address", "phoneNumber"))


def may_have_placemarks(path: Path) -> bool:
    """Look for the word: the document of a KMZ of several layers often holds links to the others only."""
    if not path.stat().st_size:  # nothing cannot be mapped
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"Placemark") >= 0 or data.find(b"\0") >= 0


class KmlReader(XmlEvents):
    """Turns placemarks into features; folders become a column, links are not followed."""

    def __init__(self, path: Path, context: ReadContext) -> None:
        super().__init__(path, "KML")
        self._context, self._folders = context, list[str]()
        self._has_shape, self._has_links, self._key = False, False, ""
        self._properties, self._shapes = dict[str, Any](), list[tuple[str, Any]]()
        self._positions, self._rings, self._track = list[Any](), list[Any](), list[Any]()
        self._done = list[Feature]()

    def features(self) -> Iterator[list[Feature]]:
        """Yield the placemarks from the start, in lists as they are parsed.

        Raises
        ------
        UnreadableFileError
            ``XML_SYNTAX`` with the line, ``XML_DOCTYPE``, ``TOO_DEEP``; ``UPLOAD_FORMAT`` if it is not KML.
        """
        self._folders, self._done, is_empty = [], [], True
        for _ in self.events():
            if self._done:
                yield self._done
                self._done, is_empty = [], False
        if is_empty and self._has_links:
            raise unknown_format("KML NetworkLink")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a placemark, a folder or a shape."""
        if not self.stack and name not in _ROOTS:
            raise unknown_format(name[:40])
        if name == "Placemark":
            self._properties, self._shapes, self._has_shape = {}, [], False
        elif name == "Folder":
            self._folders.append("")
        elif name in ("Data", "SimpleData"):
            self._key = attributes.get("name", "")
        elif name in _SHAPES:
            self._start_shape(name)
        elif name == "NetworkLink":
            self._has_links = True
            self._context.warn("KML_LINK")

    def _start_shape(self, name: str) -> None:
        self._has_shape, self._positions = True, []
        if name == "Polygon":
            self._rings = []
        elif name == "Track":
            self._track = []

    def end(self, name: str, parent: str, text: str) -> None:
        """Finish a placemark, a folder or a shape, or take a text."""
        if name == "Placemark":
            self._finish_placemark()
        elif name == "Folder":
            self._folders.pop()
        elif name == "name" and parent == "Folder":
            self._folders[-1] = text
        elif name in _SHAPES:
            self._finish_shape(name, parent)
        elif name == "coordinates":
            self._positions = [_position(token.split(",")) for token in re.sub(r"\s*,\s*", ",", text).split()]
        elif name == "coord":
            self._track.append(_position(text.split()))
        elif (name in _TEXTS and parent == "Placemark") or name == "SimpleData" or (name, parent) == ("value", "Data"):
            self._properties[name if parent == "Placemark" else self._key] = text

    def _finish_shape(self, name: str, parent: str) -> None:
        if name == "LinearRing" and parent == "outerBoundaryIs":
            self._rings.insert(0, self._positions)
        elif name == "LinearRing" and parent == "innerBoundaryIs":
            self._rings.append(self._positions)
        elif name == "Polygon":
            self._shapes.append(("Polygon", self._rings))
        elif name == "Track":
            self._shapes.append(("LineString", self._track))
        elif name == "Point":
            self._shapes.append(("Point", self._positions[0] if self._positions else []))
        elif name in ("LineString", "LinearRing"):
            self._shapes.append(("LineString", self._positions))

    def _finish_placemark(self) -> None:
        if any(self._folders):
            self._properties.setdefault("folder", "/".join(self._folders))
        kinds = {kind for kind, _ in self._shapes}
        limit = self._context.limits.max_vertices
        wkb: bytes | None = None
        problem: str | None = "GEOM_EMPTY" if self._has_shape else "GEOM_NULL"
        if len(self._shapes) == 1:
            wkb, problem = geometry_wkb(*self._shapes[0], limit)
        elif len(kinds) == 1:
            wkb, problem = geometry_wkb(f"Multi{kinds.pop()}", [shape for _, shape in self._shapes], limit)
        elif kinds:
            wkb, problem = collection_wkb(self._shapes, limit)
        self._done.append(Feature(wkb, problem, self._properties))
        self._properties = {}


def _position(numbers: list[str]) -> list[Any]:
    try:
        return [float(number) for number in numbers[:2]]
    except ValueError:
        return list(numbers[:2])
