"""Who publishes the data, on what terms, and how often it changes: the operator's settings in the words of catalogues."""

from dataclasses import dataclass
from typing import Final

from service.settings import ServiceSettings

LICENCES: Final = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
}
"""Addresses of licences by their SPDX identifiers."""

FREQUENCIES: Final = {
    "irregular": ("IRREG", "irregular"),
    "daily": ("DAILY", "R/P1D"),
    "weekly": ("WEEKLY", "R/P1W"),
    "monthly": ("MONTHLY", "R/P1M"),
    "quarterly": ("QUARTERLY", "R/P3M"),
    "annual": ("ANNUAL", "R/P1Y"),
}
"""For each choice the code of the EU's list of frequencies (used by DCAT-AP), and ISO 8601 (used by data.json)."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What the operator says of all data.

    Attributes
    ----------
    licence : str
        As it was set; empty where nothing was.
    contact : str
        An electronic mail address or an address of a page; empty where nothing was set.
    frequency : str
        A key of `FREQUENCIES`.
    """

    name: str
    licence: str
    contact: str
    frequency: str

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Publisher":
        """Read it from the settings."""
        name = settings.publisher or settings.attribution
        return cls(name, settings.licence, settings.contact, settings.update_frequency)

    @property
    def licence_address(self) -> str | None:
        """Where the licence can be read, if that is known."""
        is_address = self.licence.startswith(("https://", "http://")) and " " not in self.licence
        return self.licence if is_address else LICENCES.get(self.licence)

    @property
    def contact_address(self) -> str | None:
        """The contact as an address that programs follow."""
        if not self.contact:
            return None
        return self.contact if self.contact.startswith(("https://", "http://")) else f"mailto:{self.contact}"
