"""VN-2000 to WGS 84: against EPSG's own operation, against the decree's formulas, and in every form a .prj has."""

import math

import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray
from pyproj.transformer import TransformerGroup

from geodata.crs import (
    VN2000_GEOGRAPHIC,
    VN2000_ZONES,
    WGS84_DEGREES,
    SourceCrs,
    from_epsg,
    from_wkt,
    looks_like_degrees,
    vn2000,
)
from geodata.errors import CoordinateSystemError

GEOD = pyproj.Geod(ellps="WGS84")
OPERATION = "VN-2000 to WGS 84 (2)"
EASTINGS, NORTHINGS = map(np.ravel, np.meshgrid(np.linspace(330_000, 730_000, 9), np.linspace(900_000, 2_600_000, 18)))
TOWNS = {"Hà Nội": (105.85, 21.03), "Vinh": (105.68, 18.67), "Đà Nẵng": (108.22, 16.07), "Cà Mau": (105.15, 9.18)}

Floats = NDArray[np.float64]


def distances_m(found: tuple[Floats, Floats], expected: tuple[Floats, Floats]) -> Floats:
    return np.asarray(GEOD.inv(*found, *expected)[2])


def epsg_operation(code: int) -> pyproj.Transformer:
    group = TransformerGroup(code, 4326, always_xy=True)
    return next(operation for operation in group.transformers if OPERATION in operation.description)


def prj(
    name: str = "VN_2000_Custom",
    datum: str = "D_Vietnam_2000",
    geographic: str = "GCS_VN_2000",
    meridian: float = 105.5,
    scale: float = 0.9999,
    latitude: float = 0.0,
    shift: str = "",
) -> str:
    """Return a .prj as ArcGIS writes it, without any authority code."""
    return (
        f'PROJCS["{name}",GEOGCS["{geographic}",DATUM["{datum}",SPHEROID["WGS_1984",6378137.0,298.257223563]{shift}],'
        'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
        'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
        f'PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",{scale}],'
        f'PARAMETER["Latitude_Of_Origin",{latitude}],UNIT["Meter",1.0]]'
    )


def move(crs: SourceCrs, easting: float, northing: float) -> tuple[float, float]:
    lon, lat = crs.to_wgs84(np.array([easting]), np.array([northing]))
    return float(lon[0]), float(lat[0])


@pytest.mark.parametrize("code", VN2000_ZONES)
def test_zone_agrees_with_the_operation_of_epsg_within_a_millimetre(code: int) -> None:
    expected = epsg_operation(code).transform(EASTINGS, NORTHINGS)
    assert distances_m(from_epsg(code).to_wgs84(EASTINGS, NORTHINGS), expected).max() < 0.001


@pytest.mark.parametrize("code", VN2000_ZONES)
def test_zone_has_the_meridian_and_scale_that_epsg_gives_it(code: int) -> None:
    operation = pyproj.CRS.from_epsg(code).coordinate_operation
    values = {parameter.name: parameter.value for parameter in operation.params}
    assert VN2000_ZONES[code] == pytest.approx(
        (values["Longitude of natural origin"], values["Scale factor at natural origin"])
    )


def test_degrees_of_vn2000_agree_with_the_operation_of_epsg_within_a_millimetre() -> None:
    lon, lat = map(np.ravel, np.meshgrid(np.linspace(102, 118, 17), np.linspace(7, 23.5, 17)))
    expected = epsg_operation(VN2000_GEOGRAPHIC).transform(lon, lat)
    assert distances_m(from_epsg(VN2000_GEOGRAPHIC).to_wgs84(lon, lat), expected).max() < 0.001


# --- the same by hand: Krüger's series and the seven parameters of Decision 05/2007/QĐ-BTNMT

A, F = 6378137.0, 1 / 298.257223563
E2 = F * (2 - F)
SHIFT_M = np.array([-191.90441429, -39.30318279, -111.45032835])
ROTATION_RAD = np.radians(np.array([-0.00928836, 0.01975479, -0.00427372]) / 3600)
SCALE_PPM = 0.252906278


def geodetic_from_grid(easting: float, northing: float, meridian: float, k: float) -> tuple[float, float]:
    """Invert the transverse Mercator projection by Krüger's series to the fourth power of n; radians."""
    n = F / (2 - F)
    radius = A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    beta = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    delta = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    xi, eta = northing / (k * radius), (easting - 500_000) / (k * radius)
    xi1 = xi - sum(b * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, b in enumerate(beta, 1))
    eta1 = eta - sum(b * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, b in enumerate(beta, 1))
    chi = math.asin(math.sin(xi1) / math.cosh(eta1))
    lat = chi + sum(d * math.sin(2 * j * chi) for j, d in enumerate(delta, 1))
    return math.radians(meridian) + math.atan2(math.sinh(eta1), math.cos(xi1)), lat


