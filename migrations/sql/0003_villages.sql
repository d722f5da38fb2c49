CREATE VIEW open.villages AS
SELECT reg.villages.id, reg.villages.uuid, reg.villages.revision, reg.villages.updated_at, reg.villages.code AS code, reg.villages.name AS name, reg.villages.kind AS kind, reg.villages.commune_code AS commune_code, reg.villages.household_count AS household_count, reg.villages.household_count_on AS household_count_on, reg.villages.household_count_source AS household_count_source, reg.villages.population AS population, reg.villages.geom AS geom, reg.villages.point AS point 
FROM reg.villages;

GRANT SELECT ON open.villages TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.villages_tile AS
SELECT reg.villages_tile.id AS id, reg.villages_tile.name AS name, reg.villages_tile.kind AS kind, reg.villages_tile.household_count AS household_count, reg.villages_tile.size_m AS size_m, reg.villages_tile.point AS point, reg.villages_tile.geom AS geom, reg.villages_tile.geom_mid AS geom_mid, reg.villages_tile.geom_low AS geom_low 
FROM reg.villages_tile;

GRANT SELECT ON open.villages_tile TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.villages TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.villages_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.villages_id_seq TO bandoso_worker;

GRANT SELECT ON reg.villages TO bandoso_staff;

ALTER TABLE reg.villages ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.villages FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.villages TO bandoso_worker USING (true) WITH CHECK (true);

