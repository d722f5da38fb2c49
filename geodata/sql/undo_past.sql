-- What each record was before the revision that is undone, and right after it. `before` null: the revision added it;
-- `after` null: it removed it. What is private stands with the rest as long as it is known for both; else it is taken
-- for unchanged.
INSERT INTO undo (id, uuid, is_removed, before)
SELECT c.feature_id, c.feature_uuid, c.operation = 'D', c.before || coalesce(p.before, '{}')
FROM ops.change c LEFT JOIN ops.change_private p USING (register, revision, feature_id)
WHERE c.register = :register AND c.revision = :undone
UNION ALL
SELECT c.feature_id, c.feature_uuid, false, NULL
FROM ops.change c
WHERE c.register = :register AND c.revision > :undone AND (c.before ->> 'revision')::bigint = :undone
    AND NOT EXISTS (
        SELECT FROM ops.change o
        WHERE o.register = :register AND o.revision = :undone AND o.feature_id = c.feature_id)
