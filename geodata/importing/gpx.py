"""Read GPX: waypoints, routes and tracks as three layers. Rules: GPX 1.1 (1.0 is alike); positions are WGS 84."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geodata.importing.context import ReadContext
from geodata.importing.features import Feature
from geodata.importing.results import unknown_format
from geodata.importing.wkb import MIN_LINE, geometry_wkb
from geodata.importing.xml_events import XmlEvents

LAYERS = {"wpt": ("waypoints", "Point"), "rte": ("routes", "LineString"), "trk": ("tracks", "MultiLineString")}
"""Element of each layer: name of the layer, type of geometry."""

_POSITIONS = {"wpt": "wpt", "rtept": "rte", "trkpt": "trk"}
_TEXTS = frozenset(("name", "cmt", "desc", "src", "sym", "type", "number", "time", "ele"))


def count_layers(path: Path) -> dict[str, int]:
    """Count the features of each layer, by its element."""
    counter = _Counter(path)
    for _ in counter.events():
        """Let the events come."""
    return {element: counter.found[element] for element in LAYERS}


class _Counter(XmlEvents):
    def __init__(self, path: Path) -> None:
        super().__init__(path, "GPX")
        self.found = Counter[str]()

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        """Count what stands right below the root."""
        if not self.stack and name != "gpx":
            raise unknown_format(name[:40])
        self.found[name] += len(self.stack) == 1


class GpxReader(XmlEvents):
    """Turns the elements of one layer into features.

    Parameters
    ----------
    element : str
        A key of ``LAYERS``.
    """

    def __init__(self, path: Path, element: str, context: ReadContext) -> None:
        super().__init__(path, "GPX")
        self._element, self._context = element, context
        self._properties, self._parts = dict[str, Any](), list[list[Any]]()
        self._done = list[Feature]()

    def features(self) -> Iterator[list[Feature]]:
        """Yield the features from the start, in lists as they are parsed; raises as `XmlEvents` does."""
        self._done = []
        for _ in self.events():
            if self._done:
                yield self._done
                self._done = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a feature or a part of one, or take a position."""
        if name == self._element and len(self.stack) == 1:
            self._properties, self._parts = {}, [[]]
        elif name == "trkseg":
            self._parts.append([])
        if _POSITIONS.get(name) == self._element and self._parts:
            self._parts[-1].append([_number(attributes.get(axis)) for axis in ("lon", "lat")])

    def end(self, name: str, parent: str, text: str) -> None:
        """Finish a feature, or take one of its texts."""
        if name == self._element and len(self.stack) == 1:
            self._done.append(Feature(*self._geometry(), self._properties))
        elif text and (parent == self._element if name in _TEXTS else self.stack[2:] == ["extensions"]):
            self._properties[name] = text

    def _geometry(self) -> tuple[bytes | None, str | None]:
        limit = self._context.limits.max_vertices
        if self._element == "wpt":
            return geometry_wkb("Point", self._parts[0][0], limit)
        # A receiver switched on for a moment leaves parts of one position, which say nothing beside longer ones.
        lines = [part for part in self._parts if len(part) >= MIN_LINE] or [part for part in self._parts if part][:1]
        if len(lines) > 1:
            return geometry_wkb("MultiLineString", lines, limit)
        return geometry_wkb("LineString", lines[0] if lines else [], limit)


def _number(text: str | None) -> float | str | None:
    try:
        return float(text or "")
    except ValueError:
        return text
