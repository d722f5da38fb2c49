"""What a growing area must be when it is written."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from geodata.registers.growing_areas.codes import PATTERN, normalize_code
from geodata.writing import CommuneCode, Count, LongText, MonthList, Name, Phone, ShortText, TextList, WriteModel

GrowingAreaCode = Annotated[
    str,
    BeforeValidator(lambda value: normalize_code(value) if isinstance(value, str) else value),
    Field(pattern=PATTERN),
]


class GrowingAreaIn(WriteModel):
    """A growing area as an officer gives it."""

    code: GrowingAreaCode
    code_raw: ShortText | None = None
    name: Name | None = None
    regime: Literal["domestic", "export"] = "domestic"
    status: Literal["proposed", "submitted", "active", "suspended", "revoked", "expired", "withdrawn"] = "active"
    crop: Name
    variety: Name | None = None
    area_ha: Annotated[float, Field(gt=0, le=100_000)] | None = None
    organisation: Name | None = None
    household_count: Count | None = None
    tree_count: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    expected_yield_t: Annotated[float, Field(ge=0, le=10_000_000)] | None = None
    harvest_months: MonthList | None = None
    certificate: Name | None = None
    certificate_valid_to: date | None = None
    issued_on: date | None = None
    decision_number: ShortText | None = None
    commune_code: CommuneCode
    boundary_method: Literal["surveyed", "driven", "digitised", "imagery", "unknown"] | None = None
    representative: Name | None = None
    phone: Phone | None = None
    markets: TextList | None = None
    source: LongText | None = None
