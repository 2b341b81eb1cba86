-- A bulk action does not look at the same jobs for ever.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE bulk_actions ADD COLUMN looks integer NOT NULL DEFAULT 0;  -- at the jobs after `after`, in vain
