"""What a commune must be when it is written."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from geodata.writing import CommuneCode, Day, LongText, Name, ValidTo, WriteModel


class CommuneIn(WriteModel):
    """A commune as an officer or the reference list gives it."""

    code: CommuneCode
    name: Name
    full_name: Name
    name_en: Name | None = None
    kind: Literal["xa", "phuong", "dac_khu"] = "xa"
    province_code: Annotated[str, Field(pattern=r"^[0-9]{2}$")]
    area_km2: Annotated[float, Field(gt=0, lt=10_000)] | None = None
    valid_from: Day = date(2025, 7, 1)
    valid_to: ValidTo = None
    legal_note: LongText | None = None
    source: LongText | None = None
