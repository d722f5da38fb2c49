-- States of the past are found without making whole rows of their documents: texts, the commune and the revision that
-- made a state are read from the document by themselves, and the latter two have an index.

CREATE INDEX ix_change_feature_uuid ON ops.change (feature_uuid);
CREATE INDEX ix_change_made ON ops.change (register, CAST(before ->> 'revision' AS bigint), feature_id);
CREATE INDEX ix_change_commune ON ops.change (register, (before ->> 'commune_code'), feature_id);

-- The number of the record up to which so many states (of one commune, where one is named) were replaced since a
-- revision; null where there are fewer. It bounds what one page of the past reads.
CREATE FUNCTION open.history_end(named text, after bigint, at bigint, states integer, commune text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF commune IS NULL THEN
        RETURN (
            SELECT feature_id FROM ops.change WHERE register = named AND feature_id > after AND revision > at
            ORDER BY feature_id OFFSET states - 1 LIMIT 1
        );
    END IF;
    RETURN (
        SELECT feature_id FROM ops.change
        WHERE register = named AND before ->> 'commune_code' = commune AND feature_id > after AND revision > at
        ORDER BY feature_id OFFSET states - 1 LIMIT 1
    );
END
$$;
REVOKE ALL ON FUNCTION open.history_end(text, bigint, bigint, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open.history_end(text, bigint, bigint, integer, text)
TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE OR REPLACE VIEW open.addresses_states AS
SELECT reg.addresses.id, reg.addresses.uuid, reg.addresses.revision AS revision, reg.addresses.updated_at AS updated_at, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'digital_address' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS code, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'vpostcode' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS vpostcode, (SELECT reg.address_codes.value 
FROM reg.address_codes 
WHERE reg.address_codes.feature_id = reg.addresses.id AND reg.address_codes.scheme = 'location_id' AND reg.address_codes.status = 'active' ORDER BY reg.address_codes.value 
 LIMIT 1) AS location_id, reg.addresses.kind AS kind, reg.addresses.name AS name, reg.addresses.house_number AS house_number, reg.addresses.alley AS alley, reg.addresses.street AS street, reg.addresses.village AS village, reg.addresses.settlement_kind AS settlement_kind, reg.addresses.commune_code AS commune_code, reg.addresses.province_code AS province_code, reg.addresses.legacy_district AS legacy_district, reg.addresses.postcode AS postcode, reg.addresses.status AS status, reg.addresses.position_method AS position_method, reg.addresses.position_accuracy_m AS position_accuracy_m, reg.addresses.entrances AS entrances, reg.addresses.recorded_on AS recorded_on, reg.addresses.geom AS geom, NULL::bigint AS until 
FROM reg.addresses 
WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR reg.addresses.kind != 'household' UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'digital_address' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS code, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'vpostcode' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS vpostcode, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'location_id' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS location_id, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'name' AS name, ops.change.before ->> 'house_number' AS house_number, ops.change.before ->> 'alley' AS alley, ops.change.before ->> 'street' AS street, ops.change.before ->> 'village' AS village, ops.change.before ->> 'settlement_kind' AS settlement_kind, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, ops.change.before ->> 'legacy_district' AS legacy_district, ops.change.before ->> 'postcode' AS postcode, ops.change.before ->> 'status' AS status, ops.change.before ->> 'position_method' AS position_method, past.position_accuracy_m AS position_accuracy_m, past.entrances AS entrances, past.recorded_on AS recorded_on, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.addresses, ops.change.before) AS past 
WHERE ops.change.register = 'addresses' AND ((SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR ops.change.before ->> 'kind' != 'household');

CREATE OR REPLACE VIEW open.addresses_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'digital_address' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS code, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'vpostcode' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS vpostcode, (SELECT address_codes.value 
FROM jsonb_populate_recordset(NULL::reg.address_codes, nullif(ops.change.before -> 'address_codes', 'null'::jsonb)) AS address_codes 
WHERE address_codes.scheme = 'location_id' AND address_codes.status = 'active' ORDER BY address_codes.value 
 LIMIT 1) AS location_id, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'name' AS name, ops.change.before ->> 'house_number' AS house_number, ops.change.before ->> 'alley' AS alley, ops.change.before ->> 'street' AS street, ops.change.before ->> 'village' AS village, ops.change.before ->> 'settlement_kind' AS settlement_kind, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, ops.change.before ->> 'legacy_district' AS legacy_district, ops.change.before ->> 'postcode' AS postcode, ops.change.before ->> 'status' AS status, ops.change.before ->> 'position_method' AS position_method, past.position_accuracy_m AS position_accuracy_m, past.entrances AS entrances, past.recorded_on AS recorded_on, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.addresses, ops.change.before) AS past 
WHERE ops.change.register = 'addresses' AND ((SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR ops.change.before ->> 'kind' != 'household');

CREATE OR REPLACE VIEW open.communes_states AS
SELECT reg.communes.id, reg.communes.uuid, reg.communes.revision AS revision, reg.communes.updated_at AS updated_at, reg.communes.code AS code, reg.communes.name AS name, reg.communes.full_name AS full_name, reg.communes.name_en AS name_en, reg.communes.kind AS kind, reg.communes.province_code AS province_code, reg.communes.area_km2 AS area_km2, reg.communes.valid_from AS valid_from, reg.communes.valid_to AS valid_to, reg.communes.legal_note AS legal_note, (SELECT json_agg(json_build_object('period', reg.commune_ntm.period, 'level', reg.commune_ntm.level, 'subject', reg.commune_ntm.subject, 'decision_number', reg.commune_ntm.decision_number, 'decided_on', reg.commune_ntm.decided_on) ORDER BY reg.commune_ntm.period, reg.commune_ntm.level) AS json_agg_1 
FROM reg.commune_ntm 
WHERE reg.commune_ntm.feature_id = reg.communes.id) AS ntm_results, reg.communes.geom AS geom, NULL::bigint AS until 
FROM reg.communes UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'province_code' AS province_code, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, (SELECT json_agg(json_build_object('period', commune_ntm.period, 'level', commune_ntm.level, 'subject', commune_ntm.subject, 'decision_number', commune_ntm.decision_number, 'decided_on', commune_ntm.decided_on) ORDER BY commune_ntm.period, commune_ntm.level) AS json_agg_2 
FROM jsonb_populate_recordset(NULL::reg.commune_ntm, nullif(ops.change.before -> 'commune_ntm', 'null'::jsonb)) AS commune_ntm 
WHERE true) AS ntm_results, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.communes, ops.change.before) AS past 
WHERE ops.change.register = 'communes';

CREATE OR REPLACE VIEW open.communes_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'province_code' AS province_code, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, (SELECT json_agg(json_build_object('period', commune_ntm.period, 'level', commune_ntm.level, 'subject', commune_ntm.subject, 'decision_number', commune_ntm.decision_number, 'decided_on', commune_ntm.decided_on) ORDER BY commune_ntm.period, commune_ntm.level) AS json_agg_1 
FROM jsonb_populate_recordset(NULL::reg.commune_ntm, nullif(ops.change.before -> 'commune_ntm', 'null'::jsonb)) AS commune_ntm 
WHERE true) AS ntm_results, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.communes, ops.change.before) AS past 
WHERE ops.change.register = 'communes';

