"""The formats of open data, and the files of one area."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from geodata.exporting import delimited, gdal_files, geojsonseq, geoparquet, gpkg, shapefile, workbook
from geodata.exporting.readme import readme_of
from geodata.exporting.snapshot import Part, write_parquet
from geodata.register import Label

PMTILES: Final = "pmtiles"

Write = Callable[[Part, Path], None]


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes
    ----------
    suffix : str
        Of its files, behind the register's id.
    media_type : str
    title : Label
    write : callable or None
        Writes a part into a file that is not there yet; None where it is not written from rows, but cut out of the
        whole's file by the service.
    most_rows : int, optional
        A larger area has no such file.
    """

    suffix: str
    media_type: str
    title: Label
    write: Write | None
    most_rows: int | None = None


def _shapefile(part: Part, path: Path) -> None:
    shapefile.write_shapefile(part, path, readme_of(part))


FORMATS: Final = (
    # What takes longest stands first: two are written at a time.
    Format("xlsx", workbook.MEDIA_TYPE, Label("Excel", "Excel"), workbook.write_workbook, workbook.MAX_ROWS),
    Format("shp.zip", shapefile.MEDIA_TYPE, Label("Shapefile, VN-2000", "Shapefile, VN-2000"), _shapefile),
    Format("geojsons", geojsonseq.MEDIA_TYPE, Label("Dòng GeoJSON", "GeoJSON sequence"), geojsonseq.write_geojsonseq),
    Format("gpkg", gpkg.MEDIA_TYPE, Label("GeoPackage", "GeoPackage"), gdal_files.write_gpkg),
    Format("fgb", gdal_files.FGB_MEDIA_TYPE, Label("FlatGeobuf", "FlatGeobuf"), gdal_files.write_fgb),
    Format("csv", delimited.MEDIA_TYPE, Label("CSV cho bảng tính", "CSV for spreadsheets"), delimited.write_csv),
    Format("csv.gz", delimited.GZIP_MEDIA_TYPE, Label("CSV nén", "CSV, compressed"), delimited.write_csv_gz),
    Format("parquet", geoparquet.MEDIA_TYPE, Label("GeoParquet", "GeoParquet"), write_parquet),
    Format(PMTILES, "application/vnd.pmtiles", Label("Ô bản đồ (PMTiles)", "Map tiles (PMTiles)"), None),
)
BY_SUFFIX: Final = {one.suffix: one for one in FORMATS}


def file_name(part_or_register_id: str, one: Format) -> str:
    """Return the name of a register's file in a format."""
    return f"{part_or_register_id}.{one.suffix}"


def formats_of(count: int, *, has_tiles: bool) -> list[Format]:
    """Return the formats that an area of so many records is written in, of a register that maps show or not."""
    known = [one for one in FORMATS if has_tiles or one.suffix != PMTILES]
    return [one for one in known if one.most_rows is None or count <= one.most_rows]
