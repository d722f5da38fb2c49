"""The coordinate system is found for files of every real commune, in every system, with a right, no or wrong .prj."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyproj
import pytest
import shapely

from geodata.crs import SourceCrs
from geodata.importing.candidates import Fit, Ranking, rank
from geodata.importing.communes import ExpectedCommunes
from tests.shared_data.coordinate_corpus import SEED, SIMPLIFIED, Case, cases, read_seed, simplified

RIGHT, SAME_M = 0.98, 1.0
GEOD = pyproj.Geod(ellps="WGS84")

pytestmark = pytest.mark.skipif(
    not (SEED.exists() and SIMPLIFIED.exists()), reason="../shared/data/boundaries is not here"
)


@dataclass
class Tally:
    """What became of the files: how many, for how many the first candidate or the decision was right, and so on."""

    files: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    certain: Counter[str] = field(default_factory=Counter)
    asked_in_vain: int = 0
    wrong_though_certain: list[str] = field(default_factory=list)

    def add(self, case: Case) -> None:
        """Rank one file and compare with the truth."""
        ranking = rank(case.coordinates, case.stated, ExpectedCommunes(simplified(), (case.commune,)))
        assert ranking.fits, case
        decided = decision(ranking)
        self.files[case.prj] += 1
        self.first[case.prj] += is_same(ranking.fits[0], case)
        self.decided[case.prj] += is_same(decided, case)
        self.asked_in_vain += ranking.refutes_stated and ranking.stated is not None and is_same(ranking.stated, case)
        if ranking.is_certain:
            self.certain[case.prj] += 1
            if not is_same(ranking.fits[0], case):
                self.wrong_though_certain.append(str(case))

    def share(self, counts: Counter[str]) -> float:
        """Return the share of all files."""
        return counts.total() / self.files.total()

    def __str__(self) -> str:
        parts = [
            f"{prj}: {self.files[prj]} files, first {self.first[prj] / self.files[prj]:.4f}, "
            f"decided {self.decided[prj] / self.files[prj]:.4f}, certain {self.certain[prj] / self.files[prj]:.4f}"
            for prj in self.files
        ]
        return "; ".join(
            [
                *parts,
                f"all {self.files.total()}: first {self.share(self.first):.4f}, decided {self.share(self.decided):.4f}, "
                f"certain {self.share(self.certain):.4f}, wrong though certain {len(self.wrong_though_certain)}, "
                f"asked in vain {self.asked_in_vain}",
            ]
        )


def decision(ranking: Ranking) -> Fit:
    """Return what the officer gets: the stated system where nothing refutes it, else the one that is offered first."""
    return ranking.stated if ranking.stated is not None and not ranking.refutes_stated else ranking.fits[0]


def is_same(fit: Fit, case: Case) -> bool:
    """Whether a system brings the places where they are, as the ellipsoid measures it."""
    true: SourceCrs = case.true_crs
    lon, lat = true.to_wgs84(*case.coordinates.T)
    if not np.isfinite([fit.lon, fit.lat]).all():
        return False
    return bool(np.median(GEOD.inv(lon, lat, fit.lon, fit.lat)[2]) <= SAME_M)


@pytest.fixture(scope="module")
def boundaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, shapely.Geometry]:
    """The full boundaries of 575 communes by code."""
    return read_seed(tmp_path_factory.mktemp("seed"))


def check(boundaries: dict[str, shapely.Geometry], every: int) -> Tally:
    tally = Tally()
    for case in cases(sorted(boundaries)[::every], boundaries):
        tally.add(case)
    print(tally)  # noqa: T201  the figures for docs/benchmarks
    assert tally.wrong_though_certain == []
    assert tally.share(tally.first) >= RIGHT
    assert tally.share(tally.decided) >= RIGHT
    assert tally.asked_in_vain <= (1 - RIGHT) * tally.files.total()
    return tally


def test_the_system_is_found_for_some_communes_of_each_province(boundaries: dict[str, shapely.Geometry]) -> None:
    tally = check(boundaries, every=64)
    assert tally.files.total() >= 500
    assert tally.share(tally.certain) >= 0.5


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_system_is_found_for_every_commune(boundaries: dict[str, shapely.Geometry]) -> None:
    tally = check(boundaries, every=1)
    assert tally.files.total() >= 30_000
    assert tally.share(tally.certain) >= 0.5