CREATE OR REPLACE VIEW open.growing_areas_states AS
SELECT reg.growing_areas.id, reg.growing_areas.uuid, reg.growing_areas.revision AS revision, reg.growing_areas.updated_at AS updated_at, reg.growing_areas.code AS code, reg.growing_areas.code_raw AS code_raw, reg.growing_areas.name AS name, reg.growing_areas.name_en AS name_en, reg.growing_areas.regime AS regime, reg.growing_areas.status AS status, reg.growing_areas.crop AS crop, reg.growing_areas.crop_latin AS crop_latin, reg.growing_areas.variety AS variety, reg.growing_areas.area_ha AS area_ha, reg.growing_areas.organisation AS organisation, reg.growing_areas.household_count AS household_count, reg.growing_areas.tree_count AS tree_count, reg.growing_areas.expected_yield_t AS expected_yield_t, reg.growing_areas.harvest_months AS harvest_months, reg.growing_areas.certificate AS certificate, reg.growing_areas.certificate_valid_to AS certificate_valid_to, reg.growing_areas.issued_on AS issued_on, reg.growing_areas.decision_number AS decision_number, reg.growing_areas.markets AS markets, reg.growing_areas.inspected_on AS inspected_on, reg.growing_areas.inspection_kind AS inspection_kind, reg.growing_areas.commune_code AS commune_code, reg.growing_areas.province_code AS province_code, reg.growing_areas.boundary_method AS boundary_method, (SELECT json_agg(json_build_object('market', reg.growing_area_markets.market, 'valid_from', reg.growing_area_markets.valid_from, 'valid_to', reg.growing_area_markets.valid_to, 'status', reg.growing_area_markets.status, 'market_code', reg.growing_area_markets.market_code, 'decision_number', reg.growing_area_markets.decision_number) ORDER BY reg.growing_area_markets.market, reg.growing_area_markets.valid_from) AS json_agg_1 
FROM reg.growing_area_markets 
WHERE reg.growing_area_markets.feature_id = reg.growing_areas.id AND (reg.growing_area_markets.status NOT IN ('proposed', 'submitted'))) AS market_registrations, reg.growing_areas.geom AS geom, reg.growing_areas.point AS point, NULL::bigint AS until 
FROM reg.growing_areas 
WHERE (reg.growing_areas.status NOT IN ('proposed', 'submitted')) UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'code_raw' AS code_raw, ops.change.before ->> 'name' AS name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'regime' AS regime, ops.change.before ->> 'status' AS status, ops.change.before ->> 'crop' AS crop, ops.change.before ->> 'crop_latin' AS crop_latin, ops.change.before ->> 'variety' AS variety, past.area_ha AS area_ha, ops.change.before ->> 'organisation' AS organisation, past.household_count AS household_count, past.tree_count AS tree_count, past.expected_yield_t AS expected_yield_t, past.harvest_months AS harvest_months, ops.change.before ->> 'certificate' AS certificate, past.certificate_valid_to AS certificate_valid_to, past.issued_on AS issued_on, ops.change.before ->> 'decision_number' AS decision_number, past.markets AS markets, past.inspected_on AS inspected_on, ops.change.before ->> 'inspection_kind' AS inspection_kind, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, ops.change.before ->> 'boundary_method' AS boundary_method, (SELECT json_agg(json_build_object('market', growing_area_markets.market, 'valid_from', growing_area_markets.valid_from, 'valid_to', growing_area_markets.valid_to, 'status', growing_area_markets.status, 'market_code', growing_area_markets.market_code, 'decision_number', growing_area_markets.decision_number) ORDER BY growing_area_markets.market, growing_area_markets.valid_from) AS json_agg_2 
FROM jsonb_populate_recordset(NULL::reg.growing_area_markets, nullif(ops.change.before -> 'growing_area_markets', 'null'::jsonb)) AS growing_area_markets 
WHERE (growing_area_markets.status NOT IN ('proposed', 'submitted'))) AS market_registrations, past.geom AS geom, past.point AS point, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.growing_areas, ops.change.before) AS past 
WHERE ops.change.register = 'growing_areas' AND (ops.change.before ->> 'status' NOT IN ('proposed', 'submitted'));

