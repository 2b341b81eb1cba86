-- The revision that code has to know at least, to run on this schema. Migrations add, so it stays; one that takes away
-- what the release before uses raises it: UPDATE hermodr.schema_version SET usable_from = '…'.
ALTER TABLE hermodr.schema_version ADD COLUMN usable_from text NOT NULL DEFAULT '0093';
