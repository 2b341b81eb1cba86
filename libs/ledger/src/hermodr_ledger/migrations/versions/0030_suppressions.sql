-- Addresses that nothing is sent to any more: they bounced, complained, or an operator said so. Found by a keyed hash, so
-- that an erased person stays suppressed although the address is forgotten.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE suppression_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    key bytea NOT NULL
);
INSERT INTO suppression_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- STABLE, as convert_to is: so the planner writes it into the statement that calls it, if each argument is used once.
CREATE FUNCTION suppression_hash(key bytea, project_id uuid, address text) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT sha256(key || uuid_send(project_id) || convert_to(lower(address), 'UTF8')) $$;
COMMENT ON FUNCTION suppression_hash IS 'An address of a project as suppressions are found by it; letter case does not count.';

CREATE TABLE suppressions (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    hash bytea NOT NULL,
    address text,                              -- null: its person was erased
    reason text NOT NULL,
    note text,
    delivery_id uuid,                          -- what bounced or was complained about
    expires_at timestamptz,
    wake_at timestamptz DEFAULT now(),         -- when waiting deliveries to it are to be ended; null: all are
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    UNIQUE (project_id, hash)
);
CREATE INDEX suppressions_page ON suppressions (project_id, id);
CREATE INDEX suppressions_wake ON suppressions (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX suppressions_expiry ON suppressions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX suppressions_committed ON suppressions (xact) WHERE xact IS NOT NULL;

CREATE INDEX deliveries_waiting_address ON deliveries (project_id, lower(address)) WHERE wake_at IS NOT NULL;

REVOKE ALL ON FUNCTION suppression_hash FROM PUBLIC;
