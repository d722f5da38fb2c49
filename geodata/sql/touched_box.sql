-- Boxes of touched features in EPSG:3857: sign -1 as they were, +1 as they are now.
CREATE TEMP TABLE touched_box (sign int, west float8, south float8, east float8, north float8) ON COMMIT DROP
