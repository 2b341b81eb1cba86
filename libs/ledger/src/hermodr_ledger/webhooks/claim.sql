-- Arguments: 1 endpoints whose turn is locked, 2 claims of each at most, 3 messages for each now, 4 owner,
-- 5 lease in seconds. A sender that was killed loses its claims when their lease ends. The turn comes again when more may
-- be waiting, when the next message is due, or when a lease ends, whatever is first.
WITH turn AS (
    SELECT e.id, u.share, e.url, e.secret_version, coalesce(e.previous_until > now(), false) AS two_secrets, e.failing_since IS NOT NULL AS failing,
        e.disabled_at IS NOT NULL AS disabled,
        CASE
            WHEN e.disabled_at IS NOT NULL THEN 0
            ELSE CASE WHEN e.failing_since IS NULL THEN $2::int ELSE 1 END - (
                SELECT count(*)::int FROM hermodr.webhook_messages s
                WHERE s.endpoint_id = e.id AND s.state = 'sending' AND s.lease_until > now())
        END AS room
    FROM unnest($1::uuid[], $3::int[]) u(id, share) JOIN hermodr.webhook_endpoints e ON e.id = u.id
), picked AS MATERIALIZED (
    SELECT t.id AS endpoint_id, m.*
    FROM turn t CROSS JOIN LATERAL (
        SELECT * FROM (
            (SELECT x.id, x.state, x.attempt, x.lease_until FROM hermodr.webhook_messages x
             WHERE x.endpoint_id = t.id AND x.state = 'sending' AND x.lease_until <= now()
             ORDER BY x.lease_until LIMIT t.share)
            UNION ALL
            (SELECT x.id, x.state, x.attempt, x.lease_until FROM hermodr.webhook_messages x
             WHERE x.endpoint_id = t.id AND x.state = 'waiting' AND x.due_at <= now()
             ORDER BY x.due_at LIMIT t.share)
        ) open LIMIT greatest(0, least(t.room, t.share))
    ) m
), claimed AS (
    UPDATE hermodr.webhook_messages m SET state = 'sending', owner = $4, attempt = m.attempt + 1, due_at = NULL,
        lease_until = now() + make_interval(secs => $5)
    FROM picked p
    WHERE m.id = p.id AND m.state = p.state AND m.attempt = p.attempt
    RETURNING m.id, m.endpoint_id, m.project_id, m.event, m.attempt, m.ladder_from, m.body
), lost AS (
    INSERT INTO hermodr.webhook_attempts (message_id, endpoint_id, number, at, duration_ms, outcome, error)
    SELECT p.id, p.endpoint_id, p.attempt, p.lease_until - make_interval(secs => $5), 0, 'unknown', 'sender_lost'
    FROM picked p JOIN claimed c ON c.id = p.id WHERE p.state = 'sending'
    ON CONFLICT DO NOTHING
), freed AS (  -- of endpoints disabled meanwhile: what waits there is discarded by the scheduler
    UPDATE hermodr.webhook_messages m SET state = 'waiting', owner = NULL, lease_until = NULL, due_at = now()
    FROM turn t
    WHERE t.disabled AND m.endpoint_id = t.id AND m.state = 'sending' AND m.lease_until <= now()
), given AS (
    UPDATE hermodr.webhook_turns w SET failing = t.failing, due_at = CASE
        WHEN taken.number = t.share AND t.share < t.room THEN clock_timestamp()  -- it may have more: after the others
        ELSE LEAST(
            CASE WHEN taken.number > 0 THEN now() + make_interval(secs => $5) END,
            (SELECT min(s.lease_until) FROM hermodr.webhook_messages s
             WHERE s.endpoint_id = t.id AND s.state = 'sending' AND s.lease_until > now()),
            (SELECT min(s.due_at) FROM hermodr.webhook_messages s
             WHERE s.endpoint_id = t.id AND s.state = 'waiting' AND s.due_at > now()))
        END
    FROM turn t CROSS JOIN LATERAL (SELECT count(*)::int AS number FROM picked p WHERE p.endpoint_id = t.id) taken
    WHERE w.endpoint_id = t.id
)
SELECT c.*, t.url, t.secret_version, t.two_secrets, t.failing FROM claimed c JOIN turn t ON t.id = c.endpoint_id
