"""Files that are for another driver than their suffix says, or that point at other files and addresses."""

import json
from collections.abc import Iterator

from tests.hostile.cases import Case, Make, calling, csv, feature, geojson, good_row
from tests.hostile.geopackages import geopackage
from tests.hostile.shapefiles import shapefile
from tests.hostile.zips import zip_of

FAMILY = "disguised drivers"
_SUFFIXES = (".kml", ".geojson", ".csv", ".gpkg", ".shp", ".gpx", ".tab", ".mif", ".dxf", ".xlsx", ".txt", ".vrt")
_ZIPPED = (".kml", ".geojson", ".csv", ".shp", ".tab")


def vrt(source: str, more: str = "") -> str:
    """Return an OGR virtual layer of another source."""
    layer = f'<OGRVRTLayer name="tep"><SrcDataSource>{source}</SrcDataSource>{more}</OGRVRTLayer>'
    return f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"


def _pipeline() -> str:
    command = "gdal vector pipeline ! read {secret} ! write stream.gdalg.json"
    return json.dumps({"type": "gdal_streamed_alg", "command_line": command})


_WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],EXTENSION["PROJ4","+proj=longlat +nadgrids={url}/x.gsb +no_defs"]]'
)
_BOUND = (
    'BOUNDCRS[SOURCECRS[GEOGCRS["x",DATUM["x",ELLIPSOID["GRS 1980",6378137,298.257222101]],CS[ellipsoidal,2],'
    'AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]],'
    'TARGETCRS[GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'CS[ellipsoidal,2],AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]],'
    'ABRIDGEDTRANSFORMATION["x",METHOD["NTv2",ID["EPSG",9615]],'
    'PARAMETERFILE["Latitude and longitude difference file","{url}/x.gsb"]]]'
)
_PROJ = "+proj=longlat +nadgrids={secret} +no_defs"
_OTHERS = {
    "virtual layer with SQL that loads code": (
        vrt("{secret}", "<SrcSQL dialect='sqlite'>SELECT load_extension('{secret}')</SrcSQL>"),
        ".kml",
    ),
    "virtual layer within a virtual layer": (vrt("&lt;OGRVRTDataSource&gt;{secret}"), ".geojson"),
    "virtual raster with raw bytes": (
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand subClass="VRTRawRasterBand"><SourceFilename>'
        "{secret}</SourceFilename></VRTRasterBand></VRTDataset>",
        ".kml",
    ),
    "web feature service": ("<OGRWFSDataSource><URL>{url}/wfs</URL></OGRWFSDataSource>", ".kml"),
    "web map service": ("<GDAL_WMS><Service name='TMS'><ServerUrl>{url}</ServerUrl></Service></GDAL_WMS>", ".kml"),
    "web feature service answer": (
        '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xsi:schemaLocation="a {url}/a.xsd"/>',
        ".kml",
    ),
    "GML with a schema elsewhere": (
        '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xsi:schemaLocation="a {url}/a.xsd">'
        '<gml:featureMember xlink:href="{url}/b.gml"/></gml:FeatureCollection>',
        ".gpx",
    ),
    "feature service as JSON": ('{"type":"GeometryServer","url":"{url}"}', ".geojson"),
    "TopoJSON": ('{"type":"Topology","objects":{},"arcs":[],"transform":{"url":"{url}"}}', ".geojson"),
    "Esri JSON": ('{"geometryType":"esriGeometryPoint","features":[],"url":"{url}"}', ".json"),
    "STAC catalogue": ('{"type":"Catalog","links":[{"rel":"item","href":"{url}/item.json"}]}', ".json"),
}


