-- Functions that run as their owner look up nothing of their callers'.

ALTER FUNCTION hermodr.pseudonymise_audit_log(uuid, text, text) SET search_path = hermodr, pg_catalog, pg_temp;
