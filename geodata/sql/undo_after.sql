-- The state right after the revision: what the record's next change replaced, else what it is now.
UPDATE undo SET
    after = coalesce(later.before, undo.live),
    knows_private = coalesce(later.knows, true) AND (
        undo.before IS NULL OR EXISTS (
            SELECT FROM ops.change_private p
            WHERE p.register = :register AND p.revision = :undone AND p.feature_id = undo.id))
FROM undo u LEFT JOIN LATERAL (
    SELECT c.before || coalesce(p.before, '{}') AS before, p.feature_id IS NOT NULL AS knows
    FROM ops.change c LEFT JOIN ops.change_private p USING (register, revision, feature_id)
    WHERE c.register = :register AND c.feature_id = u.id AND c.revision > :undone
    ORDER BY c.revision LIMIT 1
) later ON true
WHERE undo.id = u.id AND NOT undo.is_removed AND undo.action IS NULL
