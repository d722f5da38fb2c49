"""Find the columns of a table that hold places, and build the geometry from them.

Names decide where they are clear, the officer where they are not: columns that only look like coordinates or shapes, and
a second pair of the same kind, are asked about with what stands in them.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.context import ReadContext
from geodata.importing.features import CRS84_WKT
from geodata.importing.results import UnreadableFileError
from geodata.importing.samples import sample_rows
from geodata.importing.wkb import Floats, points_wkb
from geodata.importing.wkt import parse_wkt
from geodata.text import search_key

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_DEGREES = re.compile(
    r"([NSEWBĐT]?)\s*(\d{1,3})\s*(?:[°º˚]|ĐỘ|D|\s)"
    r"\s*(\d{1,2}(?:[.,]\d+)?)\s*(?:['\u2018\u2019\u2032]|PHÚT|M|\s|$)"
    r"\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:[\"\u201d\u2033]|''|\u2019\u2019|GIÂY|S)?)?\s*([NSEWBĐT]?)"
)
_DEGREES_X, _DEGREES_Y, _SIXTY = 180.0, 90.0, 60
_WKT_COLUMNS = frozenset(("wkt", "geom", "geometry", "the geom", "wkt geom", "geom wkt", "hinh hoc"))
_WKT_START = r"(?i)^(srid=\d+;)?\s*(multi)?(point|linestring|polygon)\s*(z|m|zm)?\s*\("
_LON_LAT, _EAST_NORTH, _X_Y = range(3)
# Pairs in the order they are looked for: names of the first axis, names of the second.
_AXIS_COLUMNS = (
    (("lon", "long", "lng", "longitude", "kinh do", "kd"), ("lat", "latitude", "vi do", "vd")),
    (("easting", "east", "dong", "e"), ("northing", "north", "bac", "n")),
    (("x",), ("y",)),
)
# Words around the name of an axis that say its unit or its system; the number tells one pair from another.
_ASIDE = re.compile(r"\b(toa do|vn ?2000|wgs ?84|utm|met|m|dd|dms)\b|(?<=kinh do) do\b|(?<=vi do) do\b")
_NUMBERED = re.compile(r"(.*?[a-z]) ?(\d{0,2})")
_LOOKED_AT, _SHARE, _LEAST = 1000, 0.95, 3
# Vietnam with its islands: degrees; metres of every zone of VN-2000 and of UTM.
_LON, _LAT, _EASTING, _NORTHING = (102.0, 118.0), (6.0, 24.0), (100_000.0, 900_000.0), (700_000.0, 2_700_000.0)
_MAX_CANDIDATES = 6
_ROUNDING = 1e-6


class _Axes(NamedTuple):
    first: int
    second: int
    kind: int


class PlaceColumns:
    """The columns of a table that hold its places.

    Parameters
    ----------
    names : sequence of str
        All columns, each name once.
    context : ReadContext
        Its ``place_columns`` are the officer's choice: ``wkt_column``, or ``x_column`` and ``y_column`` (longitude or
        easting first), or neither for a table without places.

    Notes
    -----
    Geometry comes from a WKT column, else longitude and latitude, easting and northing, or x and y. The one
    named first in these pairs gives the first axis; whether it is the easting is for the CRS step to decide, as
    Vietnamese tables call the northing X.

    Raises
    ------
    UnreadableFileError
        ``COLUMN_UNKNOWN`` if the officer chose a column that is not there.
    """

    def __init__(self, names: Sequence[str], context: ReadContext) -> None:
        self.names, self._context = names, context
        self.wkt: int | None = None
        self._axes: _Axes | None = None
        self._candidates: list[_Axes] = []
        self._drawn: list[int] = []
        self._places, self._places_in_degrees = 0, 0
        self._srids = set[str]()
        keys = [search_key(name) for name in names]
        if context.place_columns is not None:
            self._choose(context.place_columns, keys)
            return
        self._drawn = [at for at, key in enumerate(keys) if key in _WKT_COLUMNS]
        self.wkt = self._drawn[0] if len(self._drawn) == 1 else None
        if self.wkt is None:
            self._candidates = _named_pairs(keys)
            self._axes = self._candidates[0] if len(self._candidates) == 1 else None

    def _choose(self, wanted: Mapping[str, str | None], keys: list[str]) -> None:
        at = {}
        for option in ("wkt_column", "x_column", "y_column"):
            if (name := wanted.get(option)) is not None:
                at[option] = self._find(name)
        self.wkt = at.get("wkt_column")
        if self.wkt is None and {"x_column", "y_column"} <= at.keys():
            first, second = at["x_column"], at["y_column"]
            pair = [_plain(keys[first])[0], _plain(keys[second])[0]]
            kinds = (kind for kind, names in enumerate(_AXIS_COLUMNS) if pair[0] in names[0] and pair[1] in names[1])
            self._axes = _Axes(first, second, next(kinds, _X_Y))

    def _find(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        raise UnreadableFileError("COLUMN_UNKNOWN", name=name[:80], columns=list(self.names))

    def settle(self, columns: Sequence[pa.Array]) -> None:
        """Make sure which columns hold places, by the first rows where names do not tell.

        Raises
        ------
        UnreadableFileError
            ``COLUMN_CHOICE`` with ``candidates``, ``columns`` and ``sample`` in its detail.
        """
        if self.wkt is not None:
            return
        if self._context.place_columns is None:
            drawn = self._drawn or [at for at, column in enumerate(columns) if _is_wkt(column)]
            named = [self._axes] if self._axes else self._candidates
            pairs = named or _valued_pairs(columns)
            if drawn or (pairs and self._axes is None):
                raise self._ask(drawn, pairs, "names" if named else "values", columns)
        if self._axes is None:
            self._context.warn("CSV_NO_GEOMETRY")

    def _ask(
        self, drawn: Sequence[int], pairs: Sequence[_Axes], how: str, columns: Sequence[pa.Array]
    ) -> UnreadableFileError:
        found = [{"wkt_column": self.names[at], "how": "values"} for at in drawn]
        found += [{"x_column": self.names[x], "y_column": self.names[y], "how": how} for x, y, _ in pairs]
        found = found[:_MAX_CANDIDATES]
        listed = "; ".join(" + ".join(f"“{name[:40]}”" for key, name in item.items() if key != "how") for item in found)
        return UnreadableFileError(
            "COLUMN_CHOICE",
            listed=listed,
            candidates=found,
            columns=list(self.names),
            sample=sample_rows(self.names, columns),
        )

    @property
    def used(self) -> list[str]:
        """Name the columns that the places come from."""
        found = [self.wkt] if self.wkt is not None else list(self._axes[:2]) if self._axes else []
        return [self.names[at] for at in found]

    @property
    def geometry_type(self) -> str | None:
        """Say what the header promises."""
        return "Geometry" if self.wkt is not None else "Point" if self._axes or self._candidates else None

    @property
    def crs_hint(self) -> str | None:
        """Say what header and values tell; complete once all rows are read."""
        if self._axes is None:
            return f"EPSG:{self._srids.copy().pop()}" if len(self._srids) == 1 else None
        # Single rows with numbers that are none are those rows' fault, not the file's.
        in_degrees = 2 * self._places_in_degrees > self._places or self._places == 0
        return "degrees" if in_degrees and self._axes.kind != _EAST_NORTH else "metres"

    @property
    def crs_wkt(self) -> str | None:
        """CRS84 where the columns are called longitude and latitude and the values agree."""
        in_degrees = self.crs_hint == "degrees"
        return CRS84_WKT if self._axes and self._axes.kind == _LON_LAT and in_degrees else None

    def geometry(self, columns: Sequence[pa.Array], count: int) -> tuple[pa.Array, pa.Array]:
        """Build the places of some rows: WKB and problem codes."""
        if self.wkt is not None:
            built = [self._read_wkt(text) for text in columns[self.wkt].to_pylist()]
            wkb, problem = zip(*built, strict=True) if built else ((), ())
            return pa.array(wkb, pa.binary()), pa.array(problem, pa.string())
        if self._axes is None:
            return pa.nulls(count, pa.binary()), pa.nulls(count, pa.string())
        axes = [columns[at] for at in self._axes[:2]]
        numbers = np.column_stack([_coordinates(axis) for axis in axes])
        finite = np.isfinite(numbers).all(axis=1)
        blank = pc.and_(*(axis.is_null() for axis in axes))
        self._places += int(finite.sum())
        self._places_in_degrees += int((np.abs(numbers[finite]) <= (_DEGREES_X, _DEGREES_Y)).all(axis=1).sum())
        bad = pc.if_else(blank, "GEOM_NULL", "COORDINATE_UNREADABLE")
        wkb = pc.if_else(finite, points_wkb(numbers), pa.scalar(None, pa.binary()))
        return wkb, pc.if_else(finite, pa.scalar(None, pa.string()), bad)

    def _read_wkt(self, text: str | None) -> tuple[bytes | None, str | None]:
        if text is None:
            return None, "GEOM_NULL"
        wkb, problem, srid = parse_wkt(text, self._context.limits.max_vertices)
        self._srids.update([srid] if srid else [])
        return wkb, problem


def _plain(key: str) -> tuple[str, str]:
    """Part a column's search key into the name of the axis and its number."""
    bare = " ".join(_ASIDE.sub(" ", key).split())
    match = _NUMBERED.fullmatch(bare)
    return (match[1], match[2]) if match else (bare, "")


