"""OGC's own example expressions are one tree in text and in JSON, and filters where their names are ours."""

import json
from pathlib import Path
from typing import Any

import cql2
import pytest
from sqlalchemy import Connection, select

from geodata.cql2 import parse_cql2
from geodata.errors import ParameterError
from geodata.filtering import read_filter
from tests.geodata.cql2_places import TOWNS, create_towns
from tests.geodata.test_cql2 import DEPTH, plain

EXAMPLES = {row["name"]: row for row in json.loads((Path(__file__).parent / "cql2_examples/examples.json").read_text())}
OURS = {
    "text": "name", "number": "share", "truth": "boolean", "date": "date", "timestamp": "start", "list": "tags", "place": "geometry",
}  # fmt: skip
KINDS = {
    "updated": "date", "category": "number", "road_class": "text", "touchdown": "timestamp", "liftOff": "timestamp",
    "layer:ids": "list", "vehicle_height": "number", "bridge_clearance": "number", "landsat:scene_id": "text", "eo:instrument": "text",
    "eq:cloud_cover": "number", "ro:cloud_cover": "number", "eo:cloud_cover": "number", "landsat:wrs_row": "number",
    "landsat:wrs_path": "number", "road": "place", "eo_instruments": "text", "footprint": "place", "geometry": "place", "beamMode": "text",
    "swathDirection": "text", "polarization": "text", "taxes": "number", "owner": "text", "floors": "number", "swimming_pool": "truth",
    "material": "text", "built": "date", "starts_at": "timestamp", "ends_at": "timestamp", "geophys:SURVEY_NAME": "text", "id": "text",
    "name": "text", "value": "number", "updated_at": "timestamp", "foo": "number",
}  # fmt: skip
OTHER_KINDS = {"example40": {"value": "text"}}
NO_FILTERS = {
    "clause7_18": "no operation|shape that is given", "example69": "no operation", "example46-alt01": "crosses itself",
}  # fmt: skip
"""With why: functions are not offered, and one polygon is none."""


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_an_example_is_the_same_tree_in_text_and_in_json(name: str) -> None:
    # The reference parser writes instants anew, without the zeros.
    text = EXAMPLES[name]["text"].replace(".000000Z", "Z")
    tree = plain(parse_cql2(text, depth=DEPTH))
    assert tree == plain(EXAMPLES[name].get("json", tree))
    assert tree == plain(cql2.parse_text(text).to_json())
    assert tree == plain(cql2.parse_json(json.dumps(tree)).to_json())


def in_our_names(tree: Any, kinds: dict[str, str]) -> Any:
    if isinstance(tree, list | tuple):
        return [in_our_names(part, kinds) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "property" in tree:
        return {"property": OURS[kinds[tree["property"]]]}
    return {name: in_our_names(part, kinds) for name, part in tree.items()}


def test_the_examples_are_filters_of_a_register_that_the_database_reckons(connection: Connection) -> None:
    towns = create_towns(connection)
    for name, row in EXAMPLES.items():
        tree = in_our_names(parse_cql2(row["text"], depth=DEPTH), KINDS | OTHER_KINDS.get(name, {}))
        written = json.dumps(tree)
        if name in NO_FILTERS:
            with pytest.raises(ParameterError, match=NO_FILTERS[name]):
                read_filter(TOWNS, written, "cql2-json")
            continue
        condition = read_filter(TOWNS, written, "cql2-json").condition(towns, by_index=False)
        connection.execute(select(towns.c.id).where(condition)).all()
