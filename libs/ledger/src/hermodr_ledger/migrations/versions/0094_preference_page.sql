-- The page behind links in mails: how a project looks there, what its types are called, and from when on links hold.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE projects ADD COLUMN brand jsonb;                     -- {"name", "color", "logo"}
ALTER TABLE templates ADD COLUMN labels jsonb;                   -- by locale: {"title", "category", "description"}
ALTER TABLE recipients ADD COLUMN links_valid_from timestamptz;  -- links in mails that were wanted earlier do not hold
