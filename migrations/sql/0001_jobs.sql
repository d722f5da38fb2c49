-- The queue's tables are used by the service (which defers jobs) and by the workers.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'ops' AND tablename LIKE 'procrastinate%' LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ops.%I TO bandoso_staff, bandoso_worker', found.tablename);
    END LOOP;
    FOR found IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'ops' AND sequencename LIKE 'procrastinate%' LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE ops.%I TO bandoso_staff, bandoso_worker', found.sequencename);
    END LOOP;
END
$$;
