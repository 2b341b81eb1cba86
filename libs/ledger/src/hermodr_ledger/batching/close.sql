-- Closes windows ($1), which are locked, and whose waiting events are. What still waits and has not expired is carried:
-- the carrier is like its newest event, and shows all of them. Data of more than $2 events, or $3 octets, is left out, the
-- oldest first; the newest is always there.
WITH waiting AS (
    SELECT e.window_id, e.job_id, coalesce(j.scheduled_for, j.created_at) AS at,
           CASE WHEN j.digest ? 'key' THEN j.data - '{items,total}'::text[] ELSE j.data END AS data, j.priority, j.expires_at, j.cancel_key,
           j.project_id, (j.expires_at <= now()) IS TRUE AS over
    FROM unnest($1::uuid[]) w(id)
    JOIN hermodr.window_events e ON e.window_id = w.id AND NOT e.alone
    JOIN hermodr.jobs j ON j.id = e.job_id AND j.state = 'scheduled'
), live AS (
    SELECT *, row_number() OVER newest_first AS nth, sum(octet_length(data::text)) OVER newest_first AS octets
    FROM waiting WHERE NOT over
    WINDOW newest_first AS (PARTITION BY window_id ORDER BY at DESC, job_id DESC)
), gathered AS (
    SELECT window_id, count(*) AS total, min(priority) AS priority, max(job_id::text) FILTER (WHERE nth = 1) AS newest,
           coalesce(jsonb_agg(data ORDER BY nth DESC) FILTER (WHERE nth = 1 OR (nth <= $2 AND octets <= $3)), '[]') AS items,
           CASE WHEN bool_and(expires_at IS NOT NULL) THEN max(expires_at) END AS expires_at,
           CASE WHEN count(cancel_key) = count(*) AND min(cancel_key) = max(cancel_key) THEN min(cancel_key) END AS cancel_key
    FROM live GROUP BY window_id
), made AS (
    INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, to_phone,
        owner_id, data, metadata, group_id, update_id, on_unknown, max_retries, to_name, to_locale, envelope, expires_at,
        cancel_key, deliver_at, wake_at, digest)
    SELECT hermodr.new_job_id(), j.project_id, j.kind, j.type, 'queued', g.priority, j.channels, j.recipient_id, j.to_email,
        j.to_phone, j.owner_id, j.data || jsonb_build_object('items', g.items, 'total', g.total), j.metadata, j.group_id,
        j.update_id, j.on_unknown, j.max_retries, j.to_name, j.to_locale, j.envelope, g.expires_at, g.cancel_key,
        j.deliver_at, now() + make_interval(secs => $4),
        jsonb_build_object('window_id', g.window_id, 'asked_at', j.created_at)  -- its deliver_at was the event's
    FROM gathered g JOIN hermodr.jobs j ON j.id = g.newest::uuid
    RETURNING id, project_id, owner_id, kind, priority, state, (digest->>'window_id')::uuid AS window_id
), closed AS (
    UPDATE hermodr.event_windows w SET closed_at = now(), carrier_id = m.id
    FROM unnest($1::uuid[]) u(id) LEFT JOIN made m ON m.window_id = u.id WHERE w.id = u.id
), marked AS (
    UPDATE hermodr.window_events e SET carried = (e.job_id IN (SELECT job_id FROM live)) IS TRUE
    FROM unnest($1::uuid[]) u(id) WHERE e.window_id = u.id
), moved AS (
    UPDATE hermodr.jobs j
    SET state = CASE WHEN w.over THEN 'skipped' ELSE 'processing' END, error = CASE WHEN w.over THEN $5 END, wake_at = NULL,
        processed_at = now(), finished_at = CASE WHEN w.over THEN now() END
    FROM waiting w WHERE j.id = w.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.priority, j.state, j.singleton_key, w.window_id
), freed AS (
    DELETE FROM hermodr.singletons s USING moved e
    WHERE e.singleton_key IS NOT NULL AND e.state = 'skipped'
      AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
), noted AS (
    INSERT INTO hermodr.events (job_id, at, kind, detail)
    SELECT w.job_id, now(), CASE WHEN w.over THEN 'not_sent' ELSE 'sent_with' END,
           CASE WHEN w.over THEN jsonb_build_object('reason', $5::text)
                ELSE jsonb_build_object('job_id', m.id, 'window_id', w.window_id) END
    FROM waiting w LEFT JOIN made m ON m.window_id = w.window_id
    UNION ALL
    SELECT m.id, now(), 'gathered', jsonb_build_object('window_id', m.window_id, 'total', g.total,
        'items', jsonb_array_length(g.items))
    FROM made m JOIN gathered g ON g.window_id = m.window_id
)
SELECT id, project_id, owner_id, kind, priority, state, true AS carrier, now() AS at FROM made
UNION ALL
SELECT id, project_id, owner_id, kind, priority, state, false, now() FROM moved
