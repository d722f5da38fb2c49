-- A record can be erased with its history: what was noted as erased may be taken out of it, by the owner.

CREATE FUNCTION ops.refuse_change_of_history() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM ops.erasure WHERE register = OLD.register AND feature_id = OLD.feature_id
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
END
$$;
DROP TRIGGER append_only ON ops.change;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.change
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change_of_history();

CREATE VIEW open.erasure AS
SELECT register, revision, feature_id AS id, feature_uuid AS uuid, unit FROM ops.erasure WHERE was_public;
GRANT SELECT ON open.erasure TO bandoso_public, bandoso_staff, bandoso_worker;

-- As before, and what a revision erased: of that there is no line in the history any more.
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
    IF made.kind = 'erasure' THEN
        RETURN QUERY SELECT feature_id FROM ops.erasure
        WHERE register = named AND revision = asked AND feature_id > after ORDER BY feature_id LIMIT most;
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
