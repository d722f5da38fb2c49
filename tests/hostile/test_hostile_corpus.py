"""The corpus of hostile files: as large and as wide as promised, and no file in it twice."""

from collections import Counter
from pathlib import Path

from tests.hostile.cases import Bait
from tests.hostile.corpus import ALL, LEAST, gather

LEAST_FILES = 250
_SLOW = ("bombs", "CSV", "XML", "GeoPackage", "drawings and tables for GDAL")
"""Families whose files take long to make."""


def test_every_family_has_its_files() -> None:
    found = Counter(case.family for case in gather(*ALL))
    assert {family for family, least in LEAST.items() if found[family] < least} == set()
    assert found.keys() == LEAST.keys()
    assert sum(LEAST.values()) >= LEAST_FILES


def test_no_file_is_there_twice(tmp_path: Path) -> None:
    cases = gather(*ALL)
    assert len({case.id for case in cases}) == len(cases)
    bait = Bait(tmp_path, tmp_path / "secret.csv", "http://127.0.0.1:9", tmp_path)
    small = [case for case in cases if case.family not in _SLOW]
    seen = Counter((case.make(bait), case.suffix, case.is_networked) for case in small)
    assert max(seen.values()) == 1
