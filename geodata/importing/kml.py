"""Read KML placemark by placemark.

The standard library's expat is used, since GDAL turns words in ``<coordinates>`` into places. Rules: OGC 07-147r2
(KML 2.2); a document type is refused, so entities cannot be declared.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from geodata.importing.context import ReadContext
from geodata.importing.features import Feature
from geodata.importing.results import UnreadableFileError, unknown_format
from geodata.importing.wkb import collection_wkb, geometry_wkb

_CHUNK_BYTES = 1 << 20
_ROOTS = frozenset(("kml", "Document", "Folder", "Placemark"))
_SHAPES = frozenset(("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack", "Model"))
_TEXTS = frozenset(("name", "description", "address", "phoneNumber"))
_MAX_DEPTH, _MAX_TEXT = 64, 32 << 20


class KmlReader:
    """Turns placemarks into features; folders become a column, links are not followed."""

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._path, self._context = path, context
        self._stack, self._folders, self._texts = list[str](), list[str](), list[str]()
        self._text_size, self._has_shape, self._key = 0, False, ""
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
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        try:
            with self._path.open("rb") as file:
                for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                    parser.Parse(chunk, False)  # noqa: FBT003 - positional in expat
                    if self._done:
                        yield self._done
                        self._done = []
            parser.Parse(b"", True)  # noqa: FBT003
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnreadableFileError(
                "XML_SYNTAX",
                f"KML sai cú pháp ở dòng {parser.CurrentLineNumber}.",
                f"The KML has a syntax error in line {parser.CurrentLineNumber}.",
                line=parser.CurrentLineNumber,
                why=str(error)[:200],
            ) from error
        yield self._done

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._stack and name not in _ROOTS:
            raise unknown_format(name[:40])
        self._stack.append(name)
        if len(self._stack) > _MAX_DEPTH:
            raise UnreadableFileError(
                "TOO_DEEP", "KML lồng nhau quá sâu.", "The KML is nested too deeply.", limit=_MAX_DEPTH
            )
        self._texts, self._text_size = [], 0
        if name == "Placemark":
            self._properties, self._shapes, self._has_shape = {}, [], False
        elif name == "Folder":
            self._folders.append("")
        elif name in ("Data", "SimpleData"):
            self._key = attributes.get("name", "")
        elif name in _SHAPES:
            self._start_shape(name)
        elif name == "NetworkLink":
            self._context.warn(
                "KML_LINK",
                "Liên kết mạng trong KML không được tải.",
                "Network links in the KML are not followed.",
            )

    def _start_shape(self, name: str) -> None:
        self._has_shape, self._positions = True, []
        if name == "Polygon":
            self._rings = []
        elif name == "Track":
            self._track = []

    def _add_text(self, text: str) -> None:
        self._text_size += len(text)
        if self._text_size <= _MAX_TEXT:
            self._texts.append(text)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self._stack.pop()
        text, self._texts = "".join(self._texts).strip(), []
        parent = self._stack[-1] if self._stack else ""
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


def _refuse_doctype(*_: object) -> None:
    raise UnreadableFileError(
        "XML_DOCTYPE",
        "Tệp XML có khai báo DOCTYPE nên bị từ chối. Hãy lưu lại KML bằng Google Earth hoặc QGIS.",
        "The XML holds a DOCTYPE and is refused. Save the KML anew in Google Earth or QGIS.",
    )
