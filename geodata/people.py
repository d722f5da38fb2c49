"""What people's names and numbers look like, so that they are recognised and kept private without a header that says so."""

import re

from geodata.text import search_key

_SURNAMES = (
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý An Âu Bạch Bành Biện Bế Cao Cầm Chu Châu "
    "Chử Chung Cù Cung Diệp Doãn Đàm Đào Đậu Điêu Điểu Đinh Đoàn Đồng Đổng Giáp Giàng Hà Hạ Hán Hàn Hầu Hứa Hờ Kha "
    "Khổng Khúc Kiều Kim La Lã Lại Lam Lâm Lăng Lò Lộc Lù Lục Lư Lương Lường Lưu Ma Mã Mạc Mai Mạch Nghiêm Ngụy Nhâm "
    "Ninh Nông Ông Phí Phó Phù Phùng Phương Quách Quan Quản Quàng Sầm Sơn Sùng Tạ Tăng Thạch Thái Thào Thân Thi Thiều "
    "Tiêu Tô Tòng Tôn Tống Trang Triệu Trịnh Trương Từ Tường Ứng Ưng Vàng Văn Vi Viên Vừ Vương Xa Xồng Yên"
)
"""The surnames of most Kinh people and frequent ones of other peoples; street names begin with them too."""

_FIRST = "|".join(sorted({spelling for name in _SURNAMES.split() for spelling in (name.casefold(), search_key(name))}))

PERSON = re.compile(rf"(?:(?:ông|bà|anh|chị|ong|ba|chi) )?(?:{_FIRST})(?: [^\W\d_]+){{1,4}}", re.IGNORECASE)
"""A Vietnamese person's full name: a known surname and one to four more words."""

PHONE = re.compile(r"(?:\+?84|0)[ .-]?(?:[35789]\d|2\d{2})(?:[ .-]?\d){7}")
"""A Vietnamese telephone number, mobile or fixed (numbering plan of 2018)."""

IDENTITY = re.compile(r"0\d{11}|[^@\s]+@[^@\s]+\.[^@\s]+")
"""A citizen's identity number (Decree 137/2015/NĐ-CP, article 13: 12 digits, the first three a province) or an e-mail."""


MAX_LENGTH = 100
"""No longer text is looked at: hostile ones would take patterns very long."""


def is_personal(text: str) -> bool:
    """Whether a text looks like a person's name, telephone, identity number or e-mail address.

    Examples
    --------
    >>> [is_personal(text) for text in ("Nguyễn Thị Thử", "0912 345 678", "a@b.vn", "Thôn Xuân Điền", "12,5")]
    [True, True, True, False, False]
    """
    return len(text) <= MAX_LENGTH and any(pattern.fullmatch(text) for pattern in (PERSON, PHONE, IDENTITY))
