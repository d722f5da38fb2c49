CREATE VIEW open.growing_areas AS
SELECT reg.growing_areas.id, reg.growing_areas.uuid, reg.growing_areas.revision, reg.growing_areas.updated_at, reg.growing_areas.code AS code, reg.growing_areas.code_raw AS code_raw, reg.growing_areas.name AS name, reg.growing_areas.name_en AS name_en, reg.growing_areas.regime AS regime, reg.growing_areas.status AS status, reg.growing_areas.crop AS crop, reg.growing_areas.crop_latin AS crop_latin, reg.growing_areas.variety AS variety, reg.growing_areas.area_ha AS area_ha, reg.growing_areas.organisation AS organisation, reg.growing_areas.household_count AS household_count, reg.growing_areas.tree_count AS tree_count, reg.growing_areas.expected_yield_t AS expected_yield_t, reg.growing_areas.harvest_months AS harvest_months, reg.growing_areas.certificate AS certificate, reg.growing_areas.certificate_valid_to AS certificate_valid_to, reg.growing_areas.issued_on AS issued_on, reg.growing_areas.decision_number AS decision_number, reg.growing_areas.markets AS markets, reg.growing_areas.inspected_on AS inspected_on, reg.growing_areas.inspection_kind AS inspection_kind, reg.growing_areas.commune_code AS commune_code, reg.growing_areas.province_code AS province_code, reg.growing_areas.boundary_method AS boundary_method, (SELECT json_agg(json_build_object('market', reg.growing_area_markets.market, 'valid_from', reg.growing_area_markets.valid_from, 'valid_to', reg.growing_area_markets.valid_to, 'status', reg.growing_area_markets.status, 'market_code', reg.growing_area_markets.market_code, 'decision_number', reg.growing_area_markets.decision_number) ORDER BY reg.growing_area_markets.market, reg.growing_area_markets.valid_from) AS json_agg_1 
FROM reg.growing_area_markets 
WHERE reg.growing_area_markets.feature_id = reg.growing_areas.id AND (reg.growing_area_markets.status NOT IN ('proposed', 'submitted'))) AS market_registrations, reg.growing_areas.geom AS geom, reg.growing_areas.point AS point 
FROM reg.growing_areas 
WHERE (reg.growing_areas.status NOT IN ('proposed', 'submitted'));

GRANT SELECT ON open.growing_areas TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.growing_areas_tile AS
SELECT reg.growing_areas_tile.id AS id, reg.growing_areas_tile.code AS code, reg.growing_areas_tile.status AS status, reg.growing_areas_tile.crop AS crop, reg.growing_areas_tile.area_ha AS area_ha, reg.growing_areas_tile.size_m AS size_m, reg.growing_areas_tile.point AS point, reg.growing_areas_tile.geom AS geom, reg.growing_areas_tile.geom_mid AS geom_mid, reg.growing_areas_tile.geom_low AS geom_low 
FROM reg.growing_areas_tile;

GRANT SELECT ON open.growing_areas_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.growing_areas TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.growing_area_markets TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.growing_areas_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.growing_areas_id_seq TO bandoso_worker;

GRANT SELECT ON reg.growing_areas TO bandoso_staff;

GRANT SELECT ON reg.growing_area_markets TO bandoso_staff;

ALTER TABLE reg.growing_areas ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.growing_areas FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.growing_areas TO bandoso_worker USING (true) WITH CHECK (true);

ALTER TABLE reg.growing_area_markets ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.growing_area_markets FOR SELECT TO bandoso_staff USING (EXISTS (SELECT 1 FROM reg.growing_areas f WHERE f.id = feature_id));

CREATE POLICY worker ON reg.growing_area_markets TO bandoso_worker USING (true) WITH CHECK (true);