CREATE OR REPLACE VIEW open.growing_areas_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'code_raw' AS code_raw, ops.change.before ->> 'name' AS name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'regime' AS regime, ops.change.before ->> 'status' AS status, ops.change.before ->> 'crop' AS crop, ops.change.before ->> 'crop_latin' AS crop_latin, ops.change.before ->> 'variety' AS variety, past.area_ha AS area_ha, ops.change.before ->> 'organisation' AS organisation, past.household_count AS household_count, past.tree_count AS tree_count, past.expected_yield_t AS expected_yield_t, past.harvest_months AS harvest_months, ops.change.before ->> 'certificate' AS certificate, past.certificate_valid_to AS certificate_valid_to, past.issued_on AS issued_on, ops.change.before ->> 'decision_number' AS decision_number, past.markets AS markets, past.inspected_on AS inspected_on, ops.change.before ->> 'inspection_kind' AS inspection_kind, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, ops.change.before ->> 'boundary_method' AS boundary_method, (SELECT json_agg(json_build_object('market', growing_area_markets.market, 'valid_from', growing_area_markets.valid_from, 'valid_to', growing_area_markets.valid_to, 'status', growing_area_markets.status, 'market_code', growing_area_markets.market_code, 'decision_number', growing_area_markets.decision_number) ORDER BY growing_area_markets.market, growing_area_markets.valid_from) AS json_agg_1 
FROM jsonb_populate_recordset(NULL::reg.growing_area_markets, nullif(ops.change.before -> 'growing_area_markets', 'null'::jsonb)) AS growing_area_markets 
WHERE (growing_area_markets.status NOT IN ('proposed', 'submitted'))) AS market_registrations, past.geom AS geom, past.point AS point, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.growing_areas, ops.change.before) AS past 
WHERE ops.change.register = 'growing_areas' AND (ops.change.before ->> 'status' NOT IN ('proposed', 'submitted'));

