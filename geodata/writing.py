"""The write models' common ground: limits and forms that every register shares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from geodata.settings import GeodataSettings

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
PHONE_PATTERN = r"^\+?[0-9][0-9 .()-]{6,19}$"
LINK_PATTERN = r"^https?://[^\s<>\"']{3,400}$"
Phone = Annotated[str, StringConstraints(pattern=PHONE_PATTERN)]
WebLink = Annotated[str, StringConstraints(pattern=LINK_PATTERN)]
CommuneCode = Annotated[str, Field(pattern=r"^[0-9]{5}$")]
Count = Annotated[int, Field(ge=0, le=1_000_000)]

DECEMBER = 12
VIETNAM_TIME = timezone(timedelta(hours=7))
EARLIEST_DAY = date(1901, 1, 1)
"""Spreadsheets turn empty cells and small numbers into days of 1899 and 1900."""


def today_in_vietnam() -> date:
    """Return the day that it is in Vietnam."""
    return datetime.now(VIETNAM_TIME).date()


@dataclass(frozen=True)
class NotInFuture:
    """Marks a day of something that has happened."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Have the model refuse later days."""
        return core_schema.no_info_after_validator_function(_refuse_future, handler(source))


def _refuse_future(day: date) -> date:
    if day > today_in_vietnam():
        raise PydanticCustomError("date_future", "the day lies in the future")
    return day


Day = Annotated[date, Field(ge=EARLIEST_DAY)]
"""Any day that records may tell of."""

PastDay = Annotated[date, Field(ge=EARLIEST_DAY), NotInFuture()]
"""The day of something that has happened."""


def _after_valid_from(valid_to: date | None, others: ValidationInfo) -> date | None:
    start = others.data.get("valid_from")
    if valid_to is not None and start is not None and valid_to <= start:
        raise PydanticCustomError("order", "valid_to is not after valid_from")
    return valid_to


ValidTo = Annotated[Day | None, AfterValidator(_after_valid_from)]
"""End of validity; stands after ``valid_from`` in a model and in time."""


def split_list(value: Any) -> Any:
    """Split text at commas, semicolons and bars; leave anything else alone."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.replace(";", ",").replace("|", ",").split(",") if part.strip()]


TextList = Annotated[list[Name], BeforeValidator(split_list), Field(max_length=50)]
MonthList = Annotated[
    list[Annotated[int, Field(ge=1, le=DECEMBER)]], BeforeValidator(split_list), Field(max_length=DECEMBER)
]


class Doubt(NamedTuple):
    """What looks wrong in rows that are valid.

    Attributes
    ----------
    code : str
        Of the message, see `geodata.importing.messages`.
    field : str
    rows : bool array, shape (n,)
    detail : mapping
        What the message's sentences need beside the value.
    """

    code: str
    field: str
    rows: pa.Array
    detail: Mapping[str, Any]


class WriteModel(BaseModel):
    """Base of what may be written: unknown fields refused, numbers finite, blanks trimmed.

    Attributes
    ----------
    computed : frozenset of str
        Fields that the model's own rules may fill where the writer gave none.
    """

    computed: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def needs_own_rules(cls, columns: Mapping[str, pa.Array], count: int) -> NDArray[np.bool_]:
        """Return which of ``count`` rows a rule of the model's own may change or refuse.

        All other rows are judged by their fields alone, column by column. A model with a rule that looks at several
        fields says here for which rows it matters.
        """
        del columns
        return np.full(count, bool(cls.computed))

    @classmethod
    def doubts(cls, columns: Mapping[str, pa.Array], settings: GeodataSettings) -> Iterator[Doubt]:
        """Yield what is allowed and yet looks wrong in columns of valid rows; nothing unless a model says so."""
        del columns, settings
        yield from ()

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        allow_inf_nan=False,
        validate_default=False,
        hide_input_in_errors=True,
    )
