"""Shares and distances as messages say them, alike in both languages."""

import math

FAR_M = 10_000


def say_percent(share: float) -> int:
    """Round a share (0 to 1) to whole per cent; only all is 100, and only nothing is 0.

    Examples
    --------
    >>> say_percent(1708 / 1710), say_percent(1.0), say_percent(0.001), say_percent(0.836)
    (99, 100, 1, 84)
    """
    if share in {0, 1}:
        return int(100 * share)
    return min(max(round(100 * share), 1), 99)


def say_distance(metres: float | None) -> str:
    """Write a distance in whole metres, from 10 km on in whole kilometres; “…” where there is none on this earth.

    Examples
    --------
    >>> say_distance(224.2), say_distance(168_390)
    ('224 m', '168 km')
    """
    if metres is None or not math.isfinite(metres):
        return "…"
    return f"{metres:.0f} m" if metres < FAR_M else f"{metres / 1000:.0f} km"
