-- What a version of a template needs, found when it is published.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE template_contents
    ADD COLUMN required text,                  -- names of the data, `name order.number`; NULL: published before they were kept
    ADD COLUMN reads_recipient boolean NOT NULL DEFAULT false;
