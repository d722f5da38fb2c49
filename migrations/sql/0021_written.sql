-- Features as the text that goes out. Filled by whoever settles a load; shown where the policy guards nothing.
CREATE VIEW open.addresses_written AS
SELECT id, feature FROM reg.addresses_written WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point';

GRANT SELECT ON open.addresses_written TO bandoso_public, bandoso_staff, bandoso_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_written TO bandoso_worker;
