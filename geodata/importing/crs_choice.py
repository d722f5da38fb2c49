"""The coordinate system of a file: what it states, held against the communes, else what the places themselves prove.

Nothing is decided silently: where the places do not prove a system the officer chooses, with the candidates on a map.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np

from geodata.crs import (
    VN2000_DATUM,
    WGS84_DATUM,
    WGS84_DEGREES,
    Floats,
    SourceCrs,
    from_epsg,
    from_wkt,
    looks_like_degrees,
)
from geodata.crs_choices import parse_choice
from geodata.errors import CoordinateSystemError
from geodata.importing.candidates import SAME_PLACE_M, Fit, Ranking, rank, trap_between
from geodata.importing.communes import ExpectedCommunes, FileCommunes
from geodata.importing.quantities import say_distance, say_percent
from geodata.importing.report import Report
from geodata.importing.results import ReadResult, iter_batches
from geodata.importing.sampling import Sample, take_sample

How = Literal["stated", "found", "chosen", "assumed"]
CANDIDATES_SHOWN = 8
PREVIEW_CANDIDATES, PREVIEW_POINTS, PREVIEW_COMMUNES = 3, 300, 50
_PREVIEW_DECIMALS = 6
_CORE_SHARE = 0.75
"""Of the coordinates, how many must look like degrees: a few broken rows do not decide, one of four among them."""


def choose_crs(
    result: ReadResult, wanted: str | None, report: Report, communes: FileCommunes | None = None
) -> SourceCrs | None:
    """Decide which coordinate system the file is in, or report why somebody has to choose.

    A file that states one is held against the communes by its first batch alone, so that rows can be checked while the
    rest is read; only where that speaks against it, or nothing is stated, the end is waited for.

    Parameters
    ----------
    result : ReadResult
    wanted : str, optional
        The officer's choice (see `geodata.crs_choices.parse_choice`); overrides what the file says and what the places prove.
    report : Report
        Gets ``crs``, ``preview`` and the messages.
    communes : FileCommunes, optional
        Where the places should lie; nothing is proven without.
    """
    return _Choice(result, report, communes).decide(wanted)


class _Choice:
    def __init__(self, result: ReadResult, report: Report, communes: FileCommunes | None) -> None:
        self.result, self.report, self.communes = result, report, communes
        self.expected: ExpectedCommunes | None = None
        self.sample = Sample(np.empty((0, 2)), np.empty(0, dtype=object))

    def decide(self, wanted: str | None) -> SourceCrs | None:
        try:
            stated = _stated(self.result)
            chosen = parse_choice(wanted, stated) if wanted else None
        except CoordinateSystemError as error:
            return self._decide_unusable(wanted, error)
        if chosen is not None:
            return self._take_choice(chosen)
        return self._check_stated(stated) if stated is not None else self._find()

    def _decide_unusable(self, wanted: str | None, error: CoordinateSystemError) -> SourceCrs | None:
        """Go on with a good choice in place of what the file states and cannot be used; ask for one otherwise."""
        try:
            chosen = parse_choice(wanted) if wanted else None
        except CoordinateSystemError as of_choice:
            error, chosen = of_choice, None
        if chosen is not None:
            return self._take_choice(chosen)
        return self._ask(self._rank(None, whole=True), "CRS_UNUSABLE", why_vi=error.vi, why_en=error.en)

    def _take_choice(self, chosen: SourceCrs) -> SourceCrs:
        """Go on with the officer's choice; what else it could be is told, so that a wrong one can be made good."""
        return self._go_on(chosen, "chosen", certain=True, ranking=self._rank(chosen, whole=False))

    def _check_stated(self, stated: SourceCrs) -> SourceCrs | None:
        ranking = self._rank(stated, whole=False)
        if ranking is not None and ranking.refutes_stated:
            ranking = self._rank(stated, whole=True)
        if ranking is not None and ranking.refutes_stated and self._may_doubt(ranking):
            return self._doubt(ranking)
        is_certain = ranking is not None and ranking.is_certain and ranking.fits[0] is ranking.stated
        if ranking is not None and ranking.open_trap is not None:
            self._warn_of_trap(ranking, ranking.open_trap)
        return self._go_on(stated, "stated", certain=is_certain and self._is_complete, ranking=ranking)

    def _may_doubt(self, ranking: Ranking) -> bool:
        """Whether a misfit means anything: all communes have their boundary, or no place would be in Vietnam."""
        assert ranking.stated is not None
        return self._is_complete or not _in_vietnam(ranking.stated.lon, ranking.stated.lat)

    @property
    def _is_complete(self) -> bool:
        return self.expected is not None and self.expected.is_complete

    def _doubt(self, ranking: Ranking) -> SourceCrs | None:
        best, stated = ranking.fits[0], ranking.stated
        assert stated is not None
        code = "DATUM_TRAP" if best.trap == "no_datum_shift" else "CRS_DOUBTFUL"
        return self._ask(
            ranking, code, **_named(best), choice=best.crs.choice, stated=stated.crs.name, stated_en=stated.crs.name_en,
            inside=say_percent(best.inside), stated_inside=say_percent(stated.inside), shift=say_distance(best.shift_m),
        )  # fmt: skip

    def _warn_of_trap(self, ranking: Ranking, twin: Fit) -> None:
        """Name the twin that the places leave possible; of degrees in WGS 84, as GPS receivers write them, only if it fits better."""
        stated = ranking.stated
        assert stated is not None
        fits_better = twin.outside_by_cell.sum() < stated.outside_by_cell.sum()
        if fits_better or stated.crs.grid is not None or stated.crs.datum == VN2000_DATUM:
            self.report.add(
                "DATUM_TRAP_MAYBE" if fits_better else "CRS_NOT_PROVEN", **_named(twin), choice=twin.crs.choice,
                stated=stated.crs.name, stated_en=stated.crs.name_en, inside=say_percent(twin.inside),
                stated_inside=say_percent(stated.inside), shift=say_distance(twin.shift_m),
            )  # fmt: skip

    def _find(self) -> SourceCrs | None:
        """Find the system of a file that states none."""
        ranking = self._rank(None, whole=True)
        if not len(self.sample):
            return self._go_on(
                WGS84_DEGREES, "assumed", certain=False, ranking=None
            )  # each row is told that it has no place
        if ranking is not None:
            best = ranking.fits[0]
            if not (ranking.is_certain and self._is_complete):
                return self._ask(
                    ranking, "CRS_CHOICE", **_named(best), choice=best.crs.choice, inside=say_percent(best.inside)
                )
            self.report.add("CRS_FOUND", **_named(best), inside=say_percent(best.inside))
            return self._go_on(best.crs, "found", certain=True, ranking=ranking)
        if _in_vietnam(*self.sample.coordinates.T):
            self.report.add("CRS_ASSUMED")
            return self._go_on(WGS84_DEGREES, "assumed", certain=False, ranking=None)
        return self._ask(None, "CRS_MISSING")

    def _rank(self, stated: SourceCrs | None, *, whole: bool) -> Ranking | None:
        """Rank the candidates by the first batch or the whole file; None where nothing fits or can be compared."""
        self.sample = self._take(whole=whole)
        expected = self.communes.expect(self.sample) if self.communes is not None else None
        if expected is None:
            return None
        self.sample, self.expected = expected
        ranking = rank(self.sample.coordinates, stated, self.expected)
        return ranking if ranking.fits else None

    def _take(self, *, whole: bool) -> Sample:
        column = self.communes.column if self.communes is not None else None
        return take_sample(islice(iter_batches(self.result), None if whole else 1), column)

    def _ask(self, ranking: Ranking | None, code: str, **detail: Any) -> SourceCrs | None:
        self.report.refuse(code, "needs_choice", **detail)
        self._describe(None, None, ranking, certain=False)
        return None

    def _go_on(self, chosen: SourceCrs, how: How, *, certain: bool, ranking: Ranking | None) -> SourceCrs:
        is_rough = chosen.accuracy_m is None or chosen.accuracy_m > SAME_PLACE_M
        if is_rough and chosen.datum not in {VN2000_DATUM, WGS84_DATUM}:
            self.report.add(
                "CRS_INACCURATE", value=chosen.name, value_en=chosen.name_en, **_accuracy(chosen.accuracy_m)
            )
        self._describe(chosen, how, ranking, certain=certain)
        return chosen

    def _describe(self, chosen: SourceCrs | None, how: How | None, ranking: Ranking | None, *, certain: bool) -> None:
        fits = ranking.fits if ranking is not None else ()
        self.report.crs = {
            "chosen": chosen and chosen.choice, "name": chosen and chosen.name, "operation": chosen and chosen.operation,
            "accuracy_m": chosen and chosen.accuracy_m, "how": how, "certain": certain,
            "candidates": [_candidate(fit) for fit in fits[:CANDIDATES_SHOWN]],
        }  # fmt: skip
        shown = _previewed([fit.crs for fit in fits[:CANDIDATES_SHOWN]])
        if chosen is not None and chosen.choice not in [crs.choice for crs in shown]:
            shown = [chosen, *shown[: PREVIEW_CANDIDATES - 1]]
        codes = self.expected.codes if self.expected is not None else ()
        self.report.preview = preview(self.sample, shown, codes)


