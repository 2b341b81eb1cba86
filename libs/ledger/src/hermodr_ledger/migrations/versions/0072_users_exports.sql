-- Whether exports for end users hold contents.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE projects ADD COLUMN users_export_contents boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN projects.users_export_contents IS 'Whether exports that end users make hold bodies and data.';