def _named_pairs(keys: list[str]) -> list[_Axes]:
    """Find the pairs of the first kind that the names hold; those with one number belong together."""
    parted = [_plain(key) for key in keys]
    for kind, names in enumerate(_AXIS_COLUMNS):
        firsts, seconds = ([at for at, (name, _) in enumerate(parted) if name in axis] for axis in names)
        alike = [_Axes(x, y, kind) for x in firsts for y in seconds if parted[x][1] == parted[y][1]]
        if found := alike or [_Axes(x, y, kind) for x in firsts for y in seconds]:
            return found
    return []


def _valued_pairs(columns: Sequence[pa.Array]) -> list[_Axes]:
    """Find neighbouring columns whose values look like coordinates of Vietnam."""
    kinds = [_kind_of(column.slice(0, _LOOKED_AT)) for column in columns]
    pairs = []
    for at, (one, other) in enumerate(pairwise(kinds)):
        if (one, other) in (("lon", "lat"), ("easting", "northing")):
            pairs.append(_Axes(at, at + 1, _X_Y))
        elif (other, one) in (("lon", "lat"), ("easting", "northing")):
            pairs.append(_Axes(at + 1, at, _X_Y))
    return pairs


def _is_wkt(column: pa.Array) -> bool:
    """Tell a column of shapes in words: nobody writes such for anything else."""
    texts = column.slice(0, _LOOKED_AT).drop_null()
    return len(texts) > 0 and pc.mean(pc.match_substring_regex(texts, _WKT_START)).as_py() >= _SHARE


