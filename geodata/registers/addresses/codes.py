"""Grammar of the address-code schemes.

Source: Decisions 1178/QĐ-BTTTT (2021) and 392/QĐ-BTTTT (2022) for the 10-digit digital address; Vietnam Post's
launch of Vpostcode (2020-05-07) with the Open Location Code alphabet; the draft location identifier of the
Ministry of Public Security (2025–2026). Structures beyond the length are not published for the last one.
"""

from geodata.register import CodeForm, Label

SCHEMES = {
    "digital_address": r"^[0-9]{10}$",
    "vpostcode": r"^[0-9]{5}[23456789CFGHJMPQRVWX]{7}$",
    "location_id": r"^[0-9]{12}$",
}
"""Scheme name → pattern of a normalised value."""

FORMS = {
    "digital_address": CodeForm(Label("đúng 10 chữ số", "just 10 digits"), "0799790011", digits=10),
    "vpostcode": CodeForm(Label("5 chữ số và 7 ký tự", "5 digits and 7 characters"), "100007Q9F6XV"),
    "location_id": CodeForm(Label("đúng 12 chữ số", "just 12 digits"), "001234567890", digits=12),
}
"""Scheme name → how people are told its form."""
