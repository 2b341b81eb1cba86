-- Keys that the tokens of a project's users are signed with, rules for these tokens, and whose were revoked.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE signing_keys (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    algorithm text NOT NULL,
    public_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    xact xid8 DEFAULT pg_current_xact_id()
);
CREATE INDEX signing_keys_page ON signing_keys (project_id, id);
CREATE INDEX signing_keys_committed ON signing_keys (xact) WHERE xact IS NOT NULL;
COMMENT ON TABLE signing_keys IS 'Keys that tokens of users are signed with; the id is the kid, secrets are derived of it.';
COMMENT ON COLUMN signing_keys.public_key IS 'In PEM; null: a secret, which is stored nowhere.';

CREATE TABLE revoked_users (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_hash bytea NOT NULL,
    revoked_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, user_hash)
);
CREATE INDEX revoked_users_newest ON revoked_users (project_id, revoked_at);
COMMENT ON TABLE revoked_users IS 'Tokens of these users that were issued before revoked_at are not believed.';

ALTER TABLE projects
    ADD COLUMN token_seconds integer,
    ADD COLUMN token_issuer text,
    ADD COLUMN token_audience text;
COMMENT ON COLUMN projects.token_seconds IS 'The longest lifetime of a token of its users; null: 24 hours.';
COMMENT ON COLUMN projects.token_issuer IS 'What iss of such a token must be; null: as the installation says.';
COMMENT ON COLUMN projects.token_audience IS 'What aud of such a token must have; null: as the installation says.';