def _kind_of(column: pa.Array) -> str | None:
    """Say which coordinate a column seems to hold.

    Degrees need decimals and metres many different values, so that counts, prices and codes are not taken for them.
    """
    texts = column.drop_null()
    if len(texts) < _LEAST or len(texts.unique()) * 2 < len(texts):
        return None
    with np.errstate(all="ignore"):
        numbers = _coordinates(texts)
        has_decimals = np.median(np.abs(numbers * 100 - np.rint(numbers * 100))) > _ROUNDING
    for kind, (low, high), needs_decimals in (
        ("lon", _LON, True), ("lat", _LAT, True), ("easting", _EASTING, False), ("northing", _NORTHING, False),
    ):  # fmt: skip
        share = ((numbers >= low) & (numbers <= high)).mean()
        if share >= _SHARE and (has_decimals or not needs_decimals):
            return kind
    return None


def _coordinates(texts: pa.StringArray) -> Floats:
    """Read a column of coordinates; NaN where there is none."""
    texts = pc.replace_substring_regex(texts, r"^([+-]?\d+),(\d+)$", r"\1.\2")
    plain = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)  # noqa: FBT003 - positional in Arrow
    numbers: Floats = (
        pc.if_else(plain, texts, pa.scalar(None, pa.string())).cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    )
    for at in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
        numbers[at] = parse_coordinate(texts[at].as_py() or "")
    return numbers


def parse_coordinate(text: str) -> float:
    r"""Read a coordinate as people write it; NaN if it is none.

    Examples
    --------
    >>> parse_coordinate("105°30'36\"E"), parse_coordinate("2.345.678,5"), parse_coordinate("abc")
    (105.51, 2345678.5, nan)
    >>> parse_coordinate("N 21°30.6'"), parse_coordinate("105 độ 30 phút 36 giây"), parse_coordinate("105 30 36")
    (21.51, 105.51, 105.51)
    """
    text = text.strip()
    if match := _DEGREES.fullmatch(text.upper()):
        return _sexagesimal(match)
    text = re.sub(r"\s", "", text.removesuffix("m"))
    if text.rfind(",") > text.rfind("."):
        text = text.replace(".", "").replace(",", "." if text.count(",") == 1 else "")
    else:
        text = text.replace(",", "").replace(".", "." if text.count(".") == 1 else "")
    return float(text) if re.fullmatch(_NUMBER, text) else float("nan")


def _sexagesimal(match: re.Match[str]) -> float:
    degrees = int(match[2])
    minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.group(3, 4))
    if minutes >= _SIXTY or seconds >= _SIXTY:
        return float("nan")
    value = degrees + minutes / _SIXTY + seconds / _SIXTY**2
    return -value if {"S", "W"} & {match[1], match[5]} else value
