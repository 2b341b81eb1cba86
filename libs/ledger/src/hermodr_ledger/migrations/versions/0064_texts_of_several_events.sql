-- Which texts show several events: only then may a cap gather what exceeds it in one message.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE template_contents
    ADD COLUMN reads_items boolean;            -- reads `items` or `total`; NULL: published before it was kept
