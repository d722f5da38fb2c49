"""Columns of Vietnamese names in every encoding that officers' files come in, for the tests of the detection.

The tables by which the text is encoded are written here anew, after other sources than those of the product.
"""

import functools
import random
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

from geodata.importing.vietnamese_codecs import TABLES
from geodata.reference import read_communes, read_crosswalk, read_provinces

FAMILY = (
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đào Đoàn Vương Trịnh Đinh Lâm Phùng Mai Tô Trương "
    "Tăng Hà Lương Lưu Cao Châu Thái Tạ Mạc Từ Triệu Nghiêm Khổng Kiều Lò Giàng Vàng Thào Cầm Quàng Bế Nông Ma Chu Đàm Quách "
    "Hứa Lục Thạch Kim Sơn Danh Điểu Đinh Rơ Hầu Cấn Doãn Giáp Khuất Ninh Ông Phí Quản Tiêu Tống Trà Vi Viên Xa Âu Bạch"
)
MIDDLE = (
    "Văn Thị Hữu Đức Công Quốc Đình Xuân Minh Ngọc Thanh Thành Quang Duy Bá Trọng Thế Viết Mạnh Tiến Hoài Kim Thu Bích Mỹ "
    "Hồng Như Phương Khánh Gia Bảo Tuấn Anh Trung Huy Việt Phú Phúc Tấn Nhật Hải Diệu Thùy Tuyết Ái Cẩm Lệ"
)
GIVEN = (
    "An Anh Ân Bảo Bắc Bích Bình Bông Cảnh Chất Chi Chiến Chín Chính Cúc Cường Dậu Diễm Diễn Dũng Duẩn Duyên Đạt Đạm Định Đông "
    "Đức Được Gấm Giang Giàu Hà Hạnh Hậu Hằng Hiên Hiền Hiệp Hiếu Hoa Hòa Hoài Hoàn Hoạt Hợi Hợp Hùng Huệ Hướng Hường Kha Khải "
    "Khoa Khuê Kiểm Kỳ Lài Lan Lành Lập Liễu Linh Lĩnh Loan Lộc Lợi Luận Luyến Lụa Lũy Lý Mận Mến Minh Mơ Mười Mỹ Nam Nga Ngà "
    "Ngân Nghị Nghĩa Ngoan Nguyệt Nhài Nhàn Nhẫn Nhị Nhuần Nhung Nữ Oanh Phát Phấn Phúc Phụng Phước Quế Quyên Quyết Quỳnh Sang "
    "Sáu Sen Sỹ Tài Tám Tâm Thắm Thắng Thân Thảo Thật Thêm Thìn Thoa Thơm Thuần Thuận Thúy Thủy Thương Tiệp Tình Toản Trà Trâm "
    "Triển Trọng Trúc Truyền Tú Tuấn Tuất Tuyển Tuyết Tư Tươi Tưởng Ty Út Uyên Vẽ Viễn Việt Vinh Vịnh Vui Vững Vượng Xoan Xuân "
    "Xuyến Ý Yên Yến"
)
WESTERN = (
    "Müller|Société Générale|São Paulo|Nestlé Deutschland|François Lefèvre|Jürgen Groß|Bäckerei Schön|Île-de-France|"
    "Crédit Agricole|Hélène Dubois|Núñez Peña|José María García|Ångström|Søren Kjærgaard|Malmö|Göteborg|Zürich|Genève|"
    "Besançon|Orléans|Côte d’Azur|Château Margaux|Lübeck|Köln|München|Düsseldorf|Coração|João Gonçalves|Açores|Brasília|"
    "Bogotá|Medellín|Córdoba|Málaga|A Coruña|Logroño|Cañón del Río|Ibáñez|Muñoz Marín|Gärtnerei Köhler|Österreich|"
    "Übersee GmbH|Großmann & Söhne|Weiß|Strauß|Königsberg|Fröhlich|Jäger|Schäfer|Krüger|Türk|René Lévêque|Noël Béart|"
    "Benoît Gagné|Québec|Montréal|Trois-Rivières|Pâtisserie|Hôtel de l’Église|Élysée|Citroën|Peugeot Sté|L’Oréal|Hermès"
)
# Characters of names of places and people in Vietnam, as Chinese sources write them.
HANZI = (
    "河内市|胡志明市|海防市|岘港市|芹苴市|顺化市|广宁省|北宁省|谅山省|高平省|老街省|山罗省|莱州省|奠边省|清化省|义安省|河静省|广治省|广义省|"
    "嘉莱省|得乐省|庆和省|林同省|同奈省|西宁省|隆安省|永隆省|同塔省|安江省|金瓯省|兴安省|宁平省|富寿省|太原省|宣光省|阮文雄|阮氏花|陈国俊|"
    "黎文明|范氏兰|黄德成|潘清平|武玉英|邓文山|裴氏梅|杜文强|胡春香|吴廷福|杨氏红|李常杰|陶维英|段氏点|王文德|郑公山|丁部领|林文东|冯克宽|"
    "火龙果种植区|榴莲包装厂|芒果合作社|香蕉种植区|龙眼包装厂|荔枝种植区|西瓜出口公司|农业合作社"
)

