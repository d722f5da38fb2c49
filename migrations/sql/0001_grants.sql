-- Who may do what with the tables of schema ops. No role but the owner changes history or the audit.

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.change
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ops.change
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.audit
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ops.audit
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

GRANT SELECT, INSERT ON ops.revision, ops.change TO bandoso_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.tile_stamp TO bandoso_worker;
GRANT SELECT, INSERT, UPDATE ON ops.upload TO bandoso_worker, bandoso_staff;
GRANT SELECT ON ops.setting TO bandoso_worker, bandoso_staff;
GRANT SELECT, INSERT ON ops.audit TO bandoso_staff, bandoso_worker;
GRANT SELECT ON ops.audit, ops.revision, ops.change TO bandoso_auditor;
GRANT SELECT ON ops.revision TO bandoso_staff;
GRANT SELECT ON ops.account, ops.account_scope TO bandoso_staff, bandoso_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.sign_in TO bandoso_staff;
GRANT SELECT, UPDATE ON ops.api_key TO bandoso_staff;

INSERT INTO ops.setting (name, value) VALUES ('publication_policy', 'aggregate');

-- What the public may know about versions: no authors, no notes.
CREATE VIEW open.revision AS
SELECT register, number, published_at, added, changed, removed, author = 'sample' AS is_sample FROM ops.revision;
CREATE VIEW open.tile_stamp AS
SELECT layer, z, x, y, revision FROM ops.tile_stamp;
CREATE VIEW open.publication_policy AS
SELECT value AS policy FROM ops.setting WHERE name = 'publication_policy';
GRANT SELECT ON open.revision, open.tile_stamp, open.publication_policy
    TO bandoso_public, bandoso_staff, bandoso_worker;
