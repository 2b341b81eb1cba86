-- Whose turn it is: one row per endpoint, so that a sender finds those with something to do without reading messages.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE webhook_turns (
    endpoint_id uuid PRIMARY KEY REFERENCES webhook_endpoints ON DELETE CASCADE,
    due_at timestamptz,                     -- when a sender looks at its messages; null: nothing is open
    failing boolean NOT NULL DEFAULT false  -- its last answer was a failure: one message at a time, after the others
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX webhook_turns_due ON webhook_turns (failing, due_at) WHERE due_at IS NOT NULL;

-- Leases by endpoint replace those of all. What waits is found by the turns.
CREATE INDEX webhook_messages_sending ON webhook_messages (endpoint_id, lease_until) WHERE state = 'sending';
DROP INDEX webhook_messages_leases, webhook_messages_next;

-- Whoever lets a message wait (fan-out, redelivery, a retry) makes it its endpoint's turn.
CREATE FUNCTION webhook_turns_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = hermodr, pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO webhook_turns AS t (endpoint_id, due_at)
    SELECT endpoint_id, min(due_at) FROM written WHERE state = 'waiting' GROUP BY endpoint_id ORDER BY endpoint_id
    ON CONFLICT (endpoint_id) DO UPDATE SET due_at = LEAST(t.due_at, excluded.due_at);
    RETURN NULL;
END $$;

CREATE TRIGGER webhook_turns_follow_new AFTER INSERT ON webhook_messages
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION webhook_turns_follow();
CREATE TRIGGER webhook_turns_follow_changed AFTER UPDATE ON webhook_messages
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION webhook_turns_follow();

-- An endpoint that is enabled again has its turn, whatever waits there.
CREATE FUNCTION webhook_turns_enabled() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = hermodr, pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE webhook_turns SET due_at = clock_timestamp(), failing = NEW.failing_since IS NOT NULL
    WHERE endpoint_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER webhook_turns_enabled AFTER UPDATE OF disabled_at ON webhook_endpoints
    FOR EACH ROW WHEN (OLD.disabled_at IS NOT NULL AND NEW.disabled_at IS NULL)
    EXECUTE FUNCTION webhook_turns_enabled();

INSERT INTO webhook_turns (endpoint_id, due_at, failing)
SELECT m.endpoint_id, min(coalesce(m.due_at, m.lease_until)), false
FROM webhook_messages m WHERE m.state IN ('waiting', 'sending') GROUP BY m.endpoint_id;

REVOKE ALL ON FUNCTION webhook_turns_follow, webhook_turns_enabled FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhook_turns_follow TO hermodr_webhook_sender;
GRANT SELECT, INSERT, UPDATE ON webhook_turns TO hermodr_webhook_sender;
GRANT UPDATE ON webhook_attempts TO hermodr_webhook_sender;
