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
 LIMIT 1) AS location_id, reg.addresses.kind AS kind, reg.addresses.name AS name, reg.addresses.house_number AS house_number, reg.addresses.alley AS alley, reg.addresses.street AS street, reg.addresses.village AS village, reg.addresses.commune_code AS commune_code, reg.addresses.province_code AS province_code, reg.addresses.legacy_district AS legacy_district, reg.addresses.postcode AS postcode, reg.addresses.status AS status, reg.addresses.position_method AS position_method, reg.addresses.position_accuracy_m AS position_accuracy_m, reg.addresses.recorded_on AS recorded_on, reg.addresses.geom AS geom 
FROM reg.addresses 
WHERE reg.addresses.kind != 'household' OR (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point';

GRANT SELECT ON open.addresses TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.addresses_tile AS
SELECT reg.addresses_tile.id AS id, reg.addresses_tile.code AS code, reg.addresses_tile.kind AS kind, reg.addresses_tile.house_number AS house_number, reg.addresses_tile.point AS point 
FROM reg.addresses_tile 
WHERE (NOT (reg.addresses_tile.kind = 'household') OR (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point');

GRANT SELECT ON open.addresses_tile TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.addresses_grid AS
SELECT * FROM reg.addresses_grid;

GRANT SELECT ON open.addresses_grid TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.address_codes AS
SELECT c.feature_id, c.scheme, c.value FROM reg.address_codes c JOIN open.addresses f ON f.id = c.feature_id WHERE c.status = 'active';

GRANT SELECT ON open.address_codes TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.household_private TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.address_codes TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_tile TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_grid TO bandoso_worker;

GRANT USAGE ON SEQUENCE reg.addresses_id_seq TO bandoso_worker;

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

CREATE VIEW open.growing_areas AS
SELECT reg.growing_areas.id, reg.growing_areas.uuid, reg.growing_areas.revision, reg.growing_areas.updated_at, reg.growing_areas.code AS code, reg.growing_areas.code_raw AS code_raw, reg.growing_areas.name AS name, reg.growing_areas.regime AS regime, reg.growing_areas.status AS status, reg.growing_areas.crop AS crop, reg.growing_areas.variety AS variety, reg.growing_areas.area_ha AS area_ha, reg.growing_areas.organisation AS organisation, reg.growing_areas.household_count AS household_count, reg.growing_areas.tree_count AS tree_count, reg.growing_areas.expected_yield_t AS expected_yield_t, reg.growing_areas.harvest_months AS harvest_months, reg.growing_areas.certificate AS certificate, reg.growing_areas.certificate_valid_to AS certificate_valid_to, reg.growing_areas.issued_on AS issued_on, reg.growing_areas.decision_number AS decision_number, reg.growing_areas.markets AS markets, reg.growing_areas.commune_code AS commune_code, reg.growing_areas.province_code AS province_code, reg.growing_areas.boundary_method AS boundary_method, reg.growing_areas.geom AS geom, reg.growing_areas.point AS point 
FROM reg.growing_areas;

GRANT SELECT ON open.growing_areas TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.growing_areas_tile AS
SELECT reg.growing_areas_tile.id AS id, reg.growing_areas_tile.code AS code, reg.growing_areas_tile.status AS status, reg.growing_areas_tile.crop AS crop, reg.growing_areas_tile.area_ha AS area_ha, reg.growing_areas_tile.size_m AS size_m, reg.growing_areas_tile.point AS point, reg.growing_areas_tile.geom AS geom, reg.growing_areas_tile.geom_mid AS geom_mid, reg.growing_areas_tile.geom_low AS geom_low 
FROM reg.growing_areas_tile;

GRANT SELECT ON open.growing_areas_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.growing_areas TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.growing_areas_tile TO bandoso_worker;

GRANT USAGE ON SEQUENCE reg.growing_areas_id_seq TO bandoso_worker;

GRANT SELECT ON reg.growing_areas TO bandoso_staff;

ALTER TABLE reg.growing_areas ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.growing_areas FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.growing_areas TO bandoso_worker USING (true) WITH CHECK (true);

CREATE VIEW open.tourism_points AS
SELECT reg.tourism_points.id, reg.tourism_points.uuid, reg.tourism_points.revision, reg.tourism_points.updated_at, reg.tourism_points.slug AS slug, reg.tourism_points.name AS name, reg.tourism_points.name_en AS name_en, reg.tourism_points.category AS category, reg.tourism_points.description AS description, reg.tourism_points.description_en AS description_en, reg.tourism_points.organisation AS organisation, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_stars END AS ocop_stars, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_decision END AS ocop_decision, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_valid_to END AS ocop_valid_to, reg.tourism_points.beds AS beds, reg.tourism_points.guests_per_day AS guests_per_day, reg.tourism_points.opening_hours AS opening_hours, reg.tourism_points.season_months AS season_months, reg.tourism_points.price_from_vnd AS price_from_vnd, reg.tourism_points.price_to_vnd AS price_to_vnd, reg.tourism_points.languages AS languages, reg.tourism_points.services AS services, reg.tourism_points.accessibility AS accessibility, reg.tourism_points.road_access AS road_access, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.phone END AS phone, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.zalo END AS zalo, reg.tourism_points.website AS website, reg.tourism_points.booking_url AS booking_url, reg.tourism_points.tour_url AS tour_url, reg.tourism_points.status AS status, reg.tourism_points.verified_on AS verified_on, reg.tourism_points.commune_code AS commune_code, reg.tourism_points.province_code AS province_code, reg.tourism_points.geom AS geom 
FROM reg.tourism_points;

GRANT SELECT ON open.tourism_points TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.tourism_points_tile AS
SELECT reg.tourism_points_tile.id AS id, reg.tourism_points_tile.name AS name, reg.tourism_points_tile.name_en AS name_en, reg.tourism_points_tile.category AS category, reg.tourism_points_tile.point AS point 
FROM reg.tourism_points_tile;

GRANT SELECT ON open.tourism_points_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.tourism_points TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.tourism_points_tile TO bandoso_worker;

GRANT USAGE ON SEQUENCE reg.tourism_points_id_seq TO bandoso_worker;

GRANT SELECT ON reg.tourism_points TO bandoso_staff;

ALTER TABLE reg.tourism_points ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.tourism_points FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.tourism_points TO bandoso_worker USING (true) WITH CHECK (true);

