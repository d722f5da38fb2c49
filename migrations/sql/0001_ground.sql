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
        -- From version 16 on, whoever makes a role may give it away but not take it on; before, being a member is enough.
        IF current_setting('server_version_num')::int >= 160000 OR NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
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

-- An empty register is loaded without its indexes and constraints, which are built and checked afterwards: three
-- times faster than row by row. Only the names of tables in schema reg are accepted, and only empty ones, so nobody
-- can be kept waiting for data.
CREATE TABLE ops.set_aside (
    table_name text NOT NULL,
    step int NOT NULL,
    statement text NOT NULL
);

CREATE FUNCTION ops.begin_bulk_load(wanted text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    whole regclass := format('reg.%I', wanted)::regclass;
    found record;
    is_filled boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', whole) INTO is_filled;
    IF is_filled THEN
        RETURN false;
    END IF;
    -- Rows may have come while the lock was waited for.
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', whole);
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', whole) INTO is_filled;
    IF is_filled THEN
        RETURN false;
    END IF;
    -- Foreign keys go first and come back last; a key that another table refers to stays.
    FOR found IN
        SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS definition, c.contype = 'f' AS is_foreign
        FROM pg_constraint c
        WHERE c.conrelid = whole AND c.contype IN ('f', 'p', 'u')
            AND (c.contype = 'f'
                OR NOT EXISTS (SELECT 1 FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid))
        ORDER BY c.contype
    LOOP
        INSERT INTO ops.set_aside VALUES (
            wanted, CASE WHEN found.is_foreign THEN 3 ELSE 1 END,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', whole, found.name, found.definition));
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', whole, found.name);
    END LOOP;
    FOR found IN
        SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index i
        WHERE i.indrelid = whole AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    LOOP
        INSERT INTO ops.set_aside VALUES (wanted, 2, found.definition);
        EXECUTE format('DROP INDEX %s', found.name);
    END LOOP;
    -- What is written to a table after TRUNCATE in the same transaction needs no log of its own under wal_level=minimal.
    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = whole) THEN
        EXECUTE format('TRUNCATE %s', whole);
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION ops.end_bulk_load(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT statement FROM ops.set_aside WHERE table_name = wanted ORDER BY step LOOP
        EXECUTE found.statement;
    END LOOP;
    DELETE FROM ops.set_aside WHERE table_name = wanted;
    EXECUTE format('ANALYZE reg.%I', wanted);
END
$$;


-- A first load fills the stamps of thousands of tiles; until they are counted, the planner takes the wrong index.
CREATE FUNCTION ops.analyze_tile_stamps() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    ANALYZE ops.tile_stamp;
END
$$;

REVOKE ALL ON FUNCTION ops.begin_bulk_load(text), ops.end_bulk_load(text), ops.analyze_tile_stamps() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.begin_bulk_load(text), ops.end_bulk_load(text), ops.analyze_tile_stamps() TO bandoso_worker;
