-- A bulk load ends as before, but for two things that nobody has to wait for before the records are there: statistics,
-- and the check that the parts of a record (its codes, lists and private data) are those of a record. Both were written
-- from the same staged rows. `ops.settle_bulk_load` does them right after the commit; until then the key holds for
-- whatever is written anew.
CREATE OR REPLACE FUNCTION ops.end_bulk_load(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT statement FROM ops.set_aside WHERE table_name = wanted AND step < 4 ORDER BY step LOOP
        EXECUTE regexp_replace(found.statement, ' ON DELETE CASCADE$', ' ON DELETE CASCADE NOT VALID');
    END LOOP;
    DELETE FROM ops.set_aside WHERE table_name = wanted;
    INSERT INTO ops.set_aside VALUES (wanted, 4, format('ANALYZE reg.%I', wanted));
END
$$;

-- Whoever deletes the rows does what they say; others wait for that and find none. Plans want statistics first.
CREATE FUNCTION ops.settle_bulk_load() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    found record;
BEGIN
    FOR found IN DELETE FROM ops.set_aside WHERE step = 4 RETURNING statement LOOP
        EXECUTE found.statement;
    END LOOP;
    FOR found IN
        SELECT conrelid::regclass AS part, conname AS name FROM pg_constraint
        WHERE contype = 'f' AND NOT convalidated AND connamespace = 'reg'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', found.part, found.name);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ops.settle_bulk_load() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.settle_bulk_load() TO bandoso_worker;
