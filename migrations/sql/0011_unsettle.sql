-- The end of a bulk load as it was before 0011.
SELECT ops.settle_bulk_load();
DROP FUNCTION ops.settle_bulk_load();
CREATE OR REPLACE FUNCTION ops.end_bulk_load(wanted text) RETURNS void
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
