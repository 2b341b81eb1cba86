-- Arguments: 1 owner, 2–10 columns of results, 11 seconds until a failing endpoint gets its next message.
-- A result counts for the claim it belongs to; a success also for a message that waits to be sent again.
WITH given AS (
    SELECT * FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::int[], $6::int[], $7::text[], $8::text[],
        $9::text[], $10::float8[]) g(id, number, at, duration_ms, status, outcome, error, state, delay)
), known AS MATERIALIZED (  -- those deleted meanwhile have no attempts
    SELECT m.id, m.endpoint_id FROM hermodr.webhook_messages m WHERE m.id = ANY ($2::uuid[])
    ORDER BY m.id FOR NO KEY UPDATE
), done AS (
    UPDATE hermodr.webhook_messages m SET state = g.state, owner = NULL, lease_until = NULL,
        due_at = CASE WHEN g.state = 'waiting' THEN now() + make_interval(secs => g.delay) END,
        finished_at = CASE WHEN g.state <> 'waiting' THEN now() END
    FROM given g JOIN known k ON k.id = g.id
    WHERE m.id = k.id AND (
        (m.state = 'sending' AND m.owner = $1 AND m.attempt = g.number)
        OR (m.state = 'waiting' AND g.outcome = 'delivered'))
    RETURNING m.id, m.endpoint_id, g.outcome
), told AS (
    INSERT INTO hermodr.webhook_attempts AS a (message_id, endpoint_id, number, at, duration_ms, status, outcome, error)
    SELECT g.id, m.endpoint_id, g.number, g.at, g.duration_ms, g.status, g.outcome, g.error
    FROM given g JOIN known m ON m.id = g.id
    ON CONFLICT (message_id, number) DO UPDATE SET at = excluded.at, duration_ms = excluded.duration_ms,
        status = excluded.status, outcome = excluded.outcome, error = excluded.error
), verdict AS (
    SELECT endpoint_id, bool_or(outcome = 'delivered') AS good, bool_or(outcome = 'gone') AS gone
    FROM done GROUP BY endpoint_id
), held AS MATERIALIZED (  -- in one order, so that no two records wait for each other
    SELECT v.* FROM hermodr.webhook_turns w JOIN verdict v ON v.endpoint_id = w.endpoint_id
    ORDER BY w.endpoint_id FOR NO KEY UPDATE OF w
), judged AS (
    UPDATE hermodr.webhook_endpoints e SET updated_at = now(),
        failing_since = CASE WHEN NOT h.good THEN now() END
    FROM held h
    WHERE e.id = h.endpoint_id AND h.good = (e.failing_since IS NOT NULL)
), given_turns AS (
    UPDATE hermodr.webhook_turns w SET failing = NOT h.good,
        due_at = LEAST(w.due_at, now() + make_interval(secs => CASE WHEN h.good THEN 0 ELSE $11::float8 END))
    FROM held h
    WHERE w.endpoint_id = h.endpoint_id AND EXISTS (
        SELECT FROM hermodr.webhook_messages x
        WHERE x.endpoint_id = h.endpoint_id AND x.state = 'waiting' AND x.due_at <= now())
)
SELECT endpoint_id FROM verdict WHERE gone
