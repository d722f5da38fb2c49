"""The one who makes a request: nobody in particular, an officer in a browser, or a program with a key."""

from dataclasses import dataclass
from typing import Final, Literal

from geodata.db import Actor

Role = Literal["public", "commune_officer", "provincial_officer", "administrator"]

KEY_SCOPES = frozenset({"upload", "edit"})
"""What a key may be made for."""


UNITS: Final = frozenset({"provinces", "communes"})
"""Registers of administrative units: they belong to no commune's officer."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request.

    Attributes
    ----------
    communes : tuple of str or None
        Communes the principal may change; ``None`` means all.
    csrf : str or None
        What a browser must send with unsafe requests; None for programs, which carry no cookie.
    scopes : frozenset of str
        What a key may be used for; browsers have all that their role allows.
    """

    username: str
    display_name: str
    role: Role
    communes: tuple[str, ...] | None = ()
    csrf: str | None = None
    scopes: frozenset[str] = KEY_SCOPES

    @property
    def actor(self) -> Actor:
        """The principal as the data layer knows it."""
        return Actor(self.username, self.communes)

    def may_upload(self, register: str) -> bool:
        """Whether the principal may send files of a register; units are for those who may change all communes."""
        return "upload" in self.scopes and (self.communes is None or register not in UNITS)

    def may_edit(self, register: str) -> bool:
        """Whether the principal may edit single items of a register; units as with files."""
        return "edit" in self.scopes and (self.communes is None or register not in UNITS)


ANYBODY = Principal("public", "", "public", scopes=frozenset())