CREATE OR REPLACE VIEW open.provinces_states AS
SELECT reg.provinces.id, reg.provinces.uuid, reg.provinces.revision AS revision, reg.provinces.updated_at AS updated_at, reg.provinces.code AS code, reg.provinces.name AS name, reg.provinces.full_name AS full_name, reg.provinces.name_en AS name_en, reg.provinces.kind AS kind, reg.provinces.area_km2 AS area_km2, reg.provinces.valid_from AS valid_from, reg.provinces.valid_to AS valid_to, reg.provinces.legal_note AS legal_note, reg.provinces.geom AS geom, NULL::bigint AS until 
FROM reg.provinces UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.provinces, ops.change.before) AS past 
WHERE ops.change.register = 'provinces';

CREATE OR REPLACE VIEW open.provinces_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'full_name' AS full_name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'kind' AS kind, past.area_km2 AS area_km2, past.valid_from AS valid_from, past.valid_to AS valid_to, ops.change.before ->> 'legal_note' AS legal_note, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.provinces, ops.change.before) AS past 
WHERE ops.change.register = 'provinces';

CREATE OR REPLACE VIEW open.tourism_points_states AS
SELECT reg.tourism_points.id, reg.tourism_points.uuid, reg.tourism_points.revision AS revision, reg.tourism_points.updated_at AS updated_at, reg.tourism_points.slug AS slug, reg.tourism_points.name AS name, reg.tourism_points.name_en AS name_en, reg.tourism_points.category AS category, reg.tourism_points.description AS description, reg.tourism_points.description_en AS description_en, reg.tourism_points.organisation AS organisation, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_stars END AS ocop_stars, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_decision END AS ocop_decision, CASE WHEN (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) THEN reg.tourism_points.ocop_valid_to END AS ocop_valid_to, reg.tourism_points.beds AS beds, reg.tourism_points.guests_per_day AS guests_per_day, reg.tourism_points.opening_hours AS opening_hours, reg.tourism_points.season_months AS season_months, reg.tourism_points.festivals AS festivals, reg.tourism_points.price_from_vnd AS price_from_vnd, reg.tourism_points.price_to_vnd AS price_to_vnd, reg.tourism_points.languages AS languages, reg.tourism_points.services AS services, reg.tourism_points.accessibility AS accessibility, reg.tourism_points.road_access AS road_access, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.phone END AS phone, CASE WHEN (reg.tourism_points.contact_consent IS true) THEN reg.tourism_points.zalo END AS zalo, reg.tourism_points.website AS website, reg.tourism_points.booking_url AS booking_url, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_url END AS photo_url, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_credit END AS photo_credit, CASE WHEN (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) THEN reg.tourism_points.photo_licence END AS photo_licence, reg.tourism_points.tour_url AS tour_url, reg.tourism_points.status AS status, reg.tourism_points.verified_on AS verified_on, reg.tourism_points.commune_code AS commune_code, reg.tourism_points.province_code AS province_code, reg.tourism_points.geom AS geom, NULL::bigint AS until 
FROM reg.tourism_points UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'slug' AS slug, ops.change.before ->> 'name' AS name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'category' AS category, ops.change.before ->> 'description' AS description, ops.change.before ->> 'description_en' AS description_en, ops.change.before ->> 'organisation' AS organisation, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN past.ocop_stars END AS ocop_stars, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN ops.change.before ->> 'ocop_decision' END AS ocop_decision, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN past.ocop_valid_to END AS ocop_valid_to, past.beds AS beds, past.guests_per_day AS guests_per_day, ops.change.before ->> 'opening_hours' AS opening_hours, past.season_months AS season_months, ops.change.before ->> 'festivals' AS festivals, past.price_from_vnd AS price_from_vnd, past.price_to_vnd AS price_to_vnd, past.languages AS languages, past.services AS services, ops.change.before ->> 'accessibility' AS accessibility, ops.change.before ->> 'road_access' AS road_access, CASE WHEN (past.contact_consent IS true AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.contact_consent IS true) IS NOT true))) THEN ops.change.before ->> 'phone' END AS phone, CASE WHEN (past.contact_consent IS true AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.contact_consent IS true) IS NOT true))) THEN ops.change.before ->> 'zalo' END AS zalo, ops.change.before ->> 'website' AS website, ops.change.before ->> 'booking_url' AS booking_url, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_url' END AS photo_url, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_credit' END AS photo_credit, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_licence' END AS photo_licence, ops.change.before ->> 'tour_url' AS tour_url, ops.change.before ->> 'status' AS status, past.verified_on AS verified_on, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.tourism_points, ops.change.before) AS past 
WHERE ops.change.register = 'tourism_points';

