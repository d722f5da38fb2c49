"""What a facility must be when it is written."""

from typing import Literal

from geodata.writing import CommuneCode, LongText, Name, Phone, ShortText, WriteModel


class FacilityIn(WriteModel):
    """A facility as an officer gives it."""

    kind: Literal["wifi", "culture_house", "post_office", "loudspeaker"]
    name: Name
    operator: Name | None = None
    opening_hours: ShortText | None = None
    phone: Phone | None = None
    commune_code: CommuneCode
    source: LongText | None = None
