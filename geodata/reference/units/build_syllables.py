"""Write ``syllables.txt``: the accented syllables of all unit names, old and new, by how often they occur."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

from geodata.reference import read_communes, read_crosswalk, read_province_crosswalk, read_provinces

TARGET = Path(__file__).with_name("syllables.txt")
LEAST_COUNTS = (20, 3, 1)
"""A line of the file holds the syllables with at least so many names, and fewer than the line before."""

_WORD = re.compile(r"[^\W\d_]+")


def build() -> str:
    """Return the file's text: three lines of syllables in lower case, sorted, without those of ASCII alone."""
    names = {row.full_name for row in read_communes()} | {row.full_name for row in read_provinces()}
    for row in read_crosswalk():
        names |= {row.old_name, row.old_district, row.old_province}
    names |= {row.old_name for row in read_province_crosswalk()}
    words = Counter(word for name in names for word in _WORD.findall(unicodedata.normalize("NFC", name).lower()))
    lines: list[list[str]] = [[] for _ in LEAST_COUNTS]
    for word, count in sorted(words.items()):
        if not word.isascii():
            lines[next(at for at, least in enumerate(LEAST_COUNTS) if count >= least)].append(word)
    return "".join(f"{' '.join(line)}\n" for line in lines)


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
