-- What becomes of each record. Its parts are its columns, what lies beside it by table, and its place as one: the
-- commune goes with the geometry. A part that only the undone revision changed gets its value back; one that is
-- another since then is left, and named.
WITH value AS (
    SELECT u.id, name, u.before -> name AS b, u.after -> name AS a, u.live -> name AS l,
        CASE WHEN name = ANY (CAST(:place AS text[])) THEN 'place' ELSE name END AS part
    FROM undo u CROSS JOIN LATERAL (
        SELECT jsonb_object_keys(u.before) UNION SELECT jsonb_object_keys(u.after)
        UNION SELECT jsonb_object_keys(u.live)
    ) k (name)
    WHERE u.action IS NULL AND NOT u.is_removed AND name <> ALL (CAST(:engine AS text[])) AND (u.knows_private OR name <> ALL (CAST(:private AS text[])))
), change AS (
    SELECT id, name, b, a IS DISTINCT FROM l AS is_later, b IS DISTINCT FROM a AS is_changed,
        b IS DISTINCT FROM l AS differs, bool_or(a IS DISTINCT FROM l) OVER (PARTITION BY id, part) AS is_another
    FROM value
), change_of AS (
    SELECT id, bool_or(is_later) AS is_another, bool_or(is_changed AND NOT is_another) AS is_restored,
        array_agg(name ORDER BY name) FILTER (WHERE is_changed) AS changed,
        array_agg(name ORDER BY name) FILTER (WHERE is_later) AS later,
        array_agg(name ORDER BY name) FILTER (WHERE is_changed AND is_another AND differs) AS left_alone,
        jsonb_object_agg(name, b) FILTER (WHERE is_changed AND NOT is_another) AS given
    FROM change GROUP BY id
), verdict AS (
    SELECT u.id, c.given,
        CASE
            WHEN u.is_removed THEN CASE WHEN u.live IS NULL THEN 'insert' END
            WHEN u.live IS NULL THEN NULL
            WHEN u.before IS NULL THEN CASE WHEN NOT c.is_another THEN 'remove' END
            WHEN c.is_restored THEN 'restore'
        END AS action,
        CASE
            WHEN u.is_removed OR (u.before IS NULL AND u.live IS NULL) THEN NULL
            WHEN u.before IS NULL THEN c.later
            WHEN u.live IS NULL THEN c.changed
            ELSE c.left_alone
        END AS fields
    FROM undo u LEFT JOIN change_of c USING (id)
    WHERE u.action IS NULL
)
UPDATE undo SET action = v.action, fields = coalesce(v.fields, '{}'),
    wanted = CASE v.action WHEN 'insert' THEN undo.before WHEN 'restore' THEN undo.live || v.given END
FROM verdict v WHERE v.id = undo.id