_VOWELS = "aăâeêioôơuưy"
_MARKS = ("\u0301", "\u0300", "\u0309", "\u0303", "\u0323")  # sắc, huyền, hỏi, ngã, nặng
_TCVN3 = (
    "A1 Ă A2 Â A3 Ê A4 Ô A5 Ơ A6 Ư A7 Đ A8 ă A9 â AA ê AB ô AC ơ AD ư AE đ B5 à B6 ả B7 ã B8 á B9 ạ BB ằ BC ẳ BD ẵ BE ắ "
    "C6 ặ C7 ầ C8 ẩ C9 ẫ CA ấ CB ậ CC è CE ẻ CF ẽ D0 é D1 ẹ D2 ề D3 ể D4 ễ D5 ế D6 ệ D7 ì D8 ỉ DC ĩ DD í DE ị DF ò E1 ỏ "
    "E2 õ E3 ó E4 ọ E5 ồ E6 ổ E7 ỗ E8 ố E9 ộ EA ờ EB ở EC ỡ ED ớ EE ợ EF ù F1 ủ F2 ũ F3 ú F4 ụ F5 ừ F6 ử F7 ữ F8 ứ F9 ự "
    "FA ỳ FB ỷ FC ỹ FD ý FE ỵ"
)
# Rows as in the makers' table: base letter, and its bytes for sắc, huyền, hỏi, ngã, nặng as cp1252 shows them.
_VNI = {
    **{letter: [letter + mark for mark in "ùøûõï"] for letter in "aeou"},
    "y": ["yù", "yø", "yû", "yõ", "î"],
    "ă": ["aé", "aè", "aú", "aü", "aë"],
    **{letter: [plain + mark for mark in "áàåãä"] for letter, plain in zip("âêô", "aeo", strict=True)},
    **{letter: [plain + mark for mark in "ùøûõï"] for letter, plain in zip("ơư", "ôö", strict=True)},
    "i": ["í", "ì", "æ", "ó", "ò"],
}
_VNI_PLAIN = {"ă": "aê", "â": "aâ", "ê": "eâ", "ô": "oâ", "ơ": "ô", "ư": "ö", "đ": "ñ"}


class Column(NamedTuple):
    """One column of a made file."""

    values: list[bytes]
    width: int | None


@functools.cache
def unit_names() -> list[str]:
    names = {row.full_name for row in read_communes()} | {row.name for row in read_communes()}
    names |= {row.full_name for row in read_provinces()}
    for row in read_crosswalk():
        names |= {row.old_name, f"{row.old_name}, {row.old_district}"}
    return sorted(names)


def person_name(chance: random.Random) -> str:
    middle = chance.sample(MIDDLE.split(), chance.choice((1, 1, 1, 2)))
    return " ".join([chance.choice(FAMILY.split()), *middle, chance.choice(GIVEN.split())])