CREATE OR REPLACE VIEW open.tourism_points_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'slug' AS slug, ops.change.before ->> 'name' AS name, ops.change.before ->> 'name_en' AS name_en, ops.change.before ->> 'category' AS category, ops.change.before ->> 'description' AS description, ops.change.before ->> 'description_en' AS description_en, ops.change.before ->> 'organisation' AS organisation, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN past.ocop_stars END AS ocop_stars, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN ops.change.before ->> 'ocop_decision' END AS ocop_decision, CASE WHEN (past.ocop_valid_to >= CURRENT_DATE AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.ocop_valid_to >= CURRENT_DATE) IS NOT true))) THEN past.ocop_valid_to END AS ocop_valid_to, past.beds AS beds, past.guests_per_day AS guests_per_day, ops.change.before ->> 'opening_hours' AS opening_hours, past.season_months AS season_months, ops.change.before ->> 'festivals' AS festivals, past.price_from_vnd AS price_from_vnd, past.price_to_vnd AS price_to_vnd, past.languages AS languages, past.services AS services, ops.change.before ->> 'accessibility' AS accessibility, ops.change.before ->> 'road_access' AS road_access, CASE WHEN (past.contact_consent IS true AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.contact_consent IS true) IS NOT true))) THEN ops.change.before ->> 'phone' END AS phone, CASE WHEN (past.contact_consent IS true AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.contact_consent IS true) IS NOT true))) THEN ops.change.before ->> 'zalo' END AS zalo, ops.change.before ->> 'website' AS website, ops.change.before ->> 'booking_url' AS booking_url, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_url' END AS photo_url, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_credit' END AS photo_credit, CASE WHEN (ops.change.before ->> 'photo_credit' IS NOT NULL AND ops.change.before ->> 'photo_licence' IS NOT NULL AND NOT (EXISTS (SELECT * 
FROM reg.tourism_points 
WHERE reg.tourism_points.id = past.id AND (reg.tourism_points.photo_credit IS NOT NULL AND reg.tourism_points.photo_licence IS NOT NULL) IS NOT true))) THEN ops.change.before ->> 'photo_licence' END AS photo_licence, ops.change.before ->> 'tour_url' AS tour_url, ops.change.before ->> 'status' AS status, past.verified_on AS verified_on, ops.change.before ->> 'commune_code' AS commune_code, ops.change.before ->> 'province_code' AS province_code, past.geom AS geom, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.tourism_points, ops.change.before) AS past 
WHERE ops.change.register = 'tourism_points';

CREATE OR REPLACE VIEW open.villages_states AS
SELECT reg.villages.id, reg.villages.uuid, reg.villages.revision AS revision, reg.villages.updated_at AS updated_at, reg.villages.code AS code, reg.villages.name AS name, reg.villages.kind AS kind, reg.villages.commune_code AS commune_code, reg.villages.household_count AS household_count, reg.villages.household_count_on AS household_count_on, reg.villages.household_count_source AS household_count_source, reg.villages.population AS population, reg.villages.geom AS geom, reg.villages.point AS point, NULL::bigint AS until 
FROM reg.villages UNION ALL SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'commune_code' AS commune_code, past.household_count AS household_count, past.household_count_on AS household_count_on, ops.change.before ->> 'household_count_source' AS household_count_source, past.population AS population, past.geom AS geom, past.point AS point, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.villages, ops.change.before) AS past 
WHERE ops.change.register = 'villages';

CREATE OR REPLACE VIEW open.villages_replaced AS
SELECT ops.change.feature_id AS id, ops.change.feature_uuid AS uuid, CAST(ops.change.before ->> 'revision' AS BIGINT) AS revision, past.updated_at AS updated_at, ops.change.before ->> 'code' AS code, ops.change.before ->> 'name' AS name, ops.change.before ->> 'kind' AS kind, ops.change.before ->> 'commune_code' AS commune_code, past.household_count AS household_count, past.household_count_on AS household_count_on, ops.change.before ->> 'household_count_source' AS household_count_source, past.population AS population, past.geom AS geom, past.point AS point, ops.change.revision AS until 
FROM ops.change, jsonb_populate_record(NULL::reg.villages, ops.change.before) AS past 
WHERE ops.change.register = 'villages';
