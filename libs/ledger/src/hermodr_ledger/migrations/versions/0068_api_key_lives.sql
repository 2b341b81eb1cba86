-- When an API key ends, and when it was used last.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
COMMENT ON COLUMN api_keys.expires_at IS 'From then on it does not hold; null: for ever.';

-- A table of its own, so that noting a use changes no key.
CREATE TABLE api_key_uses (
    key_id uuid PRIMARY KEY REFERENCES api_keys ON DELETE CASCADE,
    used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE api_key_uses IS 'When a key was used last, to the minute.';
