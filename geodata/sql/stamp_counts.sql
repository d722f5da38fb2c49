-- Stamp the tiles that show counts (zooms low to top): a point counts in one tile of each zoom, without buffer.
WITH size AS (
    SELECT 2 * 20037508.342789244 / (1 << CAST(:top AS int)) AS tile_m, 20037508.342789244 AS half
), tops AS (
    SELECT DISTINCT floor((b.west + s.half) / s.tile_m)::int AS x, floor((s.half - b.south) / s.tile_m)::int AS y
    FROM touched_box b, size s
), tiles AS (
    SELECT DISTINCT z, x >> (CAST(:top AS int) - z) AS x, y >> (CAST(:top AS int) - z) AS y FROM tops, generate_series(CAST(:low AS int), CAST(:top AS int)) AS z
)
INSERT INTO ops.tile_stamp (layer, z, x, y, revision)
SELECT :layer, z, x, y, :revision FROM tiles
ON CONFLICT (layer, z, x, y) DO UPDATE SET revision = EXCLUDED.revision
