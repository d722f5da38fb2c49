CREATE VIEW open.provinces AS
SELECT reg.provinces.id, reg.provinces.uuid, reg.provinces.revision, reg.provinces.updated_at, reg.provinces.code AS code, reg.provinces.name AS name, reg.provinces.full_name AS full_name, reg.provinces.name_en AS name_en, reg.provinces.kind AS kind, reg.provinces.area_km2 AS area_km2, reg.provinces.valid_from AS valid_from, reg.provinces.valid_to AS valid_to, reg.provinces.legal_note AS legal_note, reg.provinces.geom AS geom 
FROM reg.provinces;

GRANT SELECT ON open.provinces TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.provinces_tile AS
SELECT reg.provinces_tile.id AS id, reg.provinces_tile.code AS code, reg.provinces_tile.full_name AS full_name, reg.provinces_tile.name_en AS name_en, reg.provinces_tile.kind AS kind, reg.provinces_tile.size_m AS size_m, reg.provinces_tile.point AS point, reg.provinces_tile.geom AS geom, reg.provinces_tile.geom_mid AS geom_mid, reg.provinces_tile.geom_low AS geom_low 
FROM reg.provinces_tile;

GRANT SELECT ON open.provinces_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.provinces TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.provinces_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.provinces_id_seq TO bandoso_worker;

GRANT SELECT ON reg.provinces TO bandoso_staff;

ALTER TABLE reg.provinces ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.provinces FOR SELECT TO bandoso_staff USING (ops.in_scope(NULL));

CREATE POLICY worker ON reg.provinces TO bandoso_worker USING (true) WITH CHECK (true);

CREATE VIEW open.communes AS
SELECT reg.communes.id, reg.communes.uuid, reg.communes.revision, reg.communes.updated_at, reg.communes.code AS code, reg.communes.name AS name, reg.communes.full_name AS full_name, reg.communes.name_en AS name_en, reg.communes.kind AS kind, reg.communes.province_code AS province_code, reg.communes.area_km2 AS area_km2, reg.communes.valid_from AS valid_from, reg.communes.valid_to AS valid_to, reg.communes.legal_note AS legal_note, (SELECT json_agg(json_build_object('period', reg.commune_ntm.period, 'level', reg.commune_ntm.level, 'subject', reg.commune_ntm.subject, 'decision_number', reg.commune_ntm.decision_number, 'decided_on', reg.commune_ntm.decided_on) ORDER BY reg.commune_ntm.period, reg.commune_ntm.level) AS json_agg_1 
FROM reg.commune_ntm 
WHERE reg.commune_ntm.feature_id = reg.communes.id) AS ntm_results, reg.communes.geom AS geom 
FROM reg.communes;

GRANT SELECT ON open.communes TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.communes_tile AS
SELECT reg.communes_tile.id AS id, reg.communes_tile.code AS code, reg.communes_tile.full_name AS full_name, reg.communes_tile.name_en AS name_en, reg.communes_tile.kind AS kind, reg.communes_tile.province_code AS province_code, reg.communes_tile.size_m AS size_m, reg.communes_tile.point AS point, reg.communes_tile.geom AS geom, reg.communes_tile.geom_mid AS geom_mid, reg.communes_tile.geom_low AS geom_low 
FROM reg.communes_tile;

GRANT SELECT ON open.communes_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.communes TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.commune_ntm TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.communes_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.communes_id_seq TO bandoso_worker;

GRANT SELECT ON reg.communes TO bandoso_staff;

GRANT SELECT ON reg.commune_ntm TO bandoso_staff;

ALTER TABLE reg.communes ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.communes FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.communes TO bandoso_worker USING (true) WITH CHECK (true);

ALTER TABLE reg.commune_ntm ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.commune_ntm FOR SELECT TO bandoso_staff USING (EXISTS (SELECT 1 FROM reg.communes f WHERE f.id = feature_id));

CREATE POLICY worker ON reg.commune_ntm TO bandoso_worker USING (true) WITH CHECK (true);

