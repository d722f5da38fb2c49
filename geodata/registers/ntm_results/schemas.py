"""What a New Rural Development result must be when it is written."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from geodata.writing import CommuneCode, LongText, Name, PastDay, ShortText, ValidTo, WriteModel

NtmLevel = Literal["not_met", "standard", "advanced", "smart", "model", "modern"]


def _plain_period(value: Any) -> Any:
    """Write a period with a hyphen and no blanks: sheets have dashes of all lengths."""
    return re.sub(r"\s*[-\u2010-\u2015]\s*", "-", value.strip()) if isinstance(value, str) else value


Period = Annotated[str, BeforeValidator(_plain_period), Field(pattern=r"^20[0-9]{2}-20[0-9]{2}$")]


class NtmResultIn(WriteModel):
    """A result as an officer gives it."""

    commune_code: CommuneCode
    commune_name: Name
    period: Period
    level: NtmLevel
    subject: Name | None = None
    criteria_met: Annotated[int, Field(ge=0, le=19)] | None = None
    decision_number: ShortText | None = None
    decided_by: Name | None = None
    valid_from: PastDay
    valid_to: ValidTo = None
    source: LongText | None = None
