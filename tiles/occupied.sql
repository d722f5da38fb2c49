-- Tiles that may hold something ($1 layers), of the whole country or of one province ($2 its code, or NULL), and the
-- province's box in degrees. A tile that no revision has stamped is empty.
WITH area AS (
    SELECT ST_Union(geom) AS geom FROM (
        SELECT geom FROM open.provinces_tile WHERE code = $2
        UNION ALL
        SELECT geom FROM open.communes_tile WHERE province_code = $2
    ) units
), stamped AS MATERIALIZED (
    SELECT DISTINCT z, x, y FROM open.tile_stamp WHERE layer = ANY ($1::text[])
)
SELECT z, x, y
FROM stamped, area
WHERE $2::text IS NULL
   OR (geom && ST_TileEnvelope(z, x, y) AND ST_Intersects(geom, ST_TileEnvelope(z, x, y)))
