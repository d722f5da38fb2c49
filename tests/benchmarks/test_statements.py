"""The statements that are measured stand in the documents, word for word."""

import os

from tests.benchmarks import areas, tiles
from tests.benchmarks.places import REGISTER, ROOT
from tiles.sql import many, tile_sql

DOCUMENT = ROOT / "docs" / "benchmarks" / "statements.md"
MEASURED = [(REGISTER, z) for z in (14, *tiles.LOW_ZOOMS)] + [(layer, z) for layer in areas.LAYERS for z in areas.ZOOMS]
HEAD = """# Statements

*Tóm tắt: các câu lệnh SQL tạo ô bản đồ mà `make bench` đo, đúng từng chữ.*

What the product asks the database for tiles, as `make bench` measures it: `$1` is x, `$2` y. pgbench is given the same text.
This page is written by `BANDOSO_WRITE_SNAPSHOTS=1 pytest tests/benchmarks/test_statements.py`, and a test holds it against the
code. What the peers send stands in the report of each run, `var/bench/last.md`.

Where several requests wait for a connection, the same statement stands under a list of places
([decision 0029](../decisions/0029-tiles-that-wait-are-asked-for-together.md)):
"""


def written() -> str:
    parts = [HEAD, f"```sql\n{many('… $1::int … $2::int …')}\n```\n"]
    parts += [f"## {layer}, zoom {z}\n\n```sql\n{tile_sql((layer,), z)}\n```\n" for layer, z in MEASURED]
    return "\n".join(parts)


def test_the_documents_have_the_statements_that_are_measured() -> None:
    """BANDOSO_WRITE_SNAPSHOTS=1 writes the page anew."""
    if os.environ.get("BANDOSO_WRITE_SNAPSHOTS") == "1":
        DOCUMENT.write_text(written(), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == written()