def shifted(lon: float, lat: float) -> tuple[float, float]:
    """Move radians VN-2000 to degrees WGS 84: geocentric, coordinate-frame rotation, back by iteration."""
    radius = A / math.sqrt(1 - E2 * math.sin(lat) ** 2)
    place = np.array(
        [
            radius * math.cos(lat) * math.cos(lon),
            radius * math.cos(lat) * math.sin(lon),
            radius * (1 - E2) * math.sin(lat),
        ]
    )
    x, y, z = ROTATION_RAD
    frame = np.array([[1, z, -y], [-z, 1, x], [y, -x, 1]])
    moved = SHIFT_M + (1 + SCALE_PPM * 1e-6) * frame @ place
    across = math.hypot(moved[0], moved[1])
    found = lat
    for _ in range(10):
        radius = A / math.sqrt(1 - E2 * math.sin(found) ** 2)
        found = math.atan2(moved[2] + E2 * radius * math.sin(found), across)
    return math.degrees(math.atan2(moved[1], moved[0])), math.degrees(found)


@pytest.mark.parametrize("code", [9208, 9209, 5899, 3405])
@pytest.mark.parametrize("place", [(500_000, 2_000_000), (420_000, 2_310_000), (570_000, 1_010_000)])
def test_zone_agrees_with_the_formulas_of_the_decree_within_a_millimetre(code: int, place: tuple[float, float]) -> None:
    meridian, scale = VN2000_ZONES[code]
    expected = shifted(*geodetic_from_grid(*place, meridian, scale))
    assert GEOD.inv(*move(from_epsg(code), *place), *expected)[2] < 0.001


# --- traps


@pytest.mark.parametrize("town", TOWNS)
def test_vn2000_degrees_read_as_wgs84_would_lie_224_m_off(town: str) -> None:
    lon, lat = TOWNS[town]
    azimuth, _, distance_m = GEOD.inv(lon, lat, *move(from_epsg(VN2000_GEOGRAPHIC), lon, lat))
    assert 223.5 < distance_m < 225.5
    assert 117 < azimuth < 122


def test_a_meridian_15_minutes_off_would_move_a_file_26_km() -> None:
    here, there = (move(from_epsg(code), 500_000, 2_068_000) for code in (9208, 5897))
    assert GEOD.inv(*here, *there)[2] == pytest.approx(26_400, abs=100)


def test_easting_comes_first_and_longitude_comes_out_first() -> None:
    lon, lat = move(from_epsg(9209), 536_000, 2_326_000)
    assert (round(lon, 1), round(lat, 1)) == (105.8, 21.0)


@pytest.mark.parametrize("code", [4326, VN2000_GEOGRAPHIC, 4147])
def test_degrees_are_longitude_then_latitude_whatever_order_epsg_has(code: int) -> None:
    lon, lat = move(from_epsg(code), 105.85, 21.03)
    assert (lon, lat) == pytest.approx((105.85, 21.03), abs=0.01)


def test_a_projected_system_of_wgs84_keeps_easting_first() -> None:
    lon, lat = move(from_epsg(32648), 588_000, 2_326_000)
    assert (round(lon, 2), round(lat, 2)) == (105.85, 21.03)


# --- what a .prj looks like


@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
@pytest.mark.parametrize("code", [*VN2000_ZONES, VN2000_GEOGRAPHIC])
def test_every_generation_of_wkt_leads_to_the_zone(code: int, version: str) -> None:
    found = from_wkt(pyproj.CRS.from_epsg(code).to_wkt(version))
    assert (found.epsg, found.operation) == (code, OPERATION)


@pytest.mark.parametrize(
    "wkt",
    [
        prj(),
        prj(name="Transverse_Mercator"),
        prj(name="VN_2000_KT105-30_3deg"),
        prj(datum="D_VN_2000", geographic="GCS_VN2000"),
        prj(datum="Vietnam_2000", geographic="VN-2000"),
        prj(datum="D_unknown", geographic="GCS_VN-2000"),
        prj(meridian=105.49999999999, scale=0.99990000001),
    ],
)
def test_vn2000_is_known_by_datum_and_numbers_not_by_name_or_authority(wkt: str) -> None:
    assert from_wkt(wkt).epsg == 9209


@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_written_into_the_prj_is_not_trusted(sign: int) -> None:
    rotations = ",".join(str(sign * angle) for angle in (0.00928836, -0.01975479, 0.00427372))
    shift = f",TOWGS84[-191.90441429,-39.30318279,-111.45032835,{rotations},0.252906278]"
    found = from_wkt(prj(shift=shift))
    assert (found.epsg, found.operation) == (9209, OPERATION)
    assert move(found, 536_000, 2_326_000) == move(from_epsg(9209), 536_000, 2_326_000)


@pytest.mark.parametrize("version", ["WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"])
@pytest.mark.parametrize(("meridian", "choice"), [(105.5, "EPSG:9209"), (105.25, "VN2000:105.25,0.9999")])
def test_a_system_of_one_s_own_in_qgis_is_vn2000_by_its_shift(meridian: float, choice: str, version: str) -> None:
    """As many offices define it, for want of a code; the shapefile keeps the shift in the datum's name alone."""
    shift = "-191.90441429,-39.30318279,-111.45032835,0.00928836,-0.01975479,0.00427372,0.252906278"
    own = f"+proj=tmerc +lat_0=0 +lon_0={meridian} +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84={shift} +units=m"
    assert from_wkt(pyproj.CRS.from_proj4(own).to_wkt(version)).choice == choice


