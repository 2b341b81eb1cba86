-- Pauses, dead letters replayed, the audit log.

SET LOCAL search_path = hermodr, pg_catalog;
