-- Points of zoom 14 in the order in which their tiles are read. Filled from the slim copy by whoever settles a load.
CREATE VIEW open.addresses_placed AS
SELECT reg.addresses_placed.tile AS tile, reg.addresses_placed.id AS id, reg.addresses_placed.kind AS kind, reg.addresses_placed.house_number AS house_number, reg.addresses_placed.place AS place 
FROM reg.addresses_placed 
WHERE ((SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point' OR NOT (reg.addresses_placed.kind = 'household'));

GRANT SELECT ON open.addresses_placed TO bandoso_public, bandoso_staff, bandoso_worker;

CREATE VIEW open.addresses_placed_at_all AS
SELECT 1 AS one FROM (SELECT FROM reg.addresses_placed ORDER BY tile, id LIMIT 1) AS found;

GRANT SELECT ON open.addresses_placed_at_all TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_placed TO bandoso_worker;

-- Plans want statistics of what was just derived.
CREATE FUNCTION ops.analyze_derived(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format('ANALYZE reg.%I', wanted);
END
$$;

REVOKE ALL ON FUNCTION ops.analyze_derived(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.analyze_derived(text) TO bandoso_worker;
