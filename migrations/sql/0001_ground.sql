-- Schemas, roles and the functions that everything else stands on.

CREATE SCHEMA IF NOT EXISTS reg;
CREATE SCHEMA IF NOT EXISTS ops;
CREATE SCHEMA open;
CREATE SCHEMA staging;

-- Roles belong to the whole server, so several databases (and a test run) may find them there already.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['bandoso_public', 'bandoso_staff', 'bandoso_worker', 'bandoso_auditor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA reg, ops, open, staging FROM PUBLIC;
GRANT USAGE ON SCHEMA open TO bandoso_public, bandoso_staff, bandoso_worker;
GRANT USAGE ON SCHEMA reg TO bandoso_staff, bandoso_worker;
GRANT USAGE ON SCHEMA ops TO bandoso_staff, bandoso_worker, bandoso_auditor;
GRANT USAGE, CREATE ON SCHEMA staging TO bandoso_worker;

-- Whether the actor of this transaction is responsible for a commune. `*` means all of them.
CREATE FUNCTION ops.in_scope(commune text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('bandoso.communes', true) = '*'
        OR commune = ANY (string_to_array(current_setting('bandoso.communes', true), ','))
$$;

-- Text as search compares it: no accents, no case, đ as d, single blanks between words.
CREATE FUNCTION ops.search_key(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT btrim(regexp_replace(
        lower(public.unaccent('public.unaccent'::regdictionary, normalize($1, NFC))), '[^a-z0-9]+', ' ', 'g'))
$$;

CREATE FUNCTION ops.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
END
$$;

-- An empty register is loaded without its indexes, which are built afterwards: three times faster than row by row.
-- Only the names of tables in schema reg are accepted, and only empty ones, so nobody can be kept waiting for data.
CREATE TABLE ops.dropped_index (table_name text NOT NULL, definition text NOT NULL);

CREATE FUNCTION ops.begin_bulk_load(wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    found record;
    filled boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM reg.%I)', wanted) INTO filled;
    IF filled THEN
        RETURN false;
    END IF;
    FOR found IN
        SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index i
        WHERE i.indrelid = format('reg.%I', wanted)::regclass
            AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    LOOP
        INSERT INTO ops.dropped_index VALUES (wanted, found.definition);
        EXECUTE format('DROP INDEX %s', found.name);
    END LOOP;
    RETURN true;
END
$$;

CREATE FUNCTION ops.end_bulk_load(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    found record;
BEGIN
    FOR found IN DELETE FROM ops.dropped_index WHERE table_name = wanted RETURNING definition LOOP
        EXECUTE found.definition;
    END LOOP;
    EXECUTE format('ANALYZE reg.%I', wanted);
END
$$;

REVOKE ALL ON FUNCTION ops.begin_bulk_load(text), ops.end_bulk_load(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.begin_bulk_load(text), ops.end_bulk_load(text) TO bandoso_worker;
