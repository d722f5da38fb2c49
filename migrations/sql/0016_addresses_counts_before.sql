-- The counts as they were: the numbers of addresses alone.
DROP VIEW open.addresses_grid;

ALTER TABLE reg.addresses_grid
    DROP COLUMN occupied,
    DROP COLUMN loose,
    DROP COLUMN kind_household,
    DROP COLUMN kind_agency,
    DROP COLUMN kind_organisation,
    DROP COLUMN kind_business,
    DROP COLUMN kind_public_place,
    DROP COLUMN kind_structure,
    DROP COLUMN kind_place_name;

CREATE VIEW open.addresses_grid AS
SELECT z, x, y, cell, count FROM reg.addresses_grid
WHERE count >= 5 OR (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point'
UNION ALL
SELECT z, x, y, (4096 + (cell / 1024) * 4 + (cell % 64) / 16)::smallint, sum(count)::integer FROM reg.addresses_grid
WHERE count < 5 AND (SELECT value FROM ops.setting WHERE name = 'publication_policy') <> 'code_point'
GROUP BY z, x, y, (4096 + (cell / 1024) * 4 + (cell % 64) / 16)::smallint HAVING sum(count) >= 5;

GRANT SELECT ON open.addresses_grid TO bandoso_public, bandoso_staff, bandoso_worker;
