CREATE VIEW open.tourism_points AS
SELECT reg.tourism_points.id, reg.tourism_points.uuid, reg.tourism_points.revision, reg.tourism_points.updated_at, reg.tourism_points.slug AS slug, reg.tourism_points.name AS name, reg.tourism_points.name_en AS name_en, reg.tourism_points.category AS category, reg.tourism_points.description AS description, reg.tourism_points.description_en AS description_en, reg.tourism_points.organisation AS organisation, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_stars END AS ocop_stars, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_decision END AS ocop_decision, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_valid_to END AS ocop_valid_to, reg.tourism_points.beds AS beds, reg.tourism_points.guests_per_day AS guests_per_day, reg.tourism_points.opening_hours AS opening_hours, reg.tourism_points.season_months AS season_months, reg.tourism_points.festivals AS festivals, reg.tourism_points.price_from_vnd AS price_from_vnd, reg.tourism_points.price_to_vnd AS price_to_vnd, reg.tourism_points.languages AS languages, reg.tourism_points.services AS services, reg.tourism_points.accessibility AS accessibility, reg.tourism_points.road_access AS road_access, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.phone END AS phone, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.zalo END AS zalo, reg.tourism_points.website AS website, reg.tourism_points.booking_url AS booking_url, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_url END AS photo_url, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_credit END AS photo_credit, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_licence END AS photo_licence, reg.tourism_points.tour_url AS tour_url, reg.tourism_points.status AS status, reg.tourism_points.verified_on AS verified_on, reg.tourism_points.commune_code AS commune_code, reg.tourism_points.province_code AS province_code, reg.tourism_points.geom AS geom 
FROM reg.tourism_points;

GRANT SELECT ON open.tourism_points TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.tourism_points_tile AS
SELECT reg.tourism_points_tile.id AS id, reg.tourism_points_tile.name AS name, reg.tourism_points_tile.name_en AS name_en, reg.tourism_points_tile.category AS category, reg.tourism_points_tile.point AS point 
FROM reg.tourism_points_tile;

GRANT SELECT ON open.tourism_points_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.tourism_points TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.tourism_points_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.tourism_points_id_seq TO bandoso_worker;

GRANT SELECT ON reg.tourism_points TO bandoso_staff;

ALTER TABLE reg.tourism_points ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.tourism_points FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.tourism_points TO bandoso_worker USING (true) WITH CHECK (true);

