"""The datasets that there are: each register for the country, each province and each commune that has records of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from geodata.exporting.snapshot import VIETNAM, Area
from geodata.matching import Interval
from geodata.register import Label, Register
from geodata.registers import discover
from geodata.text import search_key
from service.bulk_files import Dated, FileFolder

Box = tuple[float, float, float, float]

KINDS = (VIETNAM, "province-", "commune-")
"""Beginnings of the ids of areas, the largest first: the order in which datasets are listed."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A register in an area.

    Attributes
    ----------
    dated : Dated or None
        The files of its latest state; None where none have been made.
    area : Area or None
        None where there are no files: the whole country then.
    """

    register: Register
    dated: Dated | None
    area: Area | None

    @property
    def id(self) -> str:
        """What tells it from others, as addresses have it."""
        return f"{self.register.id}/{self.area.id if self.area else VIETNAM}"

    @property
    def title(self) -> Label:
        """The register's title, with the unit's name where it is of one."""
        where = self.area.name if self.area is not None else None
        title = self.register.title
        return title if where is None else Label(f"{title.vi}, {where}", f"{title.en}, {where}")

    @property
    def box(self) -> Box | None:
        """West, south, east, north in degrees, as far as is known."""
        return self.area.box if self.area is not None else None

    @property
    def period(self) -> tuple[str, str] | None:
        """The first and the last day of which it tells, as far as is known."""
        return self.dated.period if self.dated is not None else None

    def is_called(self, words: str) -> bool:
        """Whether all words begin words of its title, its register's description or its area, whatever their accents."""
        told = [self.title.vi, self.title.en, self.register.description.vi, self.register.description.en, self.id]
        key = f" {search_key(' '.join(told))}"
        return all(f" {word}" in key for word in search_key(words).split())

    def meets(self, box: Box) -> bool:
        """Whether its records' bounds meet a box."""
        own = self.box
        return own is not None and own[0] <= box[2] and box[0] <= own[2] and own[1] <= box[3] and box[1] <= own[3]

    def tells_of(self, interval: Interval) -> bool:
        """Whether it tells of a day of an interval; one that does not say of which days it tells may."""
        if self.period is None:
            return True
        start, end = interval
        first, last = map(date.fromisoformat, self.period)
        return (start is None or start <= last) and (end is None or first <= end)


def list_datasets(folder: FileFolder, policy: str) -> list[Dataset]:
    """Return all datasets that may be shown under a publication policy: the country's first, then provinces, then communes."""
    latest = {register.id: folder.latest(register.id, policy) for register in discover().values()}
    return [dataset for kind in KINDS for dataset in _of_kind(kind, latest)]


def _of_kind(kind: str, latest: dict[str, Dated | None]) -> Iterator[Dataset]:
    for register in discover().values():
        dated = latest[register.id]
        if dated is not None:
            yield from (Dataset(register, dated, area) for area in dated.areas if area.id.startswith(kind))
        elif kind == VIETNAM:
            yield Dataset(register, None, None)
