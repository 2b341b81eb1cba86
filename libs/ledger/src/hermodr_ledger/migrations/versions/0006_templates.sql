-- What templates need beside their texts.

SET LOCAL search_path = hermodr, pg_catalog;
