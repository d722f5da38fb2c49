-- Boxes of touched records in EPSG:3857: sign -1 as they were, +1 as they are now. The weights are the vertices of
-- the three shapes of which a zoom draws one (shape_level), null where what is drawn there is as it was.
CREATE TEMP TABLE touched_box (
    id bigint, sign int, west float8, south float8, east float8, north float8, weights int[]
) ON COMMIT DROP