def _previewed(systems: Sequence[SourceCrs]) -> list[SourceCrs]:
    """Choose the first ones, always with what differs from the best by the datum alone: no outline tells these apart."""
    shown = list(systems[:PREVIEW_CANDIDATES])
    twin = next((crs for crs in systems[1:] if trap_between(crs, systems[0]) == "no_datum_shift"), None)
    return shown if twin is None or twin in shown else [*shown[:-1], twin]


def preview(sample: Sample, systems: Sequence[SourceCrs], codes: Sequence[str]) -> dict[str, Any]:
    """Draw a sample of the places as each of some coordinate systems would have them.

    Parameters
    ----------
    sample : Sample
    systems : sequence of SourceCrs
        Best first.
    codes : sequence of str
        Communes in which the places are expected; left out where there are more than can be shown.

    Returns
    -------
    dict
        ``communes``: list of codes; ``candidates``: for each system ``crs`` (its choice) and ``points``, a GeoJSON MultiPoint of
        at most 300 places in WGS 84 with 6 decimals. Places that a system cannot bring anywhere are missing.
    """
    few = np.unique(np.linspace(0, len(sample) - 1, min(PREVIEW_POINTS, len(sample))).astype(np.intp))
    return {
        "communes": list(codes) if len(codes) <= PREVIEW_COMMUNES else [],
        "candidates": [{"crs": crs.choice, "points": _multipoint(crs, sample.coordinates[few])} for crs in systems],
    }


