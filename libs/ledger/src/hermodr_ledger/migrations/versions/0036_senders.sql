-- Whom the mails of a project may be from.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE senders (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    kind text NOT NULL,                 -- address or domain
    value text NOT NULL,                -- the address, or the domain: all its addresses
    name text,
    token text NOT NULL,                -- of an address: the SHA-256, in hexadecimal; of a domain: for its TXT record
    token_until timestamptz,            -- of an address
    verified_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX senders_value ON senders (project_id, lower(value));
CREATE INDEX senders_committed ON senders (xact) WHERE xact IS NOT NULL;