def test_the_shift_of_another_datum_is_neither_vn2000_nor_wgs84() -> None:
    other = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=105 +x_0=500000 +ellps=WGS84 +towgs84=-190,-40,-110 +units=m")
    assert from_wkt(other.to_wkt("WKT1_GDAL")).datum not in {"VN-2000", "WGS 84"}


def test_a_meridian_of_no_epsg_code_is_read_by_its_numbers() -> None:
    found = from_wkt(prj(meridian=106.75))
    assert found.epsg is None
    assert move(found, 500_000, 2_000_000) == pytest.approx(move(vn2000(106.75, 0.9999), 500_000, 2_000_000))


def test_a_scale_of_09996_makes_it_the_utm_zone() -> None:
    assert from_wkt(prj(meridian=105.0, scale=0.9996)).epsg == 3405


def test_an_origin_off_the_equator_is_not_taken_for_a_zone() -> None:
    found = from_wkt(prj(latitude=10.0))
    assert found.epsg is None
    lon, lat = move(found, 500_000, 0)
    assert (round(lon, 1), round(lat, 1)) == (105.5, 10.0)


def test_wgs84_utm_is_not_taken_for_vn2000() -> None:
    found = from_wkt(
        prj(name="WGS_1984_UTM_Zone_48N", datum="D_WGS_1984", geographic="GCS_WGS_1984", meridian=105, scale=0.9996)
    )
    assert OPERATION not in found.operation
    assert found.accuracy_m == 0


@pytest.mark.parametrize(
    "text", ["EPSG:4326", "OGC:CRS84", "EPSG:4979", pyproj.CRS.from_epsg(4326).to_wkt("WKT1_ESRI")]
)
def test_wgs84_in_any_form_is_left_as_it_is(text: str) -> None:
    assert from_wkt(text) is WGS84_DEGREES


def test_the_report_can_name_zone_operation_and_accuracy() -> None:
    found = from_epsg(9209)
    assert (found.name, found.operation, found.accuracy_m) == ("VN-2000 / TM 105°30′, k=0.9999", OPERATION, 1.0)


def test_hanoi_1972_comes_with_its_poorer_accuracy() -> None:
    assert from_epsg(4147).accuracy_m == 5.0


# --- what is refused


def test_a_datum_that_only_a_ballpark_operation_leaves_is_refused() -> None:
    with pytest.raises(CoordinateSystemError, match="ballpark") as refusal:
        from_wkt(prj(datum="D_Xa_Ta", geographic="GCS_Xa_Ta").replace("298.257223563", "300.8017"))
    assert "áng chừng" in refusal.value.vi


@pytest.mark.parametrize(
    "text", ["", "hello", "a\0b", '{"type": "x"}', 'LOCAL_CS["x",LOCAL_DATUM["y",0],UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]']
)  # fmt: skip
def test_text_that_is_no_coordinate_system_is_refused(text: str) -> None:
    with pytest.raises(CoordinateSystemError):
        from_wkt(text)


@pytest.mark.parametrize("grid", ["/etc/passwd", "http://127.0.0.1:9/x.gsb", "@x.gsb", ""])
def test_a_system_that_would_have_other_files_opened_is_refused(grid: str) -> None:
    extension = f',EXTENSION["PROJ4","+proj=longlat +nadgrids={grid} +no_defs"]]'
    with pytest.raises(CoordinateSystemError, match="points to another file"):
        from_wkt(pyproj.CRS(4326).to_wkt("WKT1_GDAL")[:-1] + extension)


def test_the_web_s_own_mercator_names_a_grid_that_is_none() -> None:
    text = pyproj.CRS(3857).to_wkt("WKT1_GDAL")
    assert "nadgrids=@null" in text
    assert from_wkt(text).epsg == 3857


@pytest.mark.parametrize("code", [0, -1, 99_999, 10**20])
def test_an_epsg_code_that_does_not_exist_is_refused_by_number(code: int) -> None:
    with pytest.raises(CoordinateSystemError, match=f"EPSG:{code}"):
        from_epsg(code)


@pytest.mark.parametrize(
    ("bounds", "is_degrees"),
    [
        ((102.1, 8.5, 109.5, 23.4), True),
        ((109.4, 7.1, 117.9, 11.6), True),
        ((506_945.0, 1_768_894.0, 562_746.0, 1_793_431.0), False),
        ((8.5, 102.1, 23.4, 109.5), False),
        ((4.1, 50.9, 4.2, 51.0), False),
        ((math.nan, math.nan, math.nan, math.nan), False),
    ],
)
def test_only_numbers_in_and_near_vietnam_look_like_degrees(
    bounds: tuple[float, float, float, float], is_degrees: bool
) -> None:
    assert looks_like_degrees(bounds) is is_degrees
