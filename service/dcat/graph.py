"""The catalogue as RDF: DCAT-AP 3 (SEMIC, 2024), in pages that harvesters follow (Hydra).

Every node has an address of its own and no node is blank, so that the same state is the same text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rdflib import DCTERMS, FOAF, RDF, RDFS, SKOS, XSD, Graph, Literal, Namespace, URIRef

from geodata.register import Label
from geodata.registers import discover
from service.dcat.datasets import Dataset
from service.dcat.distributions import Distribution
from service.dcat.publisher import FREQUENCIES, Publisher

GEO = Namespace("http://www.opengis.net/ont/geosparql#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
DCAT = Namespace("http://www.w3.org/ns/dcat#")
"""The package knows version 2 only."""
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
EU = Namespace("http://publications.europa.eu/resource/authority/")
IANA = Namespace("https://www.iana.org/assignments/media-types/")
OGC = Namespace("http://www.opengis.net/def/")
_PREFIXES: Final = {
    "dcat": DCAT, "dct": DCTERMS, "foaf": FOAF, "geo": GEO, "hydra": HYDRA, "rdfs": RDFS, "skos": SKOS, "spdx": SPDX,
    "vcard": VCARD, "xsd": XSD,
}  # fmt: skip
_LANGUAGES: Final = (EU["language/VIE"], EU["language/ENG"])
_VIETNAM: Final = EU["country/VNM"]
_GEOGRAPHY: Final = EU["data-theme/REGI"]
_THEMES: Final = Label("Chủ đề dữ liệu", "Data theme")
_REGIONS: Final = Label("Vùng và đô thị", "Regions and cities")
_CRS84: Final = OGC["crs/OGC/1.3/CRS84"]
_FEATURES: Final = URIRef("http://www.opengis.net/spec/ogcapi-features-1/1.0")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the catalogue.

    Attributes
    ----------
    datasets : sequence
        With their files.
    number, last : int
        From 1.
    total : int
        Datasets on all pages.
    """

    datasets: Sequence[tuple[Dataset, Sequence[Distribution]]]
    number: int
    last: int
    total: int


