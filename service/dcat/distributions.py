"""The files of a dataset."""

from dataclasses import dataclass

from geodata.exporting.datapackage import SHAPEFILE
from geodata.exporting.formats import BY_SUFFIX, formats_of
from geodata.register import Label
from service.bulk_files import LATEST, FileFolder, list_files
from service.dcat.datasets import Dataset

FORMATS = {
    "csv": "CSV",
    "csv.gz": "CSV",
    "xlsx": "XLSX",
    "gpkg": "GPKG",
    SHAPEFILE: "SHP",
    "geojsons": "GEOJSON",
    "parquet": "PARQUET",
}
"""Codes of the EU's list of file types; FlatGeobuf is not in it."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file of a dataset's latest state.

    Attributes
    ----------
    href : str
        The same for every state.
    size_bytes, sha256
        None where the file is made when it is first asked for.
    """

    suffix: str
    title: Label
    media_type: str
    href: str
    size_bytes: int | None
    sha256: str | None

    @property
    def format(self) -> str | None:
        """Code in the EU's list of file types."""
        return FORMATS.get(self.suffix)

    @property
    def is_packed(self) -> bool:
        """Whether it is compressed with gzip."""
        return self.suffix.endswith(".gz")


def distributions(folder: FileFolder, dataset: Dataset, base: str) -> list[Distribution]:
    """Return the files that a dataset can be had as; none where none have been made of its register.

    Parameters
    ----------
    base : str
        The service's origin.
    """
    dated, area = dataset.dated, dataset.area
    if dated is None or area is None:
        return []
    at = f"{base}/downloads/{dataset.id}/{LATEST}"
    made = {file.suffix: file for file in list_files(folder.path(dated.register, dated.name) / area.id) or []}
    found = []
    for form in formats_of(area.count, has_tiles=dated.has_tiles):
        file, name = made.get(form.suffix), f"{dated.register}.{form.suffix}"
        size, sha256 = (None, None) if file is None else (file.size_bytes, file.sha256)
        media_type = BY_SUFFIX[form.suffix].media_type.partition(";")[0]
        found.append(Distribution(form.suffix, form.title, media_type, f"{at}/{name}", size, sha256))
    return found
