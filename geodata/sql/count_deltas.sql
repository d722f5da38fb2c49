-- How the counts per cell change: +1 where a touched point is now, -1 where it was, rolled up zoom by zoom.
-- A tile has 64 by 64 cells, so the cells of zoom z are those of the world cut 2^(z + 6) times.
CREATE TEMP TABLE grid_delta ON COMMIT DROP AS
WITH size AS (
    SELECT 2 * 20037508.342789244 / (1 << (CAST(:top AS int) + 6)) AS cell_m, 20037508.342789244 AS half
), finest AS (
    SELECT floor((b.west + s.half) / s.cell_m)::int AS cx, floor((s.half - b.south) / s.cell_m)::int AS cy, sum(b.sign) AS change
    FROM touched_box b, size s GROUP BY 1, 2
), cells AS (
    SELECT z, cx >> (CAST(:top AS int) - z) AS cx, cy >> (CAST(:top AS int) - z) AS cy, sum(change) AS change
    FROM finest, generate_series(0, CAST(:top AS int)) AS z GROUP BY 1, 2, 3
)
SELECT z::smallint AS z, cx >> 6 AS x, cy >> 6 AS y, ((cy & 63) * 64 + (cx & 63))::smallint AS cell, change::int AS count
FROM cells WHERE change <> 0
