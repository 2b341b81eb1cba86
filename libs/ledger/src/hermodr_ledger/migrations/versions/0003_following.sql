-- What listing and counting jobs needs.

SET LOCAL search_path = hermodr, pg_catalog;
