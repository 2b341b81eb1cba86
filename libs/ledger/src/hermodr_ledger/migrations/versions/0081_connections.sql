-- Databases that a project's tasks read (hermodr_ledger.connections).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE connections (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    database text NOT NULL,
    username text NOT NULL,
    sealed_password text NOT NULL,
    sslmode text NOT NULL,
    owner text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id()
);
CREATE INDEX connections_page ON connections (project_id, id);
CREATE INDEX connections_committed ON connections (xact) WHERE xact IS NOT NULL;
CREATE INDEX connections_owner ON connections (project_id, owner) WHERE owner IS NOT NULL;
COMMENT ON TABLE connections IS 'Databases that tasks of a project read.';
COMMENT ON COLUMN connections.sealed_password IS
    'AES-256-GCM under a key derived of HERMODR_SECRET_KEY, bound to the id, host, port, username and sslmode.';
COMMENT ON COLUMN connections.owner IS 'The end user who may see and use it; null: nobody but the application.';
