"""What grows in the sample's fields: crops of the Red River delta with varieties, yields and harvest months."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Crop:
    """One crop.

    Attributes
    ----------
    name : str
    letters : str
        What stands for it in a growing-area code.
    varieties : tuple of str
    yield_t_ha : float
        A usual yield a year, tonnes a hectare.
    months : tuple of int
        Harvest months.
    trees_ha : int
        Trees or stems a hectare; 0 for field crops.
    markets : tuple of str
        Where it may be sold abroad, ISO 3166-1 alpha-3.
    """

    name: str
    letters: str
    varieties: tuple[str, ...]
    yield_t_ha: float
    months: tuple[int, ...]
    trees_ha: int = 0
    markets: tuple[str, ...] = ()


RICE = (
    Crop(
        "Lúa",
        "LU",
        ("Bắc thơm số 7", "Đài thơm 8", "TBR225", "BC15", "Nếp cái hoa vàng"),
        11.5,
        (5, 6, 9, 10),
    ),
)
VEGETABLES = (
    Crop("Khoai tây", "KT", ("Solara", "Atlantic", "Marabel"), 17.0, (1, 2), markets=("CHN",)),
    Crop("Cà chua", "CC", ("Savior", "Montavi"), 32.0, (12, 1, 2)),
    Crop("Bí xanh", "BX", ("Bí đá", "Bí sặt"), 34.0, (5, 6, 11)),
    Crop("Rau cải", "RC", ("Cải ngọt", "Cải bắp KK Cross"), 24.0, (1, 2, 3, 11, 12)),
    Crop("Lạc", "LA", ("L14", "L27"), 3.9, (6, 7)),
)
FRUIT = (
    Crop("Chuối", "CH", ("Tiêu hồng", "Chuối ngự"), 38.0, (9, 10, 11, 12), 2_000, ("CHN", "JPN", "KOR")),
    Crop("Nhãn", "NH", ("Hương Chi", "Nhãn muộn"), 11.0, (7, 8, 9), 400, ("CHN", "USA", "AUS")),
    Crop("Ổi", "OI", ("Ổi lê Đài Loan", "Ổi trắng"), 25.0, (1, 2, 8, 9, 10, 11, 12), 800),
    Crop("Bưởi", "BU", ("Bưởi Diễn", "Da xanh"), 18.0, (11, 12, 1), 400, ("USA", "NZL", "GBR")),
    Crop("Thanh long", "TL", ("Ruột đỏ", "Ruột trắng"), 24.0, (5, 6, 7, 8, 9), 1_100, ("CHN", "JPN", "IND")),
)
_DECK = (RICE, RICE, VEGETABLES, RICE, FRUIT, RICE, RICE, FRUIT, RICE, VEGETABLES)
"""Families in the shares of the ground they have."""


def pick_crops(random: np.random.Generator, count: int) -> list[Crop]:
    """Return ``count`` crops in random order: more than half are rice."""
    crops = []
    for n in random.permutation(count).tolist():
        family = _DECK[n % len(_DECK)]
        crops.append(family[int(random.integers(len(family)))])
    return crops
