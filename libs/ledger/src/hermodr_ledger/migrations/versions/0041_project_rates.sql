-- What each project may have of a provider, for operators.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE provider_limits ADD COLUMN project_rate double precision;  -- calls a second
