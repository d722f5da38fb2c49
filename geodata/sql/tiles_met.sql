-- The tiles of zoom z that the boxes of touched records meet, with the buffer of 64 units (1/4096 of a tile) that the
-- tile statement searches, half a unit that rounds to it, and 4 m more: && compares boxes in single precision, which is 1 m
-- at this distance from the origin.
-- 20037508.34… is half the width of the world in EPSG:3857.
WITH size AS (
    SELECT tile_m, 64.5 / 4096 + 4 / tile_m AS margin, 20037508.342789244 AS half
    FROM (SELECT 2 * 20037508.342789244 / (1 << CAST(:z AS int)) AS tile_m) t
), cover AS (
    SELECT DISTINCT b.id,
        floor((b.west + s.half) / s.tile_m - s.margin)::int AS x0, floor((b.east + s.half) / s.tile_m + s.margin)::int AS x1,
        floor((s.half - b.north) / s.tile_m - s.margin)::int AS y0, floor((s.half - b.south) / s.tile_m + s.margin)::int AS y1
    FROM touched_box b, size s WHERE b.weights[CAST(:level AS int)] IS NOT NULL
)
SELECT id, x, y FROM cover, generate_series(x0, x1) AS x, generate_series(y0, y1) AS y
WHERE x BETWEEN 0 AND (1 << CAST(:z AS int)) - 1 AND y BETWEEN 0 AND (1 << CAST(:z AS int)) - 1
