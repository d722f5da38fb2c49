"""What a province must be when it is written."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from geodata.writing import Day, LongText, Name, ValidTo, WriteModel

ProvinceCode = Annotated[str, Field(pattern=r"^[0-9]{2}$")]


class ProvinceIn(WriteModel):
    """A province as an officer or the reference list gives it."""

    code: ProvinceCode
    name: Name
    full_name: Name
    name_en: Name | None = None
    kind: Literal["tinh", "thanh_pho"] = "tinh"
    area_km2: Annotated[float, Field(gt=0, lt=100_000)] | None = None
    valid_from: Day = date(2025, 7, 1)
    valid_to: ValidTo = None
    legal_note: LongText | None = None
    source: LongText | None = None
