-- Counts of addresses by kind, with the occupied cells and the households that are in no group yet.
DROP VIEW open.addresses_grid;

TRUNCATE reg.addresses_grid;

ALTER TABLE reg.addresses_grid
    ADD COLUMN occupied integer NOT NULL,
    ADD COLUMN loose integer NOT NULL,
    ADD COLUMN kind_household integer,
    ADD COLUMN kind_agency integer,
    ADD COLUMN kind_organisation integer,
    ADD COLUMN kind_business integer,
    ADD COLUMN kind_public_place integer,
    ADD COLUMN kind_structure integer,
    ADD COLUMN kind_place_name integer;

COMMENT ON COLUMN reg.addresses_grid.occupied IS 'Cells of the highest counted zoom that hold records';
COMMENT ON COLUMN reg.addresses_grid.loose IS 'Guarded records that no smaller cell has five of';

DO $$
BEGIN
    -- Zoom 12 from the addresses, each zoom above from the one below.
    INSERT INTO reg.addresses_grid (z, x, y, cell, count, occupied, loose, kind_household, kind_agency, kind_organisation, kind_business, kind_public_place, kind_structure, kind_place_name)
    SELECT 12, cx >> 6, cy >> 6, cy % 64 * 64 + cx % 64, count, 1, kind_household, nullif(kind_household, 0), nullif(kind_agency, 0), nullif(kind_organisation, 0), nullif(kind_business, 0), nullif(kind_public_place, 0), nullif(kind_structure, 0), nullif(kind_place_name, 0)
    FROM (
        SELECT floor((ST_X(point) + half) / cell_m)::int AS cx, floor((half - ST_Y(point)) / cell_m)::int AS cy,
        count(*) AS count,
        count(*) FILTER (WHERE kind = 'household') AS kind_household,
        count(*) FILTER (WHERE kind = 'agency') AS kind_agency,
        count(*) FILTER (WHERE kind = 'organisation') AS kind_organisation,
        count(*) FILTER (WHERE kind = 'business') AS kind_business,
        count(*) FILTER (WHERE kind = 'public_place') AS kind_public_place,
        count(*) FILTER (WHERE kind = 'structure') AS kind_structure,
        count(*) FILTER (WHERE kind = 'place_name') AS kind_place_name
        FROM reg.addresses_tile,
            (VALUES (float8 '20037508.342789244', float8 '20037508.342789244' * 2 / (1 << 18))) s (half, cell_m)
        GROUP BY 1, 2
    ) c;
    FOR zoom IN REVERSE 11..0 LOOP
        INSERT INTO reg.addresses_grid (z, x, y, cell, count, occupied, loose, kind_household, kind_agency, kind_organisation, kind_business, kind_public_place, kind_structure, kind_place_name)
        SELECT zoom, cx >> 6, cy >> 6, cy % 64 * 64 + cx % 64, sum(count), sum(occupied),
            sum(CASE WHEN loose < 5 THEN loose ELSE 0 END), sum(kind_household), sum(kind_agency), sum(kind_organisation), sum(kind_business), sum(kind_public_place), sum(kind_structure), sum(kind_place_name)
        FROM (
            SELECT (x * 64 + cell % 64) >> 1 AS cx, (y * 64 + cell / 64) >> 1 AS cy, g.*
            FROM reg.addresses_grid g WHERE z = zoom + 1
        ) c
        GROUP BY cx, cy;
    END LOOP;
END
$$;

CREATE VIEW open.addresses_grid AS
SELECT z, x, y, cell, count, kind_household, kind_agency, kind_organisation, kind_business, kind_public_place, kind_structure, kind_place_name, round(occupied * 1000::float8 / (1::bigint << 2 * (12 - z))) / 10 AS coverage
FROM reg.addresses_grid WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point'
UNION ALL
SELECT z, x, y, cell, count - CASE WHEN loose < 5 THEN loose ELSE 0 END, nullif(kind_household - CASE WHEN loose < 5 THEN loose ELSE 0 END, 0), kind_agency, kind_organisation, kind_business, kind_public_place, kind_structure, kind_place_name, NULL
FROM reg.addresses_grid
WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') <> 'code_point' AND count > CASE WHEN loose < 5 THEN loose ELSE 0 END
UNION ALL
SELECT z, x, y, (block + 4096)::smallint, grouped, grouped, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (
SELECT b.z, b.x, b.y, block, b.loose - CASE WHEN above.loose < 5 THEN above.loose ELSE 0 END AS grouped
FROM (SELECT z, x, y, (cell / 1024 * 4 + cell % 64 / 16) AS block, sum(CASE WHEN loose < 5 THEN loose ELSE 0 END)::integer AS loose
FROM reg.addresses_grid WHERE loose > 0 AND (SELECT value FROM ops.setting WHERE name = 'publication_policy') <> 'code_point' GROUP BY z, x, y, (cell / 1024 * 4 + cell % 64 / 16)) b
JOIN reg.addresses_grid above ON above.z = b.z - 4
AND above.x = (b.x * 4 + block % 4) / 64 AND above.y = (b.y * 4 + block / 4) / 64 AND above.cell = (b.y * 4 + block / 4) % 64 * 64 + (b.x * 4 + block % 4) % 64
) merged WHERE grouped >= 5;

GRANT SELECT ON open.addresses_grid TO bandoso_public, bandoso_staff, bandoso_worker;