def _crs_links() -> Iterator[Case]:
    for kind in ("link", "URL", "url", "name", "OGC"):
        for where in ("first", "last"):
            crs = {"type": kind, "properties": {"href": "{url}/", "url": "{url}/", "name": "{url}/", "type": "ogcwkt"}}
            text = geojson(feature(), crs=crs)
            if where == "first":
                text = '{"crs":' + json.dumps(crs) + "," + geojson(feature())[1:]
            yield Case(
                FAMILY, f"GeoJSON crs {kind} {where}", ".geojson", "refused GEOJSON_CRS_LINK", calling(text), True
            )


def _prj(text: str) -> Make:
    return lambda bait: shapefile(prj=calling(text)(bait))


def _paths() -> Iterator[Case]:
    for path in ("/vsicurl/{url}/x.csv", "/vsizip/{secret}", "CSV:{secret}", "PG:host=127.0.0.1", "{url}/x.geojson"):
        text = csv(good_row(), header="ten,ma_xa,lon,lat") + f'"{path}",20194,108.1,16.1\n'
        yield Case(FAMILY, f"GDAL path {path} as a name", ".csv", "ok 2/2 POINTS_SHARED", calling(text), True)
        yield Case(FAMILY, f"GDAL path {path} alone", ".csv", "refused EMPTY_LAYER", calling(path + "\n"), True)


def cases() -> Iterator[Case]:
    """Yield the family."""
    reading, calls = vrt("CSV:{secret}"), vrt("/vsicurl/{url}/x.csv")
    for suffix in _SUFFIXES:
        yield Case(FAMILY, f"virtual layer as {suffix}", suffix, "refused UPLOAD_FORMAT", calling(reading))
        yield Case(FAMILY, f"calling layer as {suffix}", suffix, "refused UPLOAD_FORMAT", calling(calls), True)
    for suffix in (".kml", ".geojson", ".csv", ".gpkg", ".shp", ".json"):
        yield Case(FAMILY, f"GDAL pipeline as {suffix}", suffix, "refused UPLOAD_FORMAT", calling(_pipeline()), True)
    for suffix in _ZIPPED:
        make = lambda bait, suffix=suffix: zip_of(**{f"a{suffix}": calling(calls)(bait)})  # noqa: E731
        yield Case(FAMILY, f"calling layer as {suffix}, zipped", ".zip", "refused UPLOAD_FORMAT", make, True)
        make = lambda bait, suffix=suffix: zip_of(**{f"a{suffix}": calling(reading)(bait)})  # noqa: E731
        yield Case(FAMILY, f"virtual layer as {suffix}, zipped", ".zip", "refused UPLOAD_FORMAT", make)
        make = lambda bait, suffix=suffix: zip_of(**{f"a{suffix}": calling(_pipeline())(bait)})  # noqa: E731
        yield Case(FAMILY, f"GDAL pipeline as {suffix}, zipped", ".zip", "refused UPLOAD_FORMAT", make, True)
    for name, (text, suffix) in _OTHERS.items():
        yield Case(FAMILY, name, suffix, "refused UPLOAD_FORMAT", calling(text), True)
    yield from _crs_links()
    yield from _paths()
    yield Case(FAMILY, "prj with a grid elsewhere", ".zip", "needs_choice CRS_UNUSABLE", _prj(_WKT), True)
    yield Case(FAMILY, "prj bound by a grid elsewhere", ".zip", "needs_choice CRS_UNUSABLE", _prj(_BOUND), True)
    yield Case(
        FAMILY,
        "prj as a PROJ string with a grid",
        ".zip",
        "ok 1/1 CRS_ASSUMED PRJ_UNREADABLE",
        _prj(_PROJ),
        True,
    )
    yield Case(
        FAMILY,
        "prj that is an address",
        ".zip",
        "ok 1/1 CRS_ASSUMED PRJ_UNREADABLE",
        _prj("{url}/4326.prj"),
        True,
    )
    make = lambda bait: geopackage(bait, definition=calling(_BOUND)(bait).decode())  # noqa: E731
    yield Case(FAMILY, "GeoPackage bound by a grid elsewhere", ".gpkg", "needs_choice CRS_UNUSABLE", make, True)
