CREATE TEMP TABLE shared_copy ON COMMIT DROP AS
SELECT id, ST_GeomFromWKB(mid, 3857) AS geom_mid, ST_GeomFromWKB(low, 3857) AS geom_low
FROM unnest(CAST(:ids AS bigint[]), CAST(:mid AS bytea[]), CAST(:low AS bytea[])) AS c (id, mid, low)
