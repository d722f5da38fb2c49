-- The records that a revision touched, and what is to become of each.
CREATE TEMP TABLE undo (
    id bigint PRIMARY KEY,
    uuid uuid NOT NULL,
    is_removed boolean NOT NULL,
    before jsonb,
    after jsonb,
    live jsonb,
    knows_private boolean NOT NULL DEFAULT true,
    wanted jsonb,
    action text,
    fields text[] NOT NULL DEFAULT '{}'
) ON COMMIT DROP
