"""Made-up people: names put together from common syllables, and telephone numbers of one unreal block."""

import numpy as np
from numpy.typing import NDArray

Texts = NDArray[np.object_]

_SURNAMES = {
    "Nguyễn": 38, "Trần": 11, "Lê": 9, "Phạm": 8, "Hoàng": 5, "Vũ": 5, "Phan": 4, "Đặng": 3, "Bùi": 3, "Đỗ": 3,
    "Ngô": 2, "Dương": 2, "Đinh": 2, "Đoàn": 2, "Mai": 1, "Lương": 1, "Trịnh": 1,
}  # fmt: skip
_MALE_MIDDLES = ("Văn", "Văn", "Văn", "Đức", "Minh", "Quang", "Xuân", "Hữu", "Công", "Đình", "Ngọc", "Thế")
_MALE_GIVEN = (
    "An", "Bình", "Cường", "Dũng", "Duy", "Giang", "Hải", "Hiếu", "Hòa", "Hùng", "Khánh", "Kiên", "Long", "Mạnh",
    "Nam", "Phong", "Phúc", "Quân", "Sơn", "Tài", "Thắng", "Thành", "Tiến", "Toàn", "Trung", "Tuấn", "Việt", "Vinh",
)  # fmt: skip
_FEMALE_MIDDLES = ("Thị", "Thị", "Thị", "Thị Thu", "Thị Ngọc", "Thu", "Thanh", "Minh", "Bích", "Kim")
_FEMALE_GIVEN = (
    "Anh", "Chi", "Dung", "Hà", "Hạnh", "Hiền", "Hoa", "Hồng", "Huệ", "Hương", "Lan", "Liên", "Linh", "Loan",
    "Mai", "Nga", "Ngân", "Nhung", "Oanh", "Phương", "Quyên", "Tâm", "Thảo", "Thúy", "Trang", "Tuyết", "Vân", "Yến",
)  # fmt: skip
_SHARE_OF_MEN = 0.62
PHONE_BLOCK = "0900"
_PHONES = 1_000_000


def full_names(random: np.random.Generator, count: int) -> Texts:
    """Return ``count`` names of people; names repeat as they do in life."""
    weights = np.array(list(_SURNAMES.values()), dtype=float)
    surnames = _pick(random, tuple(_SURNAMES), count, weights / weights.sum())
    men = _pick(random, _MALE_MIDDLES, count) + " " + _pick(random, _MALE_GIVEN, count)
    women = _pick(random, _FEMALE_MIDDLES, count) + " " + _pick(random, _FEMALE_GIVEN, count)
    named: Texts = surnames + " " + np.where(random.random(count) < _SHARE_OF_MEN, men, women)
    return named


def given_names(random: np.random.Generator, count: int) -> Texts:
    """Return ``count`` double given names as shops carry them."""
    named: Texts = _pick(random, _FEMALE_GIVEN, count) + " " + _pick(random, _MALE_GIVEN, count)
    return named


def phones(random: np.random.Generator, count: int) -> Texts:
    """Return ``count`` telephone numbers of the form 0900xxxxxx."""
    numbers = random.integers(0, _PHONES, count).tolist()
    return np.array([f"{PHONE_BLOCK}{number:06d}" for number in numbers], dtype=object)


def _pick(
    random: np.random.Generator,
    values: tuple[str, ...],
    count: int,
    weights: NDArray[np.float64] | None = None,
) -> Texts:
    chosen: Texts = np.array(values, dtype=object)[random.choice(len(values), count, p=weights)]
    return chosen
