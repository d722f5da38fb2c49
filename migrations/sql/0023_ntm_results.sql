CREATE VIEW open.ntm_results AS
SELECT reg.ntm_results.id, reg.ntm_results.uuid, reg.ntm_results.revision AS revision, reg.ntm_results.updated_at AS updated_at, reg.ntm_results.level AS level, reg.ntm_results.commune_code AS commune_code, reg.ntm_results.commune_name AS commune_name, reg.ntm_results.period AS period, reg.ntm_results.subject AS subject, reg.ntm_results.criteria_met AS criteria_met, reg.ntm_results.decision_number AS decision_number, reg.ntm_results.decided_by AS decided_by, reg.ntm_results.valid_from AS valid_from, reg.ntm_results.valid_to AS valid_to, reg.ntm_results.province_code AS province_code, reg.ntm_results.geom AS geom 
FROM reg.ntm_results;

GRANT SELECT ON open.ntm_results TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.ntm_results_tile AS
SELECT reg.ntm_results_tile.id AS id, reg.ntm_results_tile.level AS level, reg.ntm_results_tile.commune_code AS commune_code, reg.ntm_results_tile.commune_name AS commune_name, reg.ntm_results_tile.period AS period, reg.ntm_results_tile.valid_from AS valid_from, reg.ntm_results_tile.valid_to AS valid_to, reg.ntm_results_tile.size_m AS size_m, reg.ntm_results_tile.point AS point, reg.ntm_results_tile.geom AS geom, reg.ntm_results_tile.geom_mid AS geom_mid, reg.ntm_results_tile.geom_low AS geom_low 
FROM reg.ntm_results_tile;

GRANT SELECT ON open.ntm_results_tile TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.ntm_results_states AS
SELECT reg.ntm_results.id, reg.ntm_results.uuid, reg.ntm_results.revision AS revision, reg.ntm_results.updated_at AS updated_at, reg.ntm_results.level AS level, reg.ntm_results.commune_code AS commune_code, reg.ntm_results.commune_name AS commune_name, reg.ntm_results.period AS period, reg.ntm_results.subject AS subject, reg.ntm_results.criteria_met AS criteria_met, reg.ntm_results.decision_number AS decision_number, reg.ntm_results.decided_by AS decided_by, reg.ntm_results.valid_from AS valid_from, reg.ntm_results.valid_to AS valid_to, reg.ntm_results.province_code AS province_code, reg.ntm_results.geom AS geom, NULL::bigint AS until 
FROM reg.ntm_results UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'level' AS level, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'commune_name' AS commune_name, ops.change.before ->> 'period' AS period, ops.change.before ->> 'subject' AS subject, past.criteria_met AS criteria_met, ops.change.before ->> 'decision_number' AS decision_number, ops.change.before ->> 'decided_by' AS decided_by, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'province_code' AS province_code, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.ntm_results, ops.change.before) AS past 
WHERE ops.change.register = 'ntm_results';

GRANT SELECT ON open.ntm_results_states TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.ntm_results_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'level' AS level, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'commune_name' AS commune_name, ops.change.before ->> 'period' AS period, ops.change.before ->> 'subject' AS subject, past.criteria_met AS criteria_met, ops.change.before ->> 'decision_number' AS decision_number, ops.change.before ->> 'decided_by' AS decided_by, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'province_code' AS province_code, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.ntm_results, ops.change.before) AS past 
WHERE ops.change.register = 'ntm_results';

GRANT SELECT ON open.ntm_results_replaced TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.ntm_results TO bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.ntm_results_tile TO bandoso_worker;

GRANT USAGE, UPDATE ON SEQUENCE reg.ntm_results_id_seq TO bandoso_worker;

GRANT SELECT ON reg.ntm_results TO bandoso_staff;

ALTER TABLE reg.ntm_results ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.ntm_results FOR SELECT TO bandoso_staff USING (ops.in_scope(commune_code));

CREATE POLICY worker ON reg.ntm_results TO bandoso_worker USING (true) WITH CHECK (true);
