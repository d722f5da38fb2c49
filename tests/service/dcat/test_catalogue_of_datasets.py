"""The catalogue of datasets: right by the rules of DCAT-AP, whole over its pages, and read by those who harvest it."""

import json
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pyshacl
import pytest
from fastapi.testclient import TestClient
from rdflib import DCTERMS, RDF, Graph, Literal, Namespace, URIRef

from geodata.registers import discover
from service.api import open_data
from service.app import create_app
from service.bulk_files import Dated
from service.settings import ServiceSettings
from tests.conftest import ROOT

DCAT = Namespace("http://www.w3.org/ns/dcat#")
HYDRA, SPDX = Namespace("http://www.w3.org/ns/hydra/core#"), Namespace("http://spdx.org/rdf/terms#")
RULES = Path(__file__).with_name("dcat_ap.ttl")
SHAPES = Path(__file__).with_name("dcat_ap_shapes.ttl")
"""What the shapes ask for that SEMIC publishes; the rules ask for more, such as literals in two languages."""

HARVESTER = ("ckan[requirements]==2.12.0", "ckanext-dcat==2.4.4")
UV = ROOT / ".venv/bin/uv"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib", "ignore::DeprecationWarning:pyshacl")
FORMS = [("catalog.ttl", "turtle"), ("catalog.jsonld", "json-ld")]


@pytest.fixture(scope="module")
def portal(sample_settings: ServiceSettings, made: Dated) -> Iterator[TestClient]:
    """A service whose operator has said all that there is to say, with few datasets on a page."""
    told = {
        "licence": "CC-BY-4.0",
        "contact": "dulieu@example.vn",
        "update_frequency": "monthly",
        "publisher": "UBND xã </script>",
        "allowed_hosts": "map.example",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_data, "PAGE", 4)
        with TestClient(create_app(sample_settings.model_copy(update=told)), base_url="https://map.example") as client:  # type: ignore[arg-type]
            yield client


def pages(client: TestClient, path: str) -> Iterator[bytes]:
    """Follow the pages by the header, as harvesters may."""
    following: str | None = f"/{path}"
    while following:
        answer = client.get(following)
        assert answer.status_code == 200
        yield answer.content
        following = answer.links.get("next", {}).get("url")
        if following and path.endswith("ld"):
            following += "&f=jsonld"
        elif following:
            following += "&f=ttl"


def read(client: TestClient, path: str, form: str) -> Graph:
    whole = Graph()
    for page in pages(client, path):
        whole.parse(data=page, format=form)
    return whole


@pytest.fixture(scope="module")
def graph(portal: TestClient) -> Graph:
    return read(portal, "catalog.ttl", "turtle")


def violations(graph: Graph, rules: Path) -> list[str]:
    _, _, text = pyshacl.validate(graph, shacl_graph=str(rules), advanced=True)
    return [line for line in text.splitlines() if "Message:" in line or "Focus Node" in line]


@pytest.mark.parametrize("asked", [RULES, SHAPES], ids=lambda path: path.stem)
def test_the_catalogue_keeps_the_rules_of_dcat_ap(graph: Graph, asked: Path) -> None:
    assert violations(graph, asked) == []


@pytest.mark.parametrize("left_out", [DCTERMS.title, DCAT.accessURL, SPDX.checksumValue, DCAT.endpointURL])
def test_the_rules_find_what_is_missing(graph: Graph, left_out: URIRef) -> None:
    poorer = Graph()
    poorer += graph
    poorer.remove((None, left_out, None))
    assert violations(poorer, RULES)
    assert violations(poorer, SHAPES)


def test_both_forms_say_the_same(portal: TestClient, graph: Graph) -> None:
    assert set(read(portal, "catalog.jsonld", "json-ld")) == set(graph)


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_the_same_state_is_the_same_text_and_need_not_be_sent_again(portal: TestClient, path: str, form: str) -> None:
    first, again = (portal.get(f"/{path}?page=2") for _ in range(2))
    assert first.content == again.content
    held = portal.get(f"/{path}?page=2", headers={"if-none-match": first.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "media"),
    [({}, "application/ld+json"), ({"accept": "text/turtle"}, "text/turtle"), ({"accept": "text/turtle;q=0.5, application/ld+json"}, "application/ld+json")],
)  # fmt: skip
def test_the_form_is_the_one_that_is_asked_for(portal: TestClient, asked: dict[str, str], media: str) -> None:
    answer = portal.get("/catalog", headers=asked)
    assert answer.headers["content-type"].startswith(media)
    assert "Accept" in answer.headers["vary"]


