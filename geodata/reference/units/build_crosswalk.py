"""Old-to-new tables from ``vietnamadminunits``, without its mix-ups of communes of one name.

The package joins old communes to new ones by name within the new province. Where two old communes
of one name lie in different districts it sends each of them to the other's successor as well, so
"Phường 4" of Sa Đéc also appears under Cao Lãnh. Such rows are taken out here.
"""

import json
import re
import sqlite3
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("old_code", "old_name", "old_district", "old_province", "new_code", "kind", "source")
PROVINCE_COLUMNS = ("old_code", "old_name", "new_code")
SOURCE = "vietnamadminunits"

KNOWN_MIX_UPS = frozenset({("11890", "10843")})
"""Mix-ups the rule cannot decide: Hòa Bình (Vĩnh Bảo) is far from Xã Hà Nam (Thanh Hà, Kim Thành)."""

UNCHANGED_NOTE = re.compile(r"^Giữ nguyên")
UNIT_WORD = re.compile(r"^(?:xa|phuong|thi tran|huyen|dac khu) ")

OLD_UNITS = """
    SELECT provinceKey || '_' || coalesce(districtKey, '') || '_' || coalesce(wardKey, '') AS key,
           coalesce(wardCode, districtCode) AS code, coalesce(ward, district) AS name,
           coalesce(wardKey, districtKey) AS name_key, district, province
    FROM admin_units_legacy
"""
NEW_UNITS = "SELECT provinceKey, wardKey, wardCode, ward FROM admin_units"
OLD_PROVINCES = "SELECT DISTINCT provinceKey, provinceCode, province FROM admin_units_legacy"
NEW_PROVINCES = "SELECT DISTINCT provinceKey, provinceCode FROM admin_units"


@dataclass(frozen=True, slots=True)
class OldUnit:
    """One commune before 2025-07-01, or an island district without communes."""

    key: str
    code: str
    name: str
    name_key: str
    district: str
    province: str


@dataclass(frozen=True, slots=True)
class Link:
    """One old unit going into one new commune."""

    old: OldUnit
    new_code: str
    new_name: str


def make_commune_rows(folder: Path, notes: Mapping[str, str]) -> list[dict[str, str]]:
    """Make the rows of ``crosswalk.tsv``.

    Parameters
    ----------
    folder : Path
        Data folder of vietnamadminunits (``dataset.db``, ``converter_2025.json``).
    notes : mapping of str to str
        Legal note by new commune code.

    Returns
    -------
    list of dict
        The columns of ``COLUMNS``, ordered by old then new code.
    """
    links = drop_mix_ups(read_links(folder))
    targets = Counter(link.old.code for link in links)
    return [
        {
            "old_code": link.old.code,
            "old_name": link.old.name,
            "old_district": link.old.district,
            "old_province": link.old.province,
            "new_code": link.new_code,
            "kind": "whole" if targets[link.old.code] == 1 else "part",
            "source": SOURCE + ("+note" if is_named_in_note(link, notes[link.new_code]) else ""),
        }
        for link in sorted(links, key=lambda link: (link.old.code, link.new_code))
    ]


def make_province_rows(folder: Path) -> list[dict[str, str]]:
    """Make the rows of ``province_crosswalk.tsv``.

    Parameters
    ----------
    folder : Path
        Data folder of vietnamadminunits.

    Returns
    -------
    list of dict
        The columns of ``PROVINCE_COLUMNS``, ordered by old code.
    """
    with closing(sqlite3.connect(folder / "dataset.db")) as connection:
        new_codes = dict(connection.execute(NEW_PROVINCES))
        old = {key: (code, name) for key, code, name in connection.execute(OLD_PROVINCES)}
    merged = _read_converter(folder)["DICT_PROVINCE"]
    rows = [
        {"old_code": old[old_key][0], "old_name": old[old_key][1], "new_code": new_codes[new_key]}
        for new_key, old_keys in merged.items()
        for old_key in old_keys
    ]
    return sorted(rows, key=lambda row: row["old_code"])


def read_links(folder: Path) -> list[Link]:
    """Read every old-to-new pair the package has, divided and undivided communes alike.

    Parameters
    ----------
    folder : Path
        Data folder of vietnamadminunits.

    Returns
    -------
    list of Link
    """
    with closing(sqlite3.connect(folder / "dataset.db")) as connection:
        old = {row[0]: OldUnit(*row) for row in connection.execute(OLD_UNITS)}
        new = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(NEW_UNITS)}
    converter = _read_converter(folder)
    undivided = [
        (old_key, province, new_key)
        for province, successors in converter["DICT_PROVINCE_WARD_NO_DIVIDED"].items()
        for new_key, old_keys in successors.items()
        for old_key in old_keys
    ]
    divided = [
        (old_key, province, part["newWardKey"])
        for province, predecessors in converter["DICT_PROVINCE_WARD_DIVIDED"].items()
        for old_key, parts in predecessors.items()
        for part in parts
    ]
    return [Link(old[old_key], *new[province, new_key]) for old_key, province, new_key in undivided + divided]


def drop_mix_ups(links: Iterable[Link]) -> list[Link]:
    """Take out pairs that exist only because two old communes share a name.

    A pair is ambiguous when its old commune has several successors and a namesake in another district
    shares this one. An ambiguous pair goes if its own district has no firm pair with the successor
    while the namesake's district has one. Firm is a pair that is not ambiguous, or whose new commune
    kept the old one's code.

    Parameters
    ----------
    links : iterable of Link

    Returns
    -------
    list of Link
        Same order. Every old commune keeps at least one successor.
    """
    links = list(links)
    n_successors = Counter(link.old.code for link in links)
    namesakes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for link in links:
        namesakes[link.old.name_key, link.new_code].add(_district(link))

    def rivals(link: Link) -> set[str]:
        return namesakes[link.old.name_key, link.new_code] - {_district(link)}

    def is_ambiguous(link: Link) -> bool:
        return n_successors[link.old.code] > 1 and bool(rivals(link))

    firm = {
        (_district(link), link.new_code) for link in links if not is_ambiguous(link) or link.old.code == link.new_code
    }

    def is_mix_up(link: Link) -> bool:
        if (link.old.code, link.new_code) in KNOWN_MIX_UPS:
            return True
        if not is_ambiguous(link) or (_district(link), link.new_code) in firm:
            return False
        return any((rival, link.new_code) in firm for rival in rivals(link))

    return [link for link in links if not is_mix_up(link)]


def is_named_in_note(link: Link, note: str) -> bool:
    """Tell whether the new commune's legal note names the old one.

    Parameters
    ----------
    link : Link
    note : str
        May be cut short at its source, so ``False`` does not refute the pair.

    Returns
    -------
    bool
        Accents are ignored: the notes misspell many names. "Giữ nguyên" (kept) names a namesake.
    """
    name = _fold(link.old.name)
    bare = UNIT_WORD.sub("", name)
    if UNCHANGED_NOTE.match(note):
        return bare == UNIT_WORD.sub("", _fold(link.new_name))
    sought = name if bare.isdigit() else bare
    return re.search(rf"(?<![\w']){re.escape(sought)}(?![\w'])", _fold(note)) is not None


def _district(link: Link) -> str:
    return link.old.key.rpartition("_")[0]


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d").replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _read_converter(folder: Path) -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    return json.loads((folder / "converter_2025.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]
