-- Results stood beside communes before.
DROP VIEW open.communes, open.communes_states, open.communes_replaced;

CREATE TABLE reg.commune_ntm (
    feature_id bigint NOT NULL,
    period text NOT NULL,
    level text NOT NULL,
    subject text,
    decision_number text,
    decided_on date,
    CONSTRAINT pk_commune_ntm PRIMARY KEY (feature_id, period, level),
    CONSTRAINT fk_commune_ntm_feature_id FOREIGN KEY (feature_id) REFERENCES reg.communes (id) ON DELETE CASCADE
);

COMMENT ON TABLE reg.commune_ntm IS 'New Rural Development results of communes';

COMMENT ON COLUMN reg.commune_ntm.period IS 'First and last year, as 2021-2025';

COMMENT ON COLUMN reg.commune_ntm.subject IS 'Of a model commune: the subject it excels in';

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.commune_ntm TO bandoso_worker;

GRANT SELECT ON reg.commune_ntm TO bandoso_staff;

ALTER TABLE reg.commune_ntm ENABLE ROW LEVEL SECURITY;

CREATE POLICY staff ON reg.commune_ntm FOR SELECT TO bandoso_staff USING (EXISTS (SELECT 1 FROM reg.communes f WHERE f.id = feature_id));

CREATE POLICY worker ON reg.commune_ntm TO bandoso_worker USING (true) WITH CHECK (true);

CREATE VIEW open.communes AS
SELECT reg.communes.id, reg.communes.uuid, reg.communes.revision AS revision, reg.communes.updated_at AS updated_at, reg.communes.code AS code, reg.communes.name AS name, reg.communes.full_name AS full_name, reg.communes.name_en AS name_en, reg.communes.kind AS kind, reg.communes.province_code AS province_code, reg.communes.area_km2 AS area_km2, reg.communes.valid_from AS valid_from, reg.communes.valid_to AS valid_to, reg.communes.legal_note AS legal_note, (SELECT json_agg(json_build_object('period', reg.commune_ntm.period, 'level', reg.commune_ntm.level, 'subject', reg.commune_ntm.subject, 'decision_number', reg.commune_ntm.decision_number, 'decided_on', reg.commune_ntm.decided_on) ORDER BY reg.commune_ntm.period, reg.commune_ntm.level) AS json_agg_1 
FROM reg.commune_ntm 
WHERE reg.commune_ntm.feature_id = reg.communes.id) AS ntm_results, reg.communes.geom AS geom 
FROM reg.communes;

GRANT SELECT ON open.communes TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.communes_states AS
SELECT reg.communes.id, reg.communes.uuid, reg.communes.revision AS revision, reg.communes.updated_at AS updated_at, reg.communes.code AS code, reg.communes.name AS name, reg.communes.full_name AS full_name, reg.communes.name_en AS name_en, reg.communes.kind AS kind, reg.communes.province_code AS province_code, reg.communes.area_km2 AS area_km2, reg.communes.valid_from AS valid_from, reg.communes.valid_to AS valid_to, reg.communes.legal_note AS legal_note, (SELECT json_agg(json_build_object('period', reg.commune_ntm.period, 'level', reg.commune_ntm.level, 'subject', reg.commune_ntm.subject, 'decision_number', reg.commune_ntm.decision_number, 'decided_on', reg.commune_ntm.decided_on) ORDER BY reg.commune_ntm.period, reg.commune_ntm.level) AS json_agg_1 
FROM reg.commune_ntm 
WHERE reg.commune_ntm.feature_id = reg.communes.id) AS ntm_results, reg.communes.geom AS geom, NULL::bigint AS until 
FROM reg.communes UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'province_code' AS province_code, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, (SELECT json_agg(json_build_object('period', commune_ntm.period, 'level', commune_ntm.level, 'subject', commune_ntm.subject, 'decision_number', commune_ntm.decision_number, 'decided_on', commune_ntm.decided_on) ORDER BY commune_ntm.period, commune_ntm.level) AS json_agg_2 
FROM jsonb_populate_recordset(NULL::reg.commune_ntm, nullif(ops.change.before -> 'commune_ntm', 'null'::jsonb)) AS commune_ntm 
WHERE true) AS ntm_results, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.communes, ops.change.before) AS past 
WHERE ops.change.register = 'communes';

GRANT SELECT ON open.communes_states TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.communes_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'province_code' AS province_code, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, (SELECT json_agg(json_build_object('period', commune_ntm.period, 'level', commune_ntm.level, 'subject', commune_ntm.subject, 'decision_number', commune_ntm.decision_number, 'decided_on', commune_ntm.decided_on) ORDER BY commune_ntm.period, commune_ntm.level) AS json_agg_1 
FROM jsonb_populate_recordset(NULL::reg.commune_ntm, nullif(ops.change.before -> 'commune_ntm', 'null'::jsonb)) AS commune_ntm 
WHERE true) AS ntm_results, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.communes, ops.change.before) AS past 
WHERE ops.change.register = 'communes';

GRANT SELECT ON open.communes_replaced TO bandoso_public, bandoso_staff, bandoso_worker;
