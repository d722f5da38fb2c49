"""What an address must be when it is written."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from geodata.registers.addresses.codes import SCHEMES
from geodata.settlements import VillageKind
from geodata.writing import CommuneCode, LongText, Name, PastDay, Phone, ShortText, WriteModel, split_list

AddressKind = Literal["household", "agency", "organisation", "business", "public_place", "structure", "place_name"]


Entrances = Annotated[
    list[Annotated[str, Field(pattern=r"^1[01][0-9]\.[0-9]{4,9} (?:[6-9]|1[0-9]|2[0-4])\.[0-9]{4,9}$")]],
    BeforeValidator(split_list),
    Field(max_length=20),
]
"""Entrances of one place: each longitude and latitude in degrees WGS 84 within Vietnam, a blank between them."""


class AddressIn(WriteModel):
    """An address as an officer gives it, codes and private data included."""

    computed = frozenset({"head_name"})

    kind: AddressKind = "household"
    name: Name | None = None
    house_number: ShortText | None = None
    alley: Name | None = None
    street: Name | None = None
    village: Name | None = None
    settlement_kind: VillageKind | None = None
    commune_code: CommuneCode
    legacy_district: Name | None = None
    postcode: Annotated[str, Field(pattern=r"^[0-9]{5,6}$")] | None = None
    full_address: LongText | None = None
    status: Literal["active", "inactive"] = "active"
    position_method: Literal["gps", "digitised", "geocoded", "centroid"] | None = None
    position_accuracy_m: Annotated[float, Field(ge=0, le=100_000)] | None = None
    entrances: Entrances | None = None
    recorded_on: PastDay | None = None
    notified_on: PastDay | None = None
    plate_attached_on: PastDay | None = None
    code: Annotated[str, Field(pattern=SCHEMES["digital_address"])] | None = None
    code_issued_on: PastDay | None = None
    code_source: Name | None = None
    vpostcode: Annotated[str, Field(pattern=SCHEMES["vpostcode"])] | None = None
    location_id: Annotated[str, Field(pattern=SCHEMES["location_id"])] | None = None
    head_name: Name | None = None
    phone: Phone | None = None
    source: LongText | None = None

    @classmethod
    def needs_own_rules(cls, columns: Mapping[str, pa.Array], count: int) -> NDArray[np.bool_]:
        """Only a row that has a name can be a household with one."""
        if "name" not in columns:
            return np.zeros(count, dtype=bool)
        mask: NDArray[np.bool_] = pc.is_valid(columns["name"]).to_numpy(zero_copy_only=False)
        return mask

    @model_validator(mode="after")
    def keep_people_out_of_the_name(self) -> Self:
        """Move a household's name to where private data belongs: a household itself has no public name."""
        if self.kind == "household" and self.name is not None:
            self.head_name = self.head_name or self.name
            self.name = None
        return self
