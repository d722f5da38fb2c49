-- How the counts per cell change at the highest zoom that shows them: +1 where a touched point is now, -1 where it was.
-- A tile has 64 by 64 cells, so the cells of zoom z are those of the world cut 2^(z + 6) times.
CREATE TEMP TABLE cell_delta ON COMMIT DROP AS
WITH size AS (
    SELECT 2 * 20037508.342789244 / (1 << (CAST(:top AS int) + 6)) AS cell_m, 20037508.342789244 AS half
)
SELECT CAST(:top AS int) AS z, floor((b.west + s.half) / s.cell_m)::int AS cx,
    floor((s.half - b.south) / s.cell_m)::int AS cy, sum(b.sign)::int AS change
FROM touched_box b, size s GROUP BY 2, 3
