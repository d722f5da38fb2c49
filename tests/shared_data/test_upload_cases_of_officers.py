"""Shared upload cases as an officer of one commune sends them: what is theirs is published, with its name and place."""

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import text

from geodata.db import Actor, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import Published, publish_file
from geodata.registers import get_register
from geodata.units.index import load_units
from tests.shared_data.conftest import CASES, SHARED

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="../shared/data/upload-cases is not here")

AS_VILLAGES: dict[str, str | None] = {"ten_xa": "name", "ma_xa": "commune_code", "dt_km2": None}

# File: the officer's commune, the row that is of it, rows in all, the encoding and the system it is read in.
OWN: dict[str, tuple[str, int, int, str, str]] = {
    "vn2000_epsg9208_nghe_an.zip": ("16681", 1, 6, "utf-8", "EPSG:9208"),
    "vn2000_esri_custom_name_da_nang.zip": ("20194", 1, 8, "utf-8", "EPSG:5899"),
    "dbf_cp1258_decomposed_ninh_binh.zip": ("13285", 1, 6, "cp1258", "EPSG:4326"),
    "dbf_utf8_no_cpg_nghe_an.zip": ("16738", 6, 6, "utf-8", "EPSG:4326"),
    "geojson_nfd_names_da_nang.geojson": ("20200", 3, 8, "utf-8", "EPSG:4326"),
    "geojson_metres_without_crs.geojson": ("20200", 3, 8, "utf-8", "EPSG:5899"),
    "gpkg_two_layers_two_crs.gpkg": ("01273", 1, 6, "utf-8", "EPSG:9210"),
    "zip_vietnamese_member_names.zip": ("01273", 1, 2, "utf-8", "EPSG:4326"),
}
OPTIONS = {
    "geojson_metres_without_crs.geojson": {"crs": "EPSG:5899"},
    "gpkg_two_layers_two_crs.gpkg": {"layer": "vung_trong"},
}


@pytest.fixture(scope="module")
def communes() -> dict[str, tuple[str, shapely.Geometry]]:
    """Full name and boundary of every commune, from a source of its own."""
    with gzip.open(SHARED / "boundaries" / "commune_3321_simplified.geojson.gz") as packed:
        features = json.load(packed)["features"]
    return {
        one["properties"]["code"]: (one["properties"]["full_name"], shapely.from_geojson(json.dumps(one["geometry"])))
        for one in features
    }


def publish(
    database: Database, folder: Path, name: str, actor: Actor, columns: dict[str, str | None]
) -> tuple[Published, list[Any]]:
    """Publish a file of villages; return those that the register then has more, and undo it."""
    with database.worker() as connection:
        request = ImportRequest(
            CASES / name, name, get_register("villages"), actor, columns=columns, **OPTIONS.get(name, {})
        )
        before = connection.scalar(text("SELECT coalesce(max(id), 0) FROM reg.villages"))
        published = publish_file(connection, request, load_units(connection), folder)
        query = text("SELECT commune_code, name, ST_AsBinary(geom) FROM open.villages WHERE id > :before")
        rows = connection.execute(query, {"before": before}).all()
        connection.rollback()
    return published, list(rows)


@pytest.mark.parametrize("name", OWN)
def test_an_officer_publishes_the_own_commune_s_row_and_no_other(
    cases_database: Database, communes: dict[str, tuple[str, shapely.Geometry]], tmp_path: Path, name: str
) -> None:
    commune, row, count, encoding, crs = OWN[name]
    actor = Actor("cán bộ xã", communes=(commune,))
    published, rows = publish(cases_database, tmp_path, name, actor, AS_VILLAGES)
    report, (full_name, boundary) = published.report.as_dict(), communes[commune]
    assert report["rows"] == {"read": count, "valid": 1, "repaired": 0, "rejected": count - 1}
    assert (report["counts"], report["crs"]["chosen"]) == ({"COMMUNE_NOT_YOURS": count - 1}, crs)
    assert report["encoding"]["ten_xa"]["chosen"] == encoding
    refused = [(one["row"], one["column"]) for one in report["messages"]]
    assert refused == [(other, "ma_xa") for other in range(1, count + 1) if other != row]
    assert all(one["value"] != commune and one["value"] in one["vi"] for one in report["messages"])
    ((code, stored, shape),) = rows
    assert (code, stored) == (commune, full_name)
    assert unicodedata.is_normalized("NFC", stored)
    drawn = shapely.from_wkb(bytes(shape))
    assert drawn.intersection(boundary).area / drawn.union(boundary).area >= 0.98


def test_a_special_zone_far_off_the_coast_is_taken_whole(
    cases_database: Database, communes: dict[str, tuple[str, shapely.Geometry]], tmp_path: Path
) -> None:
    commune = next(code for code, (name, _) in communes.items() if name == "Đặc khu Trường Sa")
    actor, name = Actor("cán bộ đặc khu", communes=(commune,)), "vn_56_truong_sa_offshore.geojson"
    published, ((code, _, shape),) = publish(cases_database, tmp_path, name, actor, {"ma1": "name", "matinhxa": None})
    assert (published.report.as_dict()["rows"]["valid"], code) == (1, commune)
    assert shapely.from_wkb(bytes(shape)).bounds == pytest.approx((109.469, 7.181, 117.835, 11.532), abs=1e-3)
