-- Where the features are that are written out, as the slim copy has it.
ALTER TABLE reg.addresses_written ADD COLUMN place point;

COMMENT ON COLUMN reg.addresses_written.place IS 'EPSG:3857';

UPDATE reg.addresses_written w SET place = slim.point::point FROM reg.addresses_tile slim WHERE slim.id = w.id;

-- Written out are all or none: were one without a place, the next load that is settled would write all anew.
DELETE FROM reg.addresses_written WHERE EXISTS (SELECT FROM reg.addresses_written WHERE place IS NULL);

ALTER TABLE reg.addresses_written ALTER COLUMN place SET NOT NULL;

CREATE INDEX idx_addresses_written_place ON reg.addresses_written USING gist (place) INCLUDE (id);

CREATE OR REPLACE VIEW open.addresses_written AS
SELECT id, feature, place FROM reg.addresses_written WHERE (SELECT value FROM ops.setting WHERE name = 'publication_policy') = 'code_point';
