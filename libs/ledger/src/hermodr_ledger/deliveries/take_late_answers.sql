-- Late successes of attempts that were given up, if none followed: the delivery was held, had no attempts left, or was
-- cancelled while it waited. A retry of the job must not send it again.
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
        AS i(id, number, provider, provider_message_id, code, finished_at)
), settled AS (
    UPDATE hermodr.deliveries d
    SET state = 'sent', provider = coalesce(i.provider, d.provider), error = NULL, finished_at = now(),
        provider_message_id = coalesce(i.provider_message_id, d.provider_message_id)
    FROM input i, hermodr.attempts a
    WHERE d.id = i.id AND d.attempt = i.number AND d.state IN ('unknown', 'failed', 'cancelled')
      AND a.delivery_id = i.id AND a.number = i.number AND a.outcome = 'unknown'
    RETURNING d.id, d.job_id, d.project_id, d.channel, d.priority, d.state, i.number, i.code, i.finished_at AS answered_at
), logged AS (
    UPDATE hermodr.attempts a SET outcome = 'sent', code = s.code, finished_at = s.answered_at,
        detail = 'given up as unknown; reported later'
    FROM settled s WHERE a.delivery_id = s.id AND a.number = s.number
), tally AS (
    SELECT job_id, count(*) AS sent FROM settled GROUP BY job_id
), jobs AS (
    UPDATE hermodr.jobs j
    SET sent_deliveries = j.sent_deliveries + t.sent, error = CASE j.state WHEN 'cancelled' THEN j.error END,
        state = CASE j.state WHEN 'failed' THEN 'completed' ELSE j.state END
    FROM tally t WHERE j.id = t.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state
), answered AS (
    UPDATE hermodr.dead_letters l SET replayed_at = now() FROM settled s
    WHERE l.source_id = s.id || '/' || s.number AND l.replayed_at IS NULL
)
SELECT id, job_id, project_id, NULL AS owner_id, channel, priority, state, NULL AS kind, now() AS at FROM settled
UNION ALL
SELECT NULL, id, project_id, owner_id, NULL, NULL, state, kind, now() FROM jobs
