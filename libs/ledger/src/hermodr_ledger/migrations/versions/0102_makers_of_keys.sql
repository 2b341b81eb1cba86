-- Who made a key: its maker may have left since, and with them their right to one.

SET LOCAL search_path = hermodr, pg_catalog;

-- The kind as `actor` of the audit log; not known of keys of before. A person is the issuer and their subject there,
-- which stay when their address changes: the name is what they were called then.
ALTER TABLE api_keys ADD COLUMN made_by_kind text;
ALTER TABLE api_keys ADD COLUMN made_by text;
ALTER TABLE api_keys ADD COLUMN made_by_name text;