def encode_tcvn3(text: str) -> bytes:
    """Encode as people type it: toned capitals have no codes, the small letters stand for them."""
    table = {
        letter: bytes.fromhex(code) for code, letter in zip(_TCVN3.split()[::2], _TCVN3.split()[1::2], strict=True)
    }
    return b"".join(table.get(letter) or table.get(letter.lower()) or letter.encode("cp1252") for letter in text)


@functools.cache
def _vni_letters() -> dict[str, str]:
    found = dict(_VNI_PLAIN)
    for letter, row in _VNI.items():
        found |= {unicodedata.normalize("NFC", letter + mark): code for mark, code in zip(_MARKS, row, strict=True)}
    return found | {letter.upper(): code.upper() for letter, code in found.items()}


def encode_vni(text: str) -> bytes:
    return "".join(_vni_letters().get(letter, letter) for letter in text).encode("cp1252")


def encode_viscii(text: str) -> bytes:
    table = TABLES["viscii"]
    return bytes(table.index(letter) for letter in text.replace("’", "'"))


def encode_cp1258(text: str) -> bytes:
    """Encode as Windows does: what the code page has as one letter, else the letter and its tone."""
    out = b""
    for letter in text:
        try:
            out += letter.encode("cp1258")
        except UnicodeEncodeError:
            plain, mark = unicodedata.normalize("NFD", letter)[0], unicodedata.normalize("NFD", letter)[1:]
            tone = next(sign for sign in mark if sign in _MARKS)
            out += unicodedata.normalize("NFC", plain + mark.replace(tone, "")).encode("cp1258") + tone.encode("cp1258")
    return out


def encode_cp1258_typed(text: str) -> bytes:
    """Encode as the Vietnamese keyboard of Windows types: each tone a mark of its own."""
    parts = (
        (unicodedata.normalize("NFC", "".join(sign for sign in split if sign not in _MARKS)), split)
        for split in (unicodedata.normalize("NFD", letter) for letter in text)
    )
    return "".join(letter + "".join(sign for sign in split if sign in _MARKS) for letter, split in parts).encode(
        "cp1258"
    )


ENCODERS: dict[str, tuple[Callable[[str], bytes], ...]] = {
    "utf-8": (str.encode, str.encode, lambda text: unicodedata.normalize("NFD", text).encode()),
    "tcvn3": (encode_tcvn3,),
    "vni": (encode_vni,),
    "viscii": (encode_viscii,),
    "cp1258": (encode_cp1258, encode_cp1258_typed),
    "cp1252": (lambda text: text.replace("Đ", "Ð").replace("đ", "ð").encode("cp1252"),),
    "gbk": (lambda text: text.encode("gbk"),),
}


@functools.cache
def _names_in_cp1252() -> list[str]:
    return [name for name in unit_names() if not name.isascii() and _is_western(name)]


def _is_western(name: str) -> bool:
    try:
        name.replace("Đ", "Ð").replace("đ", "ð").encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _pick(encoding: str, chance: random.Random, count: int) -> list[str]:
    if encoding == "gbk":
        return chance.choices(HANZI.split("|"), k=count)
    if encoding == "cp1252":
        western, own = WESTERN.split("|"), _names_in_cp1252()
        return chance.choices(chance.choice((western, own, [*western * 20, *own])), k=count)
    kind = chance.random()
    units = chance.choices(unit_names(), k=count)
    return [name if kind < 0.4 or (kind < 0.6 and at % 2) else person_name(chance) for at, name in enumerate(units)]


def columns(encoding: str, count: int, seed: int) -> Iterator[Column]:
    """Make columns of 5 to 200 names, many of them short, some in capitals or small letters, some cut by a width."""
    chance = random.Random(f"{encoding} {seed}")
    for _ in range(count):
        names = _pick(encoding, chance, round(5 * 40 ** chance.random()))
        recase = chance.choice((str, str, str, str.upper, str.lower))
        encode = chance.choice(ENCODERS[encoding])
        width = chance.choice((None, None, 60, 40, 30, 20, 12))
        values = (encode(recase(name)) for name in names)
        yield Column([value[:width].rstrip(b" ") for value in values], width)
