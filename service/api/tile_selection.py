"""Requests for tiles of chosen records or fields: ``filter`` (CQL2) and ``properties``."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from geodata.errors import ParameterError
from geodata.filtering import MAX_BYTES
from geodata.register import Register
from geodata.registers import get_register
from service.api.parameters import MAX_VALUE, read_cql2
from service.web.i18n import as_language
from tiles.cache import Layers
from tiles.grid import OGC_NAMES, TileAddress
from tiles.matrix_sets import VN2000_QUAD
from tiles.selection import Selection

_NAMES = ("v", "f", "lang", "filter", "filter-lang", "filter-crs", "properties")
_LONGEST = {"filter": MAX_BYTES}
_MAX_PARAMETERS = 16


def is_selective(query: bytes) -> bool:
    """Whether a query may choose records or fields: a plain one has neither word."""
    return b"filter" in query or b"properties" in query


def read_selection(query: bytes, layers: Layers) -> tuple[Selection, str]:
    """Read what a request chooses, without asking the database.

    Returns
    -------
    Selection, str
        And the version that the address carries (``v=``), if any.

    Raises
    ------
    ParameterError
    """
    given = _parameters(query)
    if len(layers) > 1:
        raise ParameterError(
            name="filter" if "filter" in given else "properties",
            why_vi="chỉ dùng với một lớp; hãy lấy mỗi lớp một địa chỉ.",
            why_en="it goes with one layer only; ask for each layer by itself.",
        )
    register = get_register(layers[0])
    fields = _fields(given["properties"], register) if "properties" in given else None
    return Selection(register, read_cql2(given, register), fields), given.get("v", "")


def select_vn2000(layers: Layers, address: TileAddress) -> Selection:
    """Return what a tile of the VN-2000 matrix set holds.

    Raises
    ------
    ParameterError
        Below the last level.
    """
    if address.z > VN2000_QUAD.max_level:
        raise ParameterError(
            name=OGC_NAMES[0], why_vi=f"mức lớn nhất là {VN2000_QUAD.max_level}.", why_en=f"the largest level is {VN2000_QUAD.max_level}.",
        )  # fmt: skip
    return Selection(get_register(layers[0]), matrix_set=VN2000_QUAD.id)


def _parameters(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        raise ParameterError(name="?", why_vi="không đọc được.", why_en="it cannot be read.") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        _check(name, value, given)
        given[name] = value
    return given


def _check(name: str, value: str, given: Mapping[str, str]) -> None:
    why: tuple[str, str] | None = None
    if name not in _NAMES:
        why = ("không có tham số này.", "there is no such parameter.")
    elif name in given:
        why = ("chỉ được ghi một lần.", "it may be given once only.")
    elif len(value) > _LONGEST.get(name, MAX_VALUE) or "\x00" in value:
        why = ("giá trị quá dài hoặc có ký tự lạ.", "the value is too long or has control characters.")
    elif name == "f" and value not in {"mvt", "pbf"}:
        why = ("dùng mvt.", "use mvt.")
    elif name == "lang" and as_language(value) is None:
        why = ("dùng vi hoặc en.", "use vi or en.")
    if why is not None:
        raise ParameterError(name=name[:40], why_vi=why[0], why_en=why[1])


def _fields(text: str, register: Register) -> tuple[str, ...]:
    """Read names of public fields, comma separated; return them in declared order."""
    asked, known = text.split(","), [item.name for item in register.public_fields]
    if len(set(asked)) != len(asked) or not set(asked) <= set(known):
        listed = ", ".join(known)
        raise ParameterError(
            name="properties", why_vi=f"mỗi trường một lần, trong các trường: {listed}.",
            why_en=f"each field once, of these: {listed}.",
        )  # fmt: skip
    return tuple(name for name in known if name in set(asked))
