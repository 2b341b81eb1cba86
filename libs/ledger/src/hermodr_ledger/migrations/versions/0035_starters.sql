-- Templates that came with the project.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE templates
    ADD COLUMN starter boolean NOT NULL DEFAULT false;  -- it came with the project, and nobody has changed it