def _multipoint(crs: SourceCrs, coordinates: Floats) -> dict[str, Any]:
    places = np.column_stack(crs.to_wgs84(*coordinates.T))
    places = places[(np.abs(places) <= (180, 90)).all(axis=1)]
    return {"type": "MultiPoint", "coordinates": np.round(places, _PREVIEW_DECIMALS).tolist()}


def _stated(result: ReadResult) -> SourceCrs | None:
    """Return what the file states; that its numbers are small enough for degrees is no statement."""
    if result.crs_wkt:
        return from_wkt(result.crs_wkt)
    hint = result.crs_hint or ""
    return from_epsg(int(hint.removeprefix("EPSG:"))) if hint.startswith("EPSG:") else None


def _in_vietnam(lon: Floats, lat: Floats) -> bool:
    inside = [looks_like_degrees((x, y, x, y)) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    return bool(inside) and float(np.mean(inside)) >= _CORE_SHARE


def _candidate(fit: Fit) -> dict[str, Any]:
    return {
        "crs": fit.crs.choice, "name": fit.crs.name, "operation": fit.crs.operation, "score": round(fit.score, 3),
        "inside": round(fit.inside, 3), "trap": fit.trap, "shift_m": _metres(fit.shift_m),
    }  # fmt: skip


def _accuracy(metres: float | None) -> dict[str, Any]:
    if metres is None:
        return {"accuracy": "không rõ", "accuracy_en": "not known"}
    return {"accuracy": say_distance(metres), "accuracy_en": say_distance(metres)}


def _named(fit: Fit) -> dict[str, Any]:
    return {"value": fit.crs.name, "value_en": fit.crs.name_en}


def _metres(shift_m: float | None) -> int | None:
    """Round to whole metres; None where there is none, or it is not on this earth."""
    return None if shift_m is None or not np.isfinite(shift_m) else round(shift_m)