class CatalogueGraph:
    """Writes pages of the catalogue.

    Parameters
    ----------
    base : str
        The service's origin.
    title : Label
        Of the service.
    """

    def __init__(self, base: str, title: Label, publisher: Publisher) -> None:
        self.base, self.title, self.publisher = base, title, publisher
        self.graph = Graph()
        for prefix, namespace in _PREFIXES.items():
            self.graph.bind(prefix, namespace)
        self.catalogue, self.api = URIRef(f"{base}/catalog"), URIRef(f"{base}/api")
        self._agent = URIRef(f"{base}/catalog#publisher")

    def write(self, page: Page, form: str) -> bytes:
        """Return a page as ``turtle`` or ``json-ld``."""
        self._add_catalogue()
        self._add_service()
        self._add_paging(page)
        for dataset, files in page.datasets:
            self._add_dataset(dataset, files)
        options: dict[str, Any] = {"context": self._context()} if form == "json-ld" else {}
        written: bytes = self.graph.serialize(format=form, encoding="utf-8", **options)
        return written

    @staticmethod
    def _context() -> dict[str, str]:
        return {prefix: str(namespace) for prefix, namespace in _PREFIXES.items()}

    def _add(self, subject: URIRef, kind: URIRef, values: dict[URIRef, Any]) -> URIRef:
        """Add a node: None and empty lists say nothing."""
        self.graph.add((subject, RDF.type, kind))
        for predicate, value in values.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if one is not None:
                    self.graph.add((subject, predicate, one))
        return subject

    def _typed(self, address: URIRef | None, kind: URIRef) -> URIRef | None:
        """Return an address, having said what kind of thing it is: harvesters do not look it up."""
        return None if address is None else self._add(address, kind, {})

    def _common(self) -> dict[URIRef, Any]:
        """Return what is said of everything: publisher, contact, licence."""
        languages = [self._typed(language, DCTERMS.LinguisticSystem) for language in _LANGUAGES]
        found: dict[URIRef, Any] = {DCTERMS.publisher: self._agent, DCTERMS.language: languages}
        contact = self.publisher.contact_address
        if contact is not None:
            means = VCARD.hasEmail if contact.startswith("mailto:") else VCARD.hasURL
            node = URIRef(f"{self.catalogue}#contact")
            found[DCAT.contactPoint] = self._add(
                node, VCARD.Kind, {VCARD.fn: Literal(self.publisher.name), means: URIRef(contact)}
            )
        return found

    def _licence(self) -> URIRef | None:
        if not self.publisher.licence:
            return None
        address = self.publisher.licence_address or f"{self.catalogue}#licence"
        told = {RDFS.label: Literal(self.publisher.licence), DCTERMS.title: Literal(self.publisher.licence)}
        return self._add(URIRef(address), DCTERMS.LicenseDocument, told)

    def _add_catalogue(self) -> None:
        self._add(self._agent, FOAF.Agent, {FOAF.name: Literal(self.publisher.name)})
        description = Label("Dữ liệu mở của bản đồ số này.", "The open data of this digital map.")
        self._add(
            self.catalogue, DCAT.Catalog,
            self._common()
            | {
                DCTERMS.title: _both(self.title), DCTERMS.description: _both(description),
                DCTERMS.license: self._licence(), DCTERMS.spatial: self._typed(_VIETNAM, DCTERMS.Location),
                FOAF.homepage: self._typed(URIRef(f"{self.base}/downloads"), FOAF.Document), DCAT.service: self.api,
                DCAT.themeTaxonomy: self._add(EU["data-theme"], SKOS.ConceptScheme, {DCTERMS.title: _both(_THEMES)}),
            },
        )  # fmt: skip

    def _add_service(self) -> None:
        title = Label("OGC API và ô bản đồ véc-tơ", "OGC API and vector tiles")
        self._add(
            self.api, DCAT.DataService,
            self._common()
            | {
                DCTERMS.title: _both(title), DCAT.endpointURL: self._typed(URIRef(f"{self.base}/"), RDFS.Resource),
                DCAT.endpointDescription: self._typed(self.api, RDFS.Resource),
                DCTERMS.conformsTo: self._typed(_FEATURES, DCTERMS.Standard), DCTERMS.license: self._licence(),
            },
        )  # fmt: skip
        for register in discover().values():
            told = {
                DCTERMS.title: _both(register.title), DCTERMS.description: _both(register.description),
                DCTERMS.accrualPeriodicity: self._frequency(),
            }  # fmt: skip
            series = URIRef(f"{self.base}/collections/{register.id}")
            self._add(series, DCAT.DatasetSeries, self._common() | told)

    def _frequency(self) -> URIRef | None:
        return self._typed(EU[f"frequency/{FREQUENCIES[self.publisher.frequency][0]}"], DCTERMS.Frequency)

    def _add_paging(self, page: Page) -> None:
        def at(number: int) -> URIRef:
            return URIRef(f"{self.catalogue}?page={number}")

        told = {
            HYDRA.first: at(1), HYDRA.last: at(page.last),
            HYDRA.next: at(page.number + 1) if page.number < page.last else None,
            HYDRA.previous: at(page.number - 1) if page.number > 1 else None,
            HYDRA.totalItems: Literal(page.total),
        }  # fmt: skip
        self._add(at(page.number), HYDRA.PartialCollectionView, told)

    def _add_dataset(self, dataset: Dataset, files: Sequence[Distribution]) -> None:
        node, register, dated = URIRef(f"{self.base}/downloads/{dataset.id}"), dataset.register, dataset.dated
        told: dict[URIRef, Any] = {
            DCTERMS.title: _both(dataset.title), DCTERMS.description: _both(register.description),
            DCTERMS.identifier: Literal(str(node)), DCTERMS.license: self._licence(),
            DCAT.inSeries: URIRef(f"{self.base}/collections/{register.id}"),
            DCAT.landingPage: self._typed(node + "?f=html", FOAF.Document),
            DCAT.keyword: [*_both(register.title), Literal(dataset.area.name, lang="vi") if dataset.area and dataset.area.name else None],
            DCAT.theme: self._add(_GEOGRAPHY, SKOS.Concept, {SKOS.prefLabel: _both(_REGIONS)}), DCTERMS.spatial: self._place(node, dataset),
            DCTERMS.temporal: self._period(node, dataset), DCTERMS.accrualPeriodicity: self._frequency(),
            DCTERMS.conformsTo: self._typed(_CRS84, DCTERMS.Standard),
            DCTERMS.accessRights: self._typed(EU["access-right/PUBLIC"], DCTERMS.RightsStatement),
            DCAT.distribution: [*(self._file(one) for one in files), self._access(node, dataset)],
        }  # fmt: skip
        if dated is not None:
            told[DCTERMS.modified] = Literal(dated.changed_at, datatype=XSD.dateTime)
            told[DCAT.version] = Literal(dated.name)
        self._add(node, DCAT.Dataset, self._common() | told)
        self.graph.add((self.catalogue, DCAT.dataset, node))
        self.graph.add((self.api, DCAT.servesDataset, node))

    def _place(self, node: URIRef, dataset: Dataset) -> URIRef | None:
        if dataset.box is None:
            return self._typed(_VIETNAM, DCTERMS.Location)
        west, south, east, north = dataset.box
        corners = ", ".join(
            f"{x} {y}" for x, y in ((west, south), (east, south), (east, north), (west, north), (west, south))
        )
        name = dataset.area.name if dataset.area is not None else None
        told = {
            DCAT.bbox: Literal(f"POLYGON(({corners}))", datatype=GEO.wktLiteral),
            SKOS.prefLabel: Literal(name or "Việt Nam", lang="vi"),
        }  # fmt: skip
        return self._add(node + "#place", DCTERMS.Location, told)

    def _period(self, node: URIRef, dataset: Dataset) -> URIRef | None:
        if dataset.period is None:
            return None
        first, last = (Literal(day, datatype=XSD.date) for day in dataset.period)
        return self._add(node + "#period", DCTERMS.PeriodOfTime, {DCAT.startDate: first, DCAT.endDate: last})

    def _file(self, file: Distribution) -> URIRef:
        node, at = URIRef(f"{file.href}#file"), self._typed(URIRef(file.href), RDFS.Resource)
        told: dict[URIRef, Any] = {
            DCTERMS.title: _both(file.title), DCAT.accessURL: at, DCAT.downloadURL: at,
            DCAT.mediaType: self._typed(IANA[file.media_type], DCTERMS.MediaType), DCTERMS.license: self._licence(),
            DCTERMS["format"]: file.format and self._typed(EU[f"file-type/{file.format}"], DCTERMS.MediaTypeOrExtent),
            DCAT.compressFormat: self._typed(IANA["application/gzip"], DCTERMS.MediaType) if file.is_packed else None,
        }  # fmt: skip
        if file.size_bytes is not None:
            told[DCAT.byteSize] = Literal(file.size_bytes, datatype=XSD.nonNegativeInteger)
        if file.sha256 is not None:
            told[SPDX.checksum] = self._checksum(node, file.sha256)
        return self._add(node, DCAT.Distribution, told)

    def _checksum(self, node: URIRef, sha256: str) -> URIRef:
        told = {
            SPDX.algorithm: self._typed(SPDX.checksumAlgorithm_sha256, SPDX.ChecksumAlgorithm),
            SPDX.checksumValue: Literal(sha256, datatype=XSD.hexBinary, normalize=False),
        }
        return self._add(URIRef(f"{str(node).removesuffix('#file')}#sha256"), SPDX.Checksum, told)

    def _access(self, node: URIRef, dataset: Dataset) -> URIRef:
        """Return the way to the same records by the API."""
        kind, _, code = (dataset.area.id if dataset.area is not None else "").partition("-")
        chosen = f"?{kind}_code={code}" if code else ""
        items = URIRef(f"{self.base}/collections/{dataset.register.id}/items{chosen}")
        title = Label("Truy cập bằng OGC API", "Access by OGC API")
        told = {
            DCTERMS.title: _both(title), DCAT.accessURL: self._typed(items, RDFS.Resource), DCAT.accessService: self.api,
            DCAT.mediaType: self._typed(IANA["application/geo+json"], DCTERMS.MediaType),
            DCTERMS["format"]: self._typed(EU["file-type/GEOJSON"], DCTERMS.MediaTypeOrExtent),
            DCTERMS.license: self._licence(),
        }  # fmt: skip
        return self._add(node + "#api", DCAT.Distribution, told)


def _both(label: Label) -> list[Literal]:
    return [Literal(label.vi, lang="vi"), Literal(label.en, lang="en")]
