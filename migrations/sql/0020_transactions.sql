-- Revisions get a number over all registers, in the order of their commits: given when the commit begins, under a
-- lock that the commit releases.

CREATE FUNCTION ops.number_transaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('bandoso transaction'), 0);
    -- A statement of its own: it sees what was committed while this one waited.
    UPDATE ops.revision
    SET transaction = (SELECT coalesce(max(r.transaction), 0) + 1 FROM ops.revision r),
        -- Of several in one transaction it is known after the last alone.
        last_id = CASE WHEN NOT EXISTS (
            SELECT FROM ops.revision later WHERE later.register = NEW.register AND later.number > NEW.number
        ) THEN coalesce(pg_sequence_last_value(to_regclass(format('reg.%I', NEW.register || '_id_seq'))), 0) END
    WHERE register = NEW.register AND number = NEW.number;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION ops.number_transaction() FROM PUBLIC;

UPDATE ops.revision SET transaction = numbered.transaction
FROM (
    SELECT register, number, row_number() OVER (ORDER BY published_at, register, number) AS transaction
    FROM ops.revision
) numbered
WHERE numbered.register = revision.register AND numbered.number = revision.number;

UPDATE ops.revision SET kind = 'policy' WHERE note = 'Vẽ lại bản đồ theo chính sách công bố mới' AND author = 'system';

CREATE CONSTRAINT TRIGGER number_transaction AFTER INSERT ON ops.revision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ops.number_transaction();

CREATE OR REPLACE VIEW open.revision AS
SELECT register, number, published_at, added, changed, removed, author = 'sample' AS is_sample,
    transaction, kind = 'policy' AS is_reset, communes
FROM ops.revision;

-- Which records a revision touched, by their numbers from one on: those that are not public among them, of which the
-- views tell nothing. Each way goes along an index. What it added and nobody changed since has no line in the history;
-- the register gave these the numbers that follow on those of the revision before. An undoing puts records back under
-- numbers that they had, and of old revisions it was not noted.
CREATE FUNCTION open.touched_ids(named text, asked bigint, after bigint, most integer) RETURNS SETOF bigint
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
REVOKE ALL ON FUNCTION open.touched_ids(text, bigint, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open.touched_ids(text, bigint, bigint, integer)
TO bandoso_public, bandoso_staff, bandoso_worker;
