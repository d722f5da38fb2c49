"""What a commune must be when it is written."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from geodata.writing import CommuneCode, Day, LongText, Name, PastDay, ShortText, ValidTo, WriteModel


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
    ntm_period: Annotated[str, Field(pattern=r"^20[0-9]{2}-20[0-9]{2}$")] | None = None
    ntm_level: Literal["standard", "advanced", "model", "smart", "modern"] | None = None
    ntm_subject: Name | None = None
    ntm_decision: ShortText | None = None
    ntm_decided_on: PastDay | None = None
    source: LongText | None = None

    @classmethod
    def needs_own_rules(cls, columns: Mapping[str, pa.Array], count: int) -> NDArray[np.bool_]:
        """Only a row that tells of a result can lack a part of it."""
        return np.full(count, any(name.startswith("ntm_") for name in columns))

    @model_validator(mode="after")
    def ask_for_the_whole_result(self) -> Self:
        """Ask for the period and the level of a result, without which it cannot be told from others."""
        told = [self.ntm_period, self.ntm_level, self.ntm_subject, self.ntm_decision, self.ntm_decided_on]
        for name in ("ntm_period", "ntm_level"):
            if getattr(self, name) is None and any(value is not None for value in told):
                raise PydanticCustomError("missing", "a part of the result is missing", {"field": name})
        return self
