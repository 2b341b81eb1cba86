-- Who is at the operators' console: sessions, and the links that begin one, once.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE console_sessions (
    hash bytea PRIMARY KEY,
    key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    is_link boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE console_sessions IS 'Sessions at the console and one-time links, by the hash of their secret.';
CREATE INDEX console_sessions_expired ON console_sessions (expires_at);
CREATE INDEX console_sessions_key ON console_sessions (key_id);
