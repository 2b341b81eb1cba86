-- A recipient's own URL, for the channel webhook.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE recipients ADD COLUMN webhook_url text;
