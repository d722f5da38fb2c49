"""What a village must be when it is written."""

from typing import Annotated

from pydantic import Field

from geodata.settlements import VillageKind
from geodata.writing import CommuneCode, Count, LongText, Name, PastDay, ShortText, WriteModel


class VillageIn(WriteModel):
    """A village as an officer gives it."""

    code: ShortText | None = None
    name: Name
    kind: VillageKind = "thon"
    commune_code: CommuneCode
    household_count: Count | None = None
    household_count_on: PastDay | None = None
    household_count_source: LongText | None = None
    population: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    source: LongText | None = None
