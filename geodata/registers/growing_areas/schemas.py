"""What a growing area must be when it is written."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from geodata.registers.growing_areas.codes import PATTERN, is_known_format, normalize_code
from geodata.settings import GeodataSettings
from geodata.writing import (
    CommuneCode,
    Count,
    Day,
    Doubt,
    LongText,
    MonthList,
    Name,
    PastDay,
    Phone,
    ShortText,
    TextList,
    WriteModel,
)

GrowingAreaCode = Annotated[
    str,
    BeforeValidator(lambda value: normalize_code(value) if isinstance(value, str) else value),
    Field(pattern=PATTERN),
]


Market = Literal[
    "CHN", "USA", "AUS", "NZL", "JPN", "KOR", "TWN", "THA", "MYS", "SGP", "IDN", "IND", "RUS", "CAN", "CHL", "PER", "ARG",
    "ZAF", "ARE", "SAU", "ISR", "GBR", "CHE", "EUE",
]  # fmt: skip
"""ISO 3166-1 alpha-3; EUE is reserved there for the European Union."""

AreaStatus = Literal[
    "proposed", "submitted", "active", "warned", "suspended", "revoked", "expired", "withdrawn"
]  # fmt: skip


class GrowingAreaIn(WriteModel):
    """A growing area as an officer gives it."""

    computed = frozenset({"code_raw", "market_status"})

    code: GrowingAreaCode
    code_raw: ShortText | None = None
    name: Name | None = None
    name_en: Name | None = None
    address: LongText | None = None
    regime: Literal["domestic", "export"] = "domestic"
    status: AreaStatus = "active"
    crop: Name
    crop_latin: Name | None = None
    variety: Name | None = None
    area_ha: Annotated[float, Field(gt=0, le=100_000)] | None = None
    organisation: Name | None = None
    household_count: Count | None = None
    tree_count: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    expected_yield_t: Annotated[float, Field(ge=0, le=10_000_000)] | None = None
    harvest_months: MonthList | None = None
    certificate: Name | None = None
    certificate_valid_to: Day | None = None
    issued_on: PastDay | None = None
    decision_number: ShortText | None = None
    inspected_on: PastDay | None = None
    inspection_kind: Name | None = None
    inspection_result: LongText | None = None
    diary_ref: LongText | None = None
    commune_code: CommuneCode
    boundary_method: Literal["surveyed", "driven", "digitised", "imagery", "unknown"] | None = None
    representative: Name | None = None
    phone: Phone | None = None
    markets: TextList | None = None
    market: Market | None = None
    market_valid_from: Day | None = None
    market_valid_to: Day | None = None
    market_status: AreaStatus | None = None
    market_code: ShortText | None = None
    market_decision: ShortText | None = None
    source: LongText | None = None

    @classmethod
    def doubts(cls, columns: Mapping[str, pa.Array], settings: GeodataSettings) -> Iterator[Doubt]:
        """Doubt export codes of no format seen in official lists, and export areas that seem too small."""
        is_export = pc.equal(columns["regime"], "export")
        is_unknown = pa.array([not is_known_format(code) for code in columns["code"].to_pylist()], pa.bool_())
        yield Doubt("CODE_UNUSUAL", "code", pc.and_(is_export, is_unknown), {})
        if "area_ha" in columns:
            least = settings.smallest_growing_area_ha
            is_small = pc.fill_null(pc.less(columns["area_ha"], least), False)  # noqa: FBT003  Arrow's own signature
            yield Doubt("AREA_SMALL", "area_ha", pc.and_(is_export, is_small), {"least": f"{least:g}"})

    @model_validator(mode="before")
    @classmethod
    def keep_the_code_as_written(cls, values: Any) -> Any:
        """Keep the code as the list writes it, where that is not how it is stored."""
        code = values.get("code") if isinstance(values, dict) else None
        if isinstance(code, str) and code != normalize_code(code):
            return {"code_raw": code, **values}
        return values

    @model_validator(mode="after")
    def complete_the_registration(self) -> Self:
        """Ask for what tells one registration from another; its state is the area's where the list has no other."""
        told = [
            self.market_valid_from,
            self.market_valid_to,
            self.market_status,
            self.market_code,
            self.market_decision,
        ]
        if self.market is None and any(value is not None for value in told):
            raise PydanticCustomError("missing", "no market", {"field": "market"})
        if self.market is None:
            return self
        if self.market_valid_from is None:
            raise PydanticCustomError("missing", "no first day", {"field": "market_valid_from"})
        if self.market_valid_to is not None and self.market_valid_to < self.market_valid_from:
            raise PydanticCustomError("order", "ends before it begins", {"field": "market_valid_to"})
        self.market_status = self.market_status or self.status
        return self
