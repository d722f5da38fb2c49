-- Search, and the look-up of one address by its code.

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.search_entry TO bandoso_worker;

CREATE VIEW open.search_entry AS
SELECT register, feature_id, feature_uuid, label, code, key, commune_code, point FROM reg.search_entry;
GRANT SELECT ON open.search_entry TO bandoso_public, bandoso_staff;

-- An address found by its exact code, also where the policy shows no household in lists and tiles.
-- Under `aggregate` nothing of a household is ever shown.
CREATE FUNCTION open.find_address(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT a.uuid
    FROM reg.address_codes c JOIN reg.addresses a ON a.id = c.feature_id
    WHERE c.value = wanted AND c.status = 'active'
        AND (a.kind <> 'household' OR (SELECT policy FROM open.publication_policy) IN ('code_point', 'lookup'))
    LIMIT 1
$$;

CREATE FUNCTION open.address_card(wanted uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT jsonb_build_object(
        'type', 'Feature', 'id', a.uuid, 'geometry', ST_AsGeoJSON(a.geom, 7)::jsonb,
        'properties', jsonb_build_object(
            'code', (SELECT c.value FROM reg.address_codes c WHERE c.feature_id = a.id
                     AND c.scheme = 'digital_address' AND c.status = 'active' LIMIT 1),
            'kind', a.kind, 'house_number', a.house_number, 'village', a.village,
            'commune_code', a.commune_code, 'province_code', a.province_code))
    FROM reg.addresses a
    WHERE a.uuid = wanted
        AND (a.kind <> 'household' OR (SELECT policy FROM open.publication_policy) IN ('code_point', 'lookup'))
$$;
REVOKE ALL ON FUNCTION open.find_address(text), open.address_card(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open.find_address(text), open.address_card(uuid) TO bandoso_public, bandoso_staff;
