-- Who made a key: its maker may have left since, and with them their right to one.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE api_keys ADD COLUMN made_by_kind text;  -- as `actor` of the audit log; not known of keys of before
ALTER TABLE api_keys ADD COLUMN made_by text;
