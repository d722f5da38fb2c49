"""Read GeoJSON feature by feature.

The file is first scanned for its brackets alone (numpy, 4 MiB at a time): that bounds the nesting, finds the
features and lets a file of any size be parsed in small pieces. Rules: RFC 7946; ``crs`` as in GeoJSON 2008,
but only by name, since a linked one makes readers fetch an address.
"""

import contextlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geodata.importing.context import ReadContext
from geodata.importing.features import CRS84_WKT, Feature
from geodata.importing.results import UnreadableFileError
from geodata.importing.wkb import GEOMETRY_CODES, collection_wkb, geometry_wkb

_MAX_DEPTH = 32
_SCAN_BYTES, _PIECE_BYTES, _PIECE_ROWS = 4 << 20, 8 << 20, 5_000
_MAX_FEATURE_BYTES, _MAX_FRAME_BYTES = 32 << 20, 64 << 20
_WATCHED_BYTES = 4 << 20
_KEY_BYTES, _MAX_ARRAYS = 99, 1_000
_EVENTS = [(ord(bracket), depth) for bracket, depth in (("{", 1), ("}", 1), ("[", 1), ("[", 2), ("]", 2), ("{", 3))]
_QUOTE, _SLASH, _OPEN, _CLOSE = 1, 2, 3, 4
_KINDS = np.zeros(256, np.uint8)
_KINDS[[ord(mark) for mark in '"\\{[}]']] = [_QUOTE, _SLASH, _OPEN, _OPEN, _CLOSE, _CLOSE]
_FEATURES_KEY = re.compile(rb'"features"\s*:\s*\Z')
_EPSG_NAME = re.compile(r"(?:urn:(?:x-)?ogc:def:crs:)?EPSG:[\d.]*:?(\d{4,6})", re.IGNORECASE)
_CRS84_NAME = re.compile(r"(?:urn:(?:x-)?ogc:def:crs:)?(?:OGC:[\d.]*:?)?CRS84", re.IGNORECASE)
_SEPARATORS = b" \t\r\n\x1e"

Offsets = NDArray[np.int64]


class _Scan:
    """Bracket events of a JSON file: offsets of roots, of the root's arrays and of the objects in those."""

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._context, self._path = context, path
        self._depth, self._in_string, self._odd_slashes = 0, 0, False
        self._events: dict[tuple[int, int], list[Offsets]] = {}
        with path.open("rb") as file:
            for base in itertools.count(0, _SCAN_BYTES):
                chunk = file.read(_SCAN_BYTES)
                if not chunk:
                    break
                self._feed(np.frombuffer(chunk, np.uint8), base)
        if self._depth or self._in_string:
            raise _syntax(path, path.stat().st_size, "unexpected end")

    def offsets(self, bracket: str, depth: int) -> Offsets:
        """Give the offsets of a bracket that opens (or closes) the given depth, 1 being the root."""
        found = self._events.get((ord(bracket), depth), [])
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _feed(self, data: NDArray[np.uint8], base: int) -> None:
        kinds = _KINDS[data]
        at = np.flatnonzero(kinds)
        kinds = kinds[at]
        quotes = self._unescaped(at[kinds == _QUOTE], at[kinds == _SLASH], len(data))
        brackets = at[kinds >= _OPEN]
        brackets = brackets[(np.searchsorted(quotes, brackets) + self._in_string) % 2 == 0]
        self._in_string = (self._in_string + len(quotes)) % 2
        if len(brackets) == 0:
            return
        marks = data[brackets]
        opens = _KINDS[marks] == _OPEN
        after = self._depth + np.cumsum(np.where(opens, 1, -1))
        depths = np.where(opens, after, after + 1)
        self._check_depths(depths, brackets + base)
        self._depth = int(after[-1])
        for mark, depth in _EVENTS:
            hits = brackets[(marks == mark) & (depths == depth)] + base
            self._events.setdefault((mark, depth), []).append(hits)
        self._context.check_rows(sum(len(hits) for hits in self._events[ord("{"), 3]))

    def _check_depths(self, depths: Offsets, offsets: Offsets) -> None:
        if depths.max() > _MAX_DEPTH:
            offset = int(offsets[np.argmax(depths > _MAX_DEPTH)])
            raise UnreadableFileError("TOO_DEEP", what="JSON", offset=offset)
        if depths.min() < 1:
            raise _syntax(self._path, int(offsets[np.argmax(depths < 1)]), "unexpected closing bracket")

    def _unescaped(self, quotes: Offsets, slashes: Offsets, size: int) -> Offsets:
        """Drop the quotes that follow an odd run of backslashes, across chunks too."""
        escaped = (quotes == 0) & self._odd_slashes
        if len(slashes) == 0:
            self._odd_slashes = False
            alone: Offsets = quotes[~escaped]
            return alone
        order = np.arange(len(slashes))
        begins = np.concatenate(([True], np.diff(slashes) != 1))
        run_start = np.maximum.accumulate(np.where(begins, order, 0))
        carried = (slashes[run_start] == 0) & self._odd_slashes
        odd = (order - run_start + 1 + carried) % 2 == 1
        escaped |= np.isin(quotes, slashes[odd] + 1)
        self._odd_slashes = bool(odd[-1]) and int(slashes[-1]) == size - 1
        kept: Offsets = quotes[~escaped]
        return kept


