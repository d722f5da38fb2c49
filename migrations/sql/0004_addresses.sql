CREATE VIEW open.addresses AS
SELECT reg.addresses.id, reg.addresses.uuid, reg.addresses.revision, reg.addresses.updated_at, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'digital_address' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS code, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'vpostcode' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS vpostcode, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'location_id' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS location_id, reg.addresses.kind AS kind, reg.addresses.name AS name, reg.addresses.house_number AS house_number, reg.addresses.alley AS alley, reg.addresses.street AS street, reg.addresses.village AS village, reg.addresses.settlement_kind AS settlement_kind, reg.addresses.commune_code AS commune_code, reg.addresses.province_code AS province_code, reg.addresses.legacy_district AS legacy_district, reg.addresses.postcode AS postcode, reg.addresses.status AS status, reg.addresses.position_method AS position_method, reg.addresses.position_accuracy_m AS position_accuracy_m, reg.addresses.entrances AS entrances, reg.addresses.recorded_on AS recorded_on, reg.addresses.geom AS geom 
FROM reg.addresses 
WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR reg.addresses.kind != 'household';

GRANT SELECT ON open.addresses TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.addresses_tile AS
SELECT reg.addresses_tile.id AS id, reg.addresses_tile.kind AS kind, reg.addresses_tile.house_number AS house_number, reg.addresses_tile.point AS point 
FROM reg.addresses_tile 
WHERE ((SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR NOT (reg.addresses_tile.kind = 'household'));

GRANT SELECT ON open.addresses_tile TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.addresses_grid AS
SELECT z, x, y, cell, count FROM reg.addresses_grid
WHERE count >= 5 OR (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point'
UNION ALL
SELECT z, x, y, (4096 + (cell / 1024) * 4 + (cell % 64) / 16)::smallint, sum(count)::integer FROM reg.addresses_grid
WHERE count < 5 AND (SELECT value FROM ops.setting WHERE name = 'publication_policy') <> 'code_point'
GROUP BY z, x, y, (4096 + (cell / 1024) * 4 + (cell % 64) / 16)::smallint HAVING sum(count) >= 5;

GRANT SELECT ON open.addresses_grid TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.address_codes AS
SELECT c.feature_id, c.scheme, c.value FROM reg.address_codes c JOIN open.addresses f ON f.id = c.feature_id WHERE c.status = 'active';

GRANT SELECT ON open.address_codes TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.household_private TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.address_codes TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_tile TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_grid TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.addresses_id_seq TO bandoso_worker;

GRANT SELECT ON reg.addresses TO bandoso_staff;

ALTER TABLE reg.addresses ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.addresses FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.addresses TO bandoso_worker USING (true) WITH CHECK (true);

ALTER TABLE reg.household_private ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.household_private FOR SELECT TO bandoso_staff USING (EXISTS (SELECT 1 FROM reg.addresses f WHERE f.id = feature_id));

CREATE POLICY worker ON reg.household_private TO bandoso_worker USING (true) WITH CHECK (true);

ALTER TABLE reg.address_codes ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.address_codes FOR SELECT TO bandoso_staff USING (EXISTS (SELECT 1 FROM reg.addresses f WHERE f.id = feature_id));

CREATE POLICY worker ON reg.address_codes TO bandoso_worker USING (true) WITH CHECK (true);

