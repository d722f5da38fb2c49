"""Addresses of conformance classes, and the tests that stand elsewhere for some of them."""

from collections.abc import Mapping

COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
COLLECTIONS = "https://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
FILTERING = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

_FILTERS = "tests/service/test_filters.py"
ELSEWHERE: Mapping[str, str] = {
    CQL2 + "basic-cql2": f"{_FILTERS}::test_a_filter_finds_just_the_items_that_match",
    CQL2 + "cql2-text": f"{_FILTERS}::test_a_filter_finds_just_the_items_that_match",
    CQL2 + "cql2-json": f"{_FILTERS}::test_json_and_text_are_the_same_filter",
    CQL2 + "advanced-comparison-operators": f"{_FILTERS}::test_a_filter_finds_just_the_items_that_match",
    CQL2 + "case-insensitive-comparison": f"{_FILTERS}::test_a_filter_finds_just_the_items_that_match",
    CQL2 + "accent-insensitive-comparison": f"{_FILTERS}::test_a_filter_finds_just_the_items_that_match",
    CQL2 + "basic-spatial-functions": f"{_FILTERS}::test_a_shape_finds_what_it_meets",
    CQL2 + "basic-spatial-functions-plus": f"{_FILTERS}::test_a_shape_finds_what_it_meets",
}
"""File and name of a test for each class that is not tested in this folder. A new class gets a line here or tests here."""
