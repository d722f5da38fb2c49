"""How sample data says that it is sample data, and the codes it keeps to."""

from datetime import date

MARK = "(dữ liệu mẫu)"
MARK_EN = "(sample data)"
SOURCE = "Dữ liệu mẫu, không có thật"
NOT_REAL = "Dữ liệu mẫu, không có thật."
NOT_REAL_EN = "Sample data; this place does not exist."

PROVINCE_CODE = "37"
PROVINCE_NAME = "tỉnh Ninh Bình"

COMMUNE_CODES = ("99001", "99002", "99003")
"""Codes that no commune of the State's list has: that list ends at 32248."""

DAY = date(2026, 6, 30)
"""The day on which the sample is true; nothing in it depends on the day it is made."""


def marked(name: str) -> str:
    """Return a name with the mark behind it."""
    return f"{name} {MARK}"
