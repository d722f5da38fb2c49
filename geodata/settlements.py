"""Kinds of settlement below the commune, the same for villages and for the addresses in them."""

from typing import Literal

from geodata.register import Choice, Label

VillageKind = Literal["thon", "xom", "ban", "ap", "buon", "lang", "khom", "khu_pho", "to_dan_pho", "khac"]

KINDS = {
    "thon": Choice(Label("Thôn", "Village (thôn)"), "#6b8e4e", ("thon",)),
    "xom": Choice(Label("Xóm", "Hamlet (xóm)"), "#7d9b52", ("xom",)),
    "ban": Choice(Label("Bản", "Village (bản)"), "#5f8a6a", ("ban",)),
    "ap": Choice(Label("Ấp", "Hamlet (ấp)"), "#7c8f4a", ("ap",)),
    "buon": Choice(Label("Buôn", "Village (buôn)"), "#6d7f3d", ("buon",)),
    "lang": Choice(Label("Làng", "Village (làng)"), "#88a05a", ("lang",)),
    "khom": Choice(Label("Khóm", "Quarter (khóm)"), "#8f8a5c", ("khom",)),
    "khu_pho": Choice(Label("Khu phố", "Quarter"), "#94805a", ("khu pho",)),
    "to_dan_pho": Choice(Label("Tổ dân phố", "Residential group"), "#9a7a55", ("to dan pho", "tdp")),
    "khac": Choice(Label("Khác", "Other"), "#80807a", ("khac", "other")),
}
