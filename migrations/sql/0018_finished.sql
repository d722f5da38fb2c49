-- Finished layers of tiles with counts, read whole by the public. Made of the counts by whoever settles what is published.
CREATE VIEW open.addresses_finished AS
SELECT z, x, y, drawing, mvt FROM reg.addresses_finished WHERE policy = (SELECT value FROM ops.setting WHERE name = 'publication_policy');

GRANT SELECT ON open.addresses_finished TO bandoso_public, bandoso_staff, bandoso_worker;

ALTER TABLE reg.addresses_finished ALTER COLUMN mvt SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE, DELETE ON reg.addresses_finished TO bandoso_worker;

-- What was counted before is still to be made.
INSERT INTO reg.addresses_finished (z, x, y) SELECT DISTINCT z, x, y FROM reg.addresses_grid;
