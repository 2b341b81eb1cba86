-- What a text is paid by, and whom it went to: an answer STOP names only the number.
SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE attempts ADD COLUMN measured jsonb;
CREATE INDEX deliveries_phone ON deliveries (address) WHERE channel = 'sms';
