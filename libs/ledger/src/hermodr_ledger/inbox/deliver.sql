-- Ends the in-app deliveries that the same transaction decided upon: each is in the inbox, or could not be rendered. The
-- steps are connected by columns, see `deliveries/record.sql`.
WITH input AS (
    SELECT *, 'queued' AS taken_from
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
        $8::text[])
        AS i(id, notification_id, title, message, code, detail, started_at, shown)
    OFFSET 0
), settled AS (
    UPDATE hermodr.deliveries d
    SET state = CASE WHEN i.code IS NULL THEN 'delivered' ELSE 'failed' END, attempt = d.attempt + 1,
        provider = CASE WHEN i.code IS NULL THEN 'inbox' END, error = i.code, wake_at = NULL,
        finished_at = clock_timestamp()  -- after the notes of the decision
    FROM input i WHERE d.id = i.id AND d.state = i.taken_from
    RETURNING d.id, d.job_id, d.project_id, d.channel, d.priority, d.state, d.attempt, d.provider, d.recipient_id,
        d.address, i.notification_id, i.title, i.message, i.code, i.detail, i.started_at,
        i.shown::jsonb AS shown, d.finished_at
), logged AS (
    INSERT INTO hermodr.attempts (delivery_id, number, provider, outcome, code, detail, started_at, finished_at)
    SELECT id, attempt, provider, CASE WHEN code IS NULL THEN 'sent' ELSE 'permanent' END, code, detail, started_at,
        finished_at
    FROM settled
), written AS (
    INSERT INTO hermodr.inbox (id, project_id, user_id, recipient_id, job_id, delivery_id, type, title, message, data)
    SELECT s.notification_id, s.project_id, s.address, s.recipient_id, s.job_id, s.id, j.type, s.title, s.message,
        CASE WHEN s.shown IS NULL THEN j.data
             WHEN jsonb_typeof(j.data) = 'object' THEN (
                 SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(j.data) WHERE s.shown ? key)
             ELSE '{}' END
    FROM settled s, LATERAL (SELECT o.type, o.data FROM hermodr.jobs o WHERE o.id = s.job_id OFFSET 0) j
    WHERE s.code IS NULL
), tally AS (
    SELECT job_id, count(*) AS finished, count(*) FILTER (WHERE code IS NULL) AS delivered, max(code) AS code
    FROM settled GROUP BY job_id
), jobs AS (
    UPDATE hermodr.jobs j
    SET open_deliveries = j.open_deliveries - t.finished, sent_deliveries = j.sent_deliveries + t.delivered,
        state = CASE WHEN j.open_deliveries > t.finished THEN j.state
                     WHEN j.sent_deliveries + t.delivered > 0 THEN 'completed' ELSE 'failed' END,
        error = CASE WHEN j.sent_deliveries + t.delivered > 0 THEN NULL ELSE t.code END,
        finished_at = CASE WHEN j.open_deliveries = t.finished THEN clock_timestamp() END
    FROM tally t WHERE j.id = t.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.finished_at, j.singleton_key
), freed AS (
    DELETE FROM hermodr.singletons s USING jobs j
    WHERE j.singleton_key IS NOT NULL AND j.finished_at IS NOT NULL
      AND s.project_id = j.project_id AND s.key = j.singleton_key AND s.job_id = j.id
)
SELECT id, job_id, project_id, NULL AS owner_id, state, NULL AS kind, notification_id, address AS user_id, now() AS at
FROM settled
UNION ALL
SELECT NULL, id, project_id, owner_id, state, kind, NULL, NULL, now() FROM jobs
