-- An endpoint whose filter was changed owes nothing for the changes that were being looked at just then.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE webhook_endpoints ADD COLUMN reckoned_after bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN webhook_endpoints.reckoned_after IS
    'webhook_accounts knows which of the changes with greater numbers it has to get.';
GRANT SELECT (reckoned_after) ON webhook_endpoints TO hermodr_operator;

CREATE OR REPLACE VIEW webhook_accounts WITH (security_invoker) AS
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
       AND c.seq > greatest(e.subscribed_after, e.reckoned_after));
