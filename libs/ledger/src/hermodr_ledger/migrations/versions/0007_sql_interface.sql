-- The functions and views for callers who speak SQL.

SET LOCAL search_path = hermodr, pg_catalog;
