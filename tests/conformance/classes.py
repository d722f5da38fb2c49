"""Addresses of conformance classes, and the tests that stand elsewhere for some of them."""

from collections.abc import Mapping

COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
COLLECTIONS = "https://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections"
SCHEMAS = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
FILTERING = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

SORTING = "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/"
JSON_FG = "http://www.opengis.net/spec/json-fg-1/1.0/conf/"

COMMON_EDITS = "http://www.opengis.net/spec/ogcapi-common-5/1.0/conf/"
EDITS = "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/"

_EDITS, _TRUTH = "tests/service/test_edits_ats.py", "tests/geodata/test_filter_truth.py"
_ORDER, _FORMS = "tests/service/test_item_order.py", "tests/service/test_item_forms.py"
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
    CQL2 + "basic-spatial-operators": f"{_FILTERS}::test_a_shape_finds_what_it_meets",
    CQL2 + "spatial-functions": f"{_FILTERS}::test_each_spatial_function_finds_what_geos_finds_by_index_and_without",
    CQL2 + "temporal-functions": f"{_TRUTH}::test_temporal_expressions_find_as_many_as_ogc_says",
    CQL2 + "array-functions": f"{_TRUTH}::test_expressions_find_what_a_reading_of_the_rows_finds",
    CQL2 + "property-property": f"{_TRUTH}::test_expressions_find_what_a_reading_of_the_rows_finds",
    CQL2 + "arithmetic": f"{_TRUTH}::test_expressions_find_what_a_reading_of_the_rows_finds",
    COMMON_EDITS + "create-replace-delete": f"{_EDITS}::test_create",
    COMMON_EDITS + "update": f"{_EDITS}::test_update",
    COMMON_EDITS + "optimistic-locking-etags": f"{_EDITS}::test_locked_replace",
    COMMON_EDITS + "return-resource-representation-in-response": f"{_EDITS}::test_representation",
    COMMON_EDITS + "handling": f"{_EDITS}::test_handling_strict",
    EDITS + "features": f"{_EDITS}::test_schema",
    EDITS + "create-replace-delete": f"{_EDITS}::test_create",
    EDITS + "update": f"{_EDITS}::test_update",
    EDITS + "optimistic-locking-etags": f"{_EDITS}::test_locked_replace",
    SORTING + "sortables": f"{_ORDER}::test_sortables_are_what_lists_can_be_sorted_by",
    SORTING + "sorting": f"{_ORDER}::test_a_list_is_sorted_and_records_without_a_value_come_last",
    SORTING + "features-sorting": f"{_ORDER}::test_pages_of_a_sorted_list_hold_each_record_once_and_in_order",
    JSON_FG + "core": f"{_FORMS}::test_json_fg_has_places_of_other_systems_beside_the_geometry",
    JSON_FG + "types-schemas": f"{_FORMS}::test_json_fg_has_places_of_other_systems_beside_the_geometry",
    JSON_FG + "profiles": f"{_FORMS}::test_a_profile_is_of_geojson_only",
    JSON_FG + "api": f"{_FORMS}::test_a_form_is_asked_for_by_ending_by_parameter_and_by_accept",
}
"""File and name of a test for each class that is not tested in this folder. A new class gets a line here or tests here."""