def test_every_dataset_of_the_pages_of_files_is_listed_once(portal: TestClient, graph: Graph, made: Dated) -> None:
    listed = set(graph.objects(URIRef("https://map.example/catalog"), DCAT.dataset))
    for area in made.areas:
        assert URIRef(f"https://map.example/downloads/addresses/{area.id}") in listed
    # Registers without files are there as well, whole.
    assert {f"https://map.example/downloads/{register}/vietnam" for register in discover()} <= {
        str(one) for one in listed
    }
    totals = set(graph.objects(None, HYDRA.totalItems))
    assert totals == {Literal(len(listed))}


def test_files_are_described_as_they_are_served(portal: TestClient, graph: Graph, made: Dated) -> None:
    dataset = URIRef("https://map.example/downloads/addresses/vietnam")
    files = [one for one in graph.objects(dataset, DCAT.distribution) if (one, DCAT.downloadURL, None) in graph]
    assert len(files) >= 7
    for file in files:
        address = str(graph.value(file, DCAT.downloadURL))
        answer = portal.get(address)
        assert answer.headers["content-length"] == str(graph.value(file, DCAT.byteSize))
        checksum = graph.value(graph.value(file, SPDX.checksum), SPDX.checksumValue)
        assert str(checksum) in portal.get("/downloads/addresses/vietnam/latest/SHA256SUMS").text
    assert (dataset, DCTERMS.license, URIRef("https://creativecommons.org/licenses/by/4.0/")) in graph
    assert (dataset, RDF.type, DCAT.Dataset) in graph


@pytest.mark.parametrize("page", ["0", "-1", "x", "1000"])
def test_a_page_that_there_is_not_is_refused(portal: TestClient, page: str) -> None:
    answer = portal.get(f"/catalog?page={page}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=101", "offset=-1", "offset=100001", "register=x", "bbox=1,2", "datetime=x", "page=1"]
)
def test_a_search_that_cannot_be_is_refused(portal: TestClient, asked: str) -> None:
    answer = portal.get(f"/catalog/datasets?{asked}")
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"


DATA_JSON: dict[str, Any] = {
    "type": "object", "required": ["conformsTo", "dataset"],
    "properties": {
        "conformsTo": {"const": "https://project-open-data.cio.gov/v1.1/schema"},
        "dataset": {
            "type": "array", "minItems": 6,
            "items": {
                "type": "object",
                "required": ["title", "description", "keyword", "modified", "publisher", "contactPoint", "identifier", "accessLevel"],
                "properties": {
                    "accessLevel": {"enum": ["public"]}, "keyword": {"type": "array", "minItems": 1},
                    "license": {"type": "string", "format": "uri"}, "accrualPeriodicity": {"const": "R/P1M"},
                    "spatial": {"type": "string", "pattern": r"^-?[\d.]+(,-?[\d.]+){3}$"},
                    "contactPoint": {"required": ["fn", "hasEmail"], "properties": {"hasEmail": {"pattern": "^mailto:.+@.+"}}},
                    "distribution": {"items": {"anyOf": [{"required": ["downloadURL", "mediaType"]}, {"required": ["accessURL"]}]}},
                },
            },
        },
    },
}  # fmt: skip
"""What the schema of DCAT-US 1.1 asks of each dataset, and what it says of the fields that are written."""


def test_data_json_has_what_its_schema_wants(portal: TestClient) -> None:
    document = portal.get("/data.json").json()
    with_files = [one for one in document["dataset"] if "modified" in one]
    jsonschema.validate({**document, "dataset": with_files + with_files[:6]}, DATA_JSON)
    assert len({one["identifier"] for one in document["dataset"]}) == len(document["dataset"])
    assert not [one for one in document["dataset"] if "/commune-" in one["identifier"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=dia+chi+ninh+binh", {"addresses/province-37"}),
        ("q=Địa+chỉ&limit=1", {"addresses/vietnam"}),
        ("q=chi+dia&register=growing_areas", set()),
        ("q=khong-co-tu-nay", set()),
        ("bbox=-10,-10,-5,-5", set()),
        ("bbox=106.2,20.3,106.3,20.4&register=addresses&limit=1", {"addresses/vietnam"}),
        ("register=addresses&datetime=../2000-01-01", set()),
        ("register=addresses&datetime=2000-01-01/..&limit=1", {"addresses/vietnam"}),
        ("type=service", set()),
    ],
)
def test_datasets_are_found_by_words_place_and_days(portal: TestClient, asked: str, found: set[str]) -> None:
    document = portal.get(f"/catalog/datasets?{asked}").json()
    assert {one["id"] for one in document["features"]} == found
    assert document["numberMatched"] >= document["numberReturned"] == len(found)


