-- What migration 0026 replaced.

DROP VIEW open.erasure;
CREATE OR REPLACE FUNCTION open.touched_ids(named text, asked bigint, after bigint, most integer) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 100 AS $$
DECLARE
    made ops.revision;
    lowest bigint;
BEGIN
    SELECT * INTO made FROM ops.revision WHERE register = named AND number = asked;
    IF made.transaction IS NULL THEN
        RETURN;
    END IF;
    SELECT last_id INTO lowest FROM ops.revision WHERE register = named AND number = asked - 1;
    IF made.kind = 'undo' THEN
        lowest := 0;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT id FROM ('
        '(SELECT feature_id AS id FROM ops.change WHERE register = $1 AND revision = $2 AND feature_id > $3 '
        'ORDER BY feature_id LIMIT $4) UNION '
        '(SELECT feature_id FROM ops.change WHERE register = $1 AND (before ->> ''revision'')::bigint = $2 '
        'AND feature_id > $3 ORDER BY feature_id LIMIT $4) UNION '
        '(SELECT id FROM reg.%I WHERE $7 AND revision = $2 AND id > greatest($3, $5) AND id <= $6 '
        'ORDER BY id LIMIT $4)) touched ORDER BY id LIMIT $4', named
    ) USING named, asked, after, most, coalesce(lowest, 0),
        coalesce(made.last_id, 9223372036854775807), made.added > 0;
END
$$;

DROP TRIGGER append_only ON ops.change;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.change
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
DROP FUNCTION ops.refuse_change_of_history;
