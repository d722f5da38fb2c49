"""MapLibre styles: the base map that is always there, and each register's own layers on top.

A register's layers are in its ``style.json``; ``"@legend"`` there stands for the colours of its list of values,
``"@label"`` for its label in the language asked. No font server is named: clients draw letters with their own
fonts, so nothing is fetched from elsewhere.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from geodata.register import Field, Register

SEA, LAND, ABROAD, BORDER = "#dcebf3", "#f7f5ef", "#ebe9e4", "#a39a8b"
DARK_TEXT, SEA_TEXT = "#3f3a33", "#2f6483"
NO_COLOR = "#5b6770"
DRAWN = {"fill": 0, "line": 1, "circle": 2}
"""Order of drawing: no area hides a point, whatever register it is of."""


def legend_field(register: Register) -> Field | None:
    """Return the field whose values have colours: the first tile field with a list of values."""
    return register.legend_field


def map_style(registers: Sequence[Register], *, base_url: str, language: str) -> dict[str, Any]:
    """Return the whole style: base map, then the layers of the registers in the order given.

    Parameters
    ----------
    base_url : str
        Origin of the service, without a final slash.
    language : {"vi", "en"}
    """
    sources = {register.id: {"type": "vector", "url": f"{base_url}/tiles/{register.id}.json"} for register in registers}
    layers = [layer for register in registers for layer in register_layers(register, language)]
    areas = sorted((layer for layer in layers if layer["type"] != "symbol"), key=lambda layer: DRAWN[layer["type"]])
    labels = [layer for layer in layers if layer["type"] == "symbol"]
    return {
        "version": 8,
        "name": "bandoso",
        "metadata": {"bandoso:language": language},
        "center": [107.8, 16.2],
        "zoom": 4.6,
        "sources": {
            "basemap": {"type": "geojson", "data": f"{base_url}/basemap.geojson"},
            "basemap-provinces": {"type": "geojson", "data": f"{base_url}/basemap-provinces.geojson"},
            **sources,
        },
        "layers": [*_basemap_ground(), *areas, *labels, *_basemap_labels(language)],
    }


def register_layers(register: Register, language: str) -> list[dict[str, Any]]:
    """Return the register's style layers with its colours and labels filled in."""
    found = []
    for layer in _declared(register.id, register.model.__module__.rpartition(".")[0]):
        filled = _fill(layer, {"@legend": _legend(register), "@label": _label(register, language)})
        found.append(
            {**filled, "id": f"{register.id}-{layer['id']}", "source": register.id, "source-layer": register.id,
             "metadata": {"bandoso:register": register.id}}
        )  # fmt: skip
    return found


@cache
def _declared(_register_id: str, package: str) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = json.loads(files(package).joinpath("style.json").read_text(encoding="utf-8"))
    return layers


def _fill(part: Any, values: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        return {name: _fill(value, values) for name, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, values) for value in part]
    return values.get(part, part) if isinstance(part, str) else part


def _legend(register: Register) -> Any:
    item = legend_field(register)
    if item is None:
        return NO_COLOR
    pairs = [part for value, choice in item.choices.items() for part in (value, choice.color)]
    return ["match", ["get", item.name], *pairs, NO_COLOR]


def _label(register: Register, language: str) -> Any:
    names = {item.name for item in register.tile_fields}
    wanted = [register.label]
    if language == "en" and "name_en" in names:
        wanted.insert(0, "name_en")
    return ["coalesce", *(["get", name] for name in wanted), ""]


def _basemap_ground() -> list[dict[str, Any]]:
    return [
        {"id": "basemap-sea", "type": "background", "paint": {"background-color": SEA}},
        {
            "id": "basemap-abroad", "type": "fill", "source": "basemap",
            "filter": ["in", ["get", "kind"], ["literal", ["neighbour", "far"]]], "paint": {"fill-color": ABROAD},
        },
        {"id": "basemap-land", "type": "fill", "source": "basemap-provinces", "paint": {"fill-color": LAND}},
        {
            # Too coarse to be looked at from near, where the units of the register are drawn.
            "id": "basemap-border", "type": "line", "source": "basemap-provinces", "maxzoom": 10,
            "paint": {"line-color": BORDER, "line-width": ["interpolate", ["linear"], ["zoom"], 4, 0.4, 10, 1.2]},
        },
        {
            # From afar an island is less than a pixel, and clients leave such outlines out: both archipelagos would be names alone.
            "id": "basemap-island", "type": "circle", "source": "basemap", "maxzoom": 7,
            "filter": ["==", ["get", "kind"], "island"],
            "paint": {"circle-radius": 0.8, "circle-color": LAND, "circle-stroke-color": BORDER, "circle-stroke-width": 0.4},
        },
    ]  # fmt: skip


def _basemap_labels(language: str) -> list[dict[str, Any]]:
    """Labels of the sea and the archipelagos; always placed, whatever else wants the room."""
    name = ["get", "name_en" if language == "en" else "name"]
    always = {"text-field": name, "text-allow-overlap": True, "text-ignore-placement": True, "text-max-width": 12}
    sea = {"text-color": SEA_TEXT, "text-halo-color": SEA, "text-halo-width": 1.2}
    return [
        {
            "id": "basemap-label-province", "type": "symbol", "source": "basemap", "minzoom": 5.5, "maxzoom": 9,
            "filter": ["==", ["get", "kind"], "province"], "layout": {"text-field": name, "text-size": 11},
            "paint": {"text-color": DARK_TEXT, "text-halo-color": LAND, "text-halo-width": 1.2},
        },
        {
            "id": "basemap-label-island", "type": "symbol", "source": "basemap", "minzoom": 6,
            "filter": ["==", ["get", "kind"], "island"],
            "layout": {"text-field": name, "text-size": 10, "text-optional": True}, "paint": sea,
        },
        {
            "id": "basemap-label-sea", "type": "symbol", "source": "basemap",
            "filter": ["==", ["get", "kind"], "sea"], "layout": {**always, "text-size": 14, "text-letter-spacing": 0.1}, "paint": sea,
        },
        {
            "id": "basemap-label-archipelago", "type": "symbol", "source": "basemap",
            "filter": ["==", ["get", "kind"], "archipelago"], "layout": {**always, "text-size": 12},
            "paint": {"text-color": DARK_TEXT, "text-halo-color": SEA, "text-halo-width": 1.4},
        },
    ]  # fmt: skip
