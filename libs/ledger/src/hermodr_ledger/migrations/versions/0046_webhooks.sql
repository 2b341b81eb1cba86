-- Webhooks: a project's endpoints, what is sent to them of the changes log, and every attempt. Neither jobs nor deliveries.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    url text NOT NULL CHECK (url <> ''),        -- often holds a secret: never logged
    description text,
    events text[] CHECK (cardinality(events) > 0),  -- null: all
    secret_version int NOT NULL DEFAULT 1 CHECK (secret_version > 0),
    previous_until timestamptz,                 -- until then messages are signed with the version before as well
    -- It gets changes with greater numbers. Whoever sets it has locked the listener's row, so that none is read meanwhile.
    subscribed_after bigint NOT NULL DEFAULT 0,
    disabled_at timestamptz,
    disabled_reason text CHECK (disabled_reason IN ('gone', 'failing', 'manual')),
    failing_since timestamptz,                  -- the first failed attempt after the last success; null after a success
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE INDEX webhook_endpoints_page ON webhook_endpoints (project_id, id);
CREATE INDEX webhook_endpoints_committed ON webhook_endpoints (xact) WHERE xact IS NOT NULL;
CREATE INDEX webhook_endpoints_failing ON webhook_endpoints (failing_since)
    WHERE failing_since IS NOT NULL AND disabled_at IS NULL;

CREATE TABLE webhook_messages (
    id uuid PRIMARY KEY,                        -- the header `webhook-id`, the same at every attempt
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    project_id uuid NOT NULL,
    event text NOT NULL CHECK (event <> ''),
    occurred_at timestamptz NOT NULL,
    body text NOT NULL,                         -- exactly what is signed and sent
    change_seq bigint,                          -- null: no change of the log
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'delivered', 'failed', 'discarded')),
    attempt int NOT NULL DEFAULT 0,             -- attempts begun
    ladder_from int NOT NULL DEFAULT 0,         -- attempts before it was last asked for: the ladder counts from there
    due_at timestamptz,                         -- while it waits
    owner text,                                 -- while it is sent, and until when
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    xact xid8 DEFAULT pg_current_xact_id(),
    UNIQUE (endpoint_id, change_seq),
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('waiting', 'sending')) = (finished_at IS NULL))
);
CREATE INDEX webhook_messages_page ON webhook_messages (endpoint_id, id);
CREATE INDEX webhook_messages_committed ON webhook_messages (xact) WHERE xact IS NOT NULL;
CREATE INDEX webhook_messages_due ON webhook_messages (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhook_messages_next ON webhook_messages (due_at) WHERE state = 'waiting';
CREATE INDEX webhook_messages_leases ON webhook_messages (lease_until) WHERE state = 'sending';
CREATE INDEX webhook_messages_finished ON webhook_messages (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    message_id uuid NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
    number int NOT NULL CHECK (number > 0),
    endpoint_id uuid NOT NULL,
    at timestamptz NOT NULL,
    duration_ms int NOT NULL CHECK (duration_ms >= 0),
    status int,                                 -- of HTTP; null: no answer
    outcome text NOT NULL CHECK (outcome <> ''),
    error text,                                 -- a code: never a URL, never an answer
    PRIMARY KEY (message_id, number)
);
CREATE INDEX webhook_attempts_of_endpoint ON webhook_attempts (endpoint_id, at);

CREATE FUNCTION new_id(at timestamptz) RETURNS uuid
    LANGUAGE sql VOLATILE
    RETURN overlay(gen_random_uuid()::text
        PLACING lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '-7' FROM 1 FOR 15)::uuid;
COMMENT ON FUNCTION new_id IS 'A fresh uuid7 (RFC 9562) of that time.';

-- What became of each change at each endpoint that is subscribed to it; both live in their tables for some days.
CREATE VIEW webhook_accounts WITH (security_invoker) AS
WITH told AS (
    SELECT c.*, CASE WHEN c.delivery_id IS NULL THEN 'job.' ELSE 'delivery.' END || c.state AS event FROM changes c
)
SELECT e.project_id, e.id AS endpoint_id, c.seq AS change_seq, c.event, c.at, m.id AS message_id,
    CASE WHEN m.id IS NOT NULL THEN m.state
         WHEN l.seen IS NULL OR NOT pg_visible_in_snapshot(c.xact, l.seen) THEN 'unread'
         ELSE 'missing' END AS account
FROM webhook_endpoints e
JOIN told c ON c.project_id = e.project_id
LEFT JOIN change_listeners l ON l.project_id = e.project_id AND l.name = 'webhooks'
LEFT JOIN webhook_messages m ON m.endpoint_id = e.id AND m.change_seq = c.seq
WHERE m.id IS NOT NULL
   OR (e.disabled_at IS NULL AND (e.events IS NULL OR c.event = ANY (e.events))
       AND c.seq > e.subscribed_after);
COMMENT ON VIEW webhook_accounts IS
    'Each change of the log at each endpoint subscribed to it: waiting, sending, delivered, failed or discarded, as its one '
    'message is; unread: not yet looked at. None is missing.';

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'hermodr_webhook_sender') THEN
        BEGIN
            CREATE ROLE hermodr_webhook_sender NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                RAISE DEBUG 'the role was made meanwhile';
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role hermodr_webhook_sender does not exist, and % may not create it', current_user
                    USING HINT = 'As a superuser: CREATE ROLE hermodr_webhook_sender NOLOGIN; then migrate again.';
        END;
    END IF;
END $$;

REVOKE ALL ON FUNCTION new_id FROM PUBLIC;
GRANT USAGE ON SCHEMA hermodr TO hermodr_webhook_sender;
GRANT EXECUTE ON FUNCTION new_id TO hermodr_webhook_sender;
GRANT SELECT ON webhook_endpoints, webhook_messages, webhook_attempts, schema_version TO hermodr_webhook_sender;
GRANT UPDATE (failing_since, disabled_at, disabled_reason, updated_at) ON webhook_endpoints TO hermodr_webhook_sender;
GRANT INSERT, UPDATE ON webhook_messages TO hermodr_webhook_sender;
GRANT INSERT ON webhook_attempts, audit_log TO hermodr_webhook_sender;
GRANT SELECT, INSERT, UPDATE, DELETE ON service_heartbeats TO hermodr_webhook_sender;
GRANT SELECT ON webhook_accounts, webhook_messages, webhook_attempts, changes, change_listeners TO hermodr_operator;
GRANT SELECT (id, project_id, description, events, secret_version, previous_until, subscribed_after, disabled_at,
    disabled_reason, failing_since, created_at, updated_at) ON webhook_endpoints TO hermodr_operator;