def test_pages_of_the_search_lead_on_to_all(portal: TestClient) -> None:
    ids, following = [], "/catalog/datasets?limit=3"
    while following:
        document = portal.get(following).json()
        ids += [one["id"] for one in document["features"]]
        following = next((one["href"] for one in document["links"] if one["rel"] == "next"), "")
    assert len(ids) == len(set(ids)) == document["numberMatched"]


class Descriptions(HTMLParser):
    """Collects what a page tells search engines, as a browser would find it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []
        self._is_one = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_one = tag == "script" and ("type", "application/ld+json") in attrs

    def handle_data(self, data: str) -> None:
        if self._is_one:
            self.found.append(json.loads(data))
        self._is_one = False


def described(client: TestClient, path: str) -> Any:
    """Return what a page tells search engines."""
    parser = Descriptions()
    parser.feed(client.get(f"{path}?f=html").text)
    (found,) = parser.found
    return found


@pytest.mark.parametrize("path", ["/collections/addresses", "/downloads/addresses/vietnam"])
def test_pages_describe_their_dataset_to_search_engines(portal: TestClient, path: str) -> None:
    found = described(portal, path)
    assert (found["@type"], found["publisher"]["name"]) == ("Dataset", "UBND xã </script>")
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    for file in found["distribution"]:
        assert portal.head(file["contentUrl"]).status_code == 200


def test_every_form_tells_of_the_same_days(portal: TestClient, graph: Graph) -> None:
    revisions = portal.get("/collections/addresses/revisions").json()["revisions"]
    days = [revisions[at]["published_at"][:10] for at in (-1, 0)]
    at = "https://map.example/downloads/addresses/vietnam"
    (found,) = portal.get("/catalog/datasets?register=addresses&limit=1").json()["features"]
    assert found["time"] == {"interval": days}
    (listed,) = [one for one in portal.get("/data.json").json()["dataset"] if one["identifier"] == at]
    assert listed["temporal"] == "/".join(days)
    assert described(portal, "/downloads/addresses/vietnam")["temporalCoverage"] == "/".join(days)
    (period,) = graph.objects(URIRef(at), DCTERMS.temporal)
    assert [str(graph.value(period, end)) for end in (DCAT.startDate, DCAT.endDate)] == days


@pytest.mark.parametrize(("words", "found"), [("ninh binh", True), ("Ninh Bình", True), ("khong co", False)])
def test_people_find_the_files_of_a_province_by_its_name(portal: TestClient, words: str, found: bool) -> None:
    page = portal.get("/downloads", params={"f": "html", "q": words}).text
    assert ("/downloads/addresses/province-37" in page) is found


HARVEST = """
import json, sys
from ckanext.dcat.processors import RDFParser
found = []
for path in sys.argv[2:]:
    parser = RDFParser(profiles=["euro_dcat_ap_3"])
    parser.parse(open(path, encoding="utf-8").read(), _format=sys.argv[1])
    for one in parser.datasets():
        told = {extra["key"]: extra["value"] for extra in one["extras"]}
        found.append({"uri": told["uri"], "title": one["title"], "resources": one["resources"], "next": parser.next_page()})
print(json.dumps(found))
"""


@pytest.mark.long
@pytest.mark.parametrize(("path", "form"), FORMS)
def test_ckan_harvests_every_dataset(portal: TestClient, path: str, form: str, tmp_path: Path) -> None:
    begin = [str(UV), "tool", "run", "--with", HARVESTER[1], "--from", HARVESTER[0], "python"]
    if not UV.exists() or subprocess.run([*begin, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"{' and '.join(HARVESTER)} cannot be fetched")
    written = [tmp_path / f"{number}.txt" for number, _ in enumerate(pages(portal, path))]
    for file, page in zip(written, pages(portal, path), strict=True):
        file.write_bytes(page)
    told = subprocess.run([*begin, "-c", HARVEST, form, *map(str, written)], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout.splitlines()[-1])
    listed = [one["id"] for one in portal.get("/catalog/datasets?limit=100").json()["features"]]
    assert sorted(one["uri"] for one in found) == sorted(f"https://map.example/downloads/{one}" for one in listed)
    assert all(one["title"] and one["resources"] for one in found)
    assert {one["next"] is None for one in found} == {True, False}
