-- Turns are found by project, so that no project's endpoints stand before all of another's.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE webhook_turns ADD COLUMN project_id uuid;
UPDATE webhook_turns t SET project_id = e.project_id FROM webhook_endpoints e WHERE e.id = t.endpoint_id;
ALTER TABLE webhook_turns ALTER COLUMN project_id SET NOT NULL;
DROP INDEX webhook_turns_due;
CREATE INDEX webhook_turns_due ON webhook_turns (failing, project_id, due_at) WHERE due_at IS NOT NULL;

CREATE OR REPLACE FUNCTION webhook_turns_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = hermodr, pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO webhook_turns AS t (endpoint_id, project_id, due_at)
    SELECT endpoint_id, project_id, min(due_at) FROM written WHERE state = 'waiting'
    GROUP BY endpoint_id, project_id ORDER BY endpoint_id
    ON CONFLICT (endpoint_id) DO UPDATE SET due_at = LEAST(t.due_at, excluded.due_at);
    RETURN NULL;
END $$;
