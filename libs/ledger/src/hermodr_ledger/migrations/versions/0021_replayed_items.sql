-- Which jobs a bulk request asked for that were there already: it is finished when they are.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE batches ADD COLUMN replayed uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN batches.replayed IS 'Jobs of earlier requests that its repeated items stand for, an entry an item.';
