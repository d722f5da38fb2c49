-- How much would have to be drawn to compare each zoom's tiles before and after, in vertices: each time a record is
-- drawn costs as much as 50 vertices beside its own. A box meets about its length in tiles, and one more, a side.
SELECT z, sum((b.weights[level] + 50) * ((b.east - b.west) / tile_m + 1.1) * ((b.north - b.south) / tile_m + 1.1))
FROM touched_box b, (
    SELECT z, 1 + (z >= :mid_from)::int + (z >= :full_from)::int AS level, 2 * 20037508.342789244 / (1 << z) AS tile_m
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) z
) s
WHERE b.weights[level] IS NOT NULL
GROUP BY z ORDER BY z