class GeojsonDocument:
    """A scanned GeoJSON file or sequence, read piece by piece.

    Attributes
    ----------
    count : int
        Number of features.
    crs : tuple
        WKT (or None) and hint, as in ``ReadResult``.

    Raises
    ------
    UnreadableFileError
        ``GEOJSON_SYNTAX`` with offset and line, ``GEOJSON_ENCODING``, ``TOO_DEEP``, ``GEOJSON_CRS_LINK``,
        ``GEOJSON_CRS``, ``GEOJSON_TOO_LARGE``, ``TOO_MANY_ROWS``; ``UPLOAD_FORMAT`` if it is not GeoJSON.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._path, self._context, self._size = path, context, path.stat().st_size
        self._single: dict[str, Any] | None = None
        self._starts = self._ends = np.empty(0, np.int64)
        self.count, self.crs = 1, _read_crs(None)
        scan = _Scan(path, context)
        self._is_sequence = len(scan.offsets("{", 1)) + len(scan.offsets("[", 1)) > 1
        if self._is_sequence and len(scan.offsets("[", 1)):
            raise _not_geojson("several roots")
        if self._is_sequence:
            self._plan_features(scan.offsets("{", 1), scan.offsets("}", 1) + 1)
        else:
            self._plan_document(scan)

    def _plan_document(self, scan: _Scan) -> None:
        opened, closed = scan.offsets("[", 2)[:_MAX_ARRAYS].tolist(), scan.offsets("]", 2).tolist()
        named = [at for at, start in enumerate(opened) if self._is_feature_list(start)]
        body_start, body_end = (opened[named[-1]] + 1, closed[named[-1]]) if named else (0, 0)
        frame = self._parse_frame(body_start, body_end)
        self.crs = _read_crs(frame.get("crs"))
        kind = frame.get("type")
        if kind in ("Feature", "GeometryCollection", *GEOMETRY_CODES):
            self._single = frame
            return
        if kind != "FeatureCollection" or not isinstance(frame.get("features"), list):
            raise _not_geojson(f"type {str(kind)[:40]!r}")
        starts = scan.offsets("{", 3)
        starts = starts[(starts >= body_start) & (starts < body_end)]
        # Each slot reaches to the next feature, so that whatever lies between is parsed too.
        bounds = np.concatenate(([body_start], starts[1:], [body_end]))
        self._plan_features(bounds[:-1], bounds[1:])

    def _is_feature_list(self, start: int) -> bool:
        return _FEATURES_KEY.search(self._read(max(0, start - _KEY_BYTES), start)) is not None

    def _plan_features(self, starts: Offsets, ends: Offsets) -> None:
        if len(starts) != len(ends) or len(starts) == 0:
            raise _not_geojson("no features")
        self._context.check_rows(len(starts))
        self.count, self._starts, self._ends = len(starts), starts, ends

    def _parse_frame(self, start: int, end: int) -> dict[str, Any]:
        """Parse everything but the features themselves."""
        if self._size - (end - start) > _MAX_FRAME_BYTES:
            raise _not_geojson("too much around the features", code="GEOJSON_TOO_LARGE")
        frame = self._parse(self._read(0, start) + self._read(end, self._size), 0, cut=(start, end - start))
        if not isinstance(frame, dict):
            raise _not_geojson("the root is not an object")
        return frame

    def features(self) -> Iterator[list[Feature]]:
        """Yield the features from the start, in lists of at most 5,000 or 8 MiB of text."""
        limit = self._context.limits.max_vertices
        if self._single is not None:
            yield [read_feature(self._single, limit)]
        first = 0
        while first < len(self._starts):
            last = int(np.searchsorted(self._ends, self._starts[first] + _PIECE_BYTES, side="right"))
            last = min(max(last, first + 1), first + _PIECE_ROWS)
            if self._ends[last - 1] - self._starts[first] > _MAX_FEATURE_BYTES:
                yield [Feature(None, "GEOM_TOO_MANY_VERTICES", {})]
            else:
                yield [read_feature(feature, limit) for feature in self._piece(first, last)]
            first = last

    def _piece(self, first: int, last: int) -> list[Any]:
        start, end = int(self._starts[first]), int(self._ends[last - 1])
        raw = self._read(start, end)
        if not self._is_sequence:
            raw = raw.rstrip()
            if last < len(self._starts):
                if not raw.endswith(b","):
                    raise _syntax(self._path, end, "comma expected")
                raw = raw[:-1]
            found: list[Any] = self._parse(b"[" + raw + b"]", start - 1)
            return found
        spans = list(zip(self._starts[first:last].tolist(), self._ends[first:last].tolist(), strict=True))
        for (_, gap), (following, _) in itertools.pairwise(spans):
            if raw[gap - start : following - start].strip(_SEPARATORS):
                raise _syntax(self._path, gap, "unexpected text between features")
        return [self._parse(raw[at - start : to - start], at) for at, to in spans]

    def _parse(self, raw: bytes, base: int, cut: tuple[int, int] = (1 << 62, 0)) -> Any:
        """Parse a piece from offset ``base`` on; ``cut`` is an offset and how much was left out there."""
        # The standard parser takes NaN, 1e999 and lone surrogates, which so become problems of one row.
        hook = self._watch_keys if self._size <= _WATCHED_BYTES else None
        with contextlib.suppress(orjson.JSONDecodeError):
            if hook is None:
                return orjson.loads(raw)
        try:
            return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=hook)
        except UnicodeDecodeError as error:
            raise _not_geojson("not UTF-8", code="GEOJSON_ENCODING", offset=base + error.start) from error
        except json.JSONDecodeError as error:
            offset = base + len(raw) - len(error.doc[error.pos :].encode())
            raise _syntax(self._path, offset + cut[1] * (offset > cut[0]), error.msg) from error
        except ValueError as error:
            raise _syntax(self._path, base, "number too long") from error

    def _watch_keys(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._context.warn("GEOJSON_DUPLICATE_KEY")
        return found

    def _read(self, start: int, end: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


def read_feature(feature: object, max_vertices: int) -> Feature:
    """Turn one parsed feature (or bare geometry) into a row; never raises."""
    kind = feature.get("type") if isinstance(feature, dict) else None
    if not isinstance(feature, dict) or not isinstance(kind, str):
        return Feature(None, "FEATURE_UNREADABLE", {})
    if kind in GEOMETRY_CODES or kind == "GeometryCollection":
        return Feature(*shape_wkb(feature, max_vertices), {})
    geometry, properties, identifier = feature.get("geometry"), feature.get("properties"), feature.get("id")
    wkb: bytes | None = None
    problem: str | None = "GEOM_NULL" if geometry is None else "GEOM_UNREADABLE"
    if isinstance(geometry, dict):
        wkb, problem = shape_wkb(geometry, max_vertices)
    if kind != "Feature" or not isinstance(properties, dict | None):
        problem = "FEATURE_UNREADABLE" if kind != "Feature" else "FEATURE_PROPERTIES"
    properties = properties if isinstance(properties, dict) else {}
    if identifier is not None and "id" not in properties:
        properties["id"] = identifier
    return Feature(wkb, problem, properties)


def shape_wkb(geometry: Mapping[str, Any], max_vertices: int) -> tuple[bytes | None, str | None]:
    """Return a GeoJSON geometry as WKB, and what is wrong with it, if anything; never raises."""
    if geometry.get("type") == "GeometryCollection":
        return collection_wkb(list(_members(geometry)), max_vertices)
    return geometry_wkb(geometry.get("type"), geometry.get("coordinates"), max_vertices)


def _members(collection: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield type and positions of a collection's members and those of collections within; "" for what is none."""
    members = collection.get("geometries")
    for member in members if isinstance(members, list) else ():
        if not isinstance(member, dict):
            yield "", None
        elif member.get("type") == "GeometryCollection":
            yield from _members(member)
        else:
            yield str(member.get("type")), member.get("coordinates")


def _read_crs(crs: object) -> tuple[str | None, str | None]:
    if crs is None:
        return CRS84_WKT, "degrees"
    properties = crs.get("properties") if isinstance(crs, dict) and crs.get("type") == "name" else None
    name = str(properties.get("name")) if isinstance(properties, dict) else "://"
    if _CRS84_NAME.fullmatch(name):
        return CRS84_WKT, "degrees"
    if match := _EPSG_NAME.fullmatch(name):
        return None, f"EPSG:{match[1]}"
    raise UnreadableFileError("GEOJSON_CRS_LINK" if "://" in name else "GEOJSON_CRS", name=name[:200])


def _not_geojson(why: str, *, code: str = "UPLOAD_FORMAT", **detail: Any) -> UnreadableFileError:
    return UnreadableFileError(code, what="JSON", why=why, **detail)


def _syntax(path: Path, offset: int, why: str) -> UnreadableFileError:
    line = 1
    with path.open("rb") as file:
        for start in range(0, offset, _SCAN_BYTES):
            line += file.read(min(_SCAN_BYTES, offset - start)).count(b"\n")
    return UnreadableFileError("GEOJSON_SYNTAX", offset=offset, line=line, why=why)
