-- Deliveries are written only for jobs that this statement took from queued, so nobody writes them twice; existing ones
-- belong to a requeued job (`redeciding`). `(… IN …) IS TRUE` makes a hashed test instead of a quadratic nested loop.
WITH decided AS (
    UPDATE hermodr.jobs j
    SET state = d.state, error = d.error, open_deliveries = d.open, wake_at = d.until,
        processed_at = CASE WHEN d.until IS NULL THEN now() END,
        finished_at = CASE WHEN d.open = 0 AND d.until IS NULL THEN now() END,
        deferred_until = coalesce(d.until, j.deferred_until),
        announcements = CASE WHEN d.until IS NULL THEN j.announcements ELSE 0 END, unannounced = false
    FROM (
        SELECT id, state, error, open, until, 'queued' AS taken_from
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[])
            AS u(id, state, error, open, until)
        OFFSET 0  -- see `engine.Ledger`
    ) d
    WHERE j.id = d.id AND j.state = d.taken_from
    RETURNING j.id, j.project_id, j.owner_id, j.state, j.singleton_key
), made AS (
    INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, recipient_id, address,
        address_name, template_id, template_version, locale, on_unknown, max_attempts, wake_at, expires_at, error,
        finished_at, recipient, copies)
    SELECT n.id, n.job_id, n.project_id, n.channel, n.priority,
        CASE WHEN n.suppressed IS NULL THEN 'queued' ELSE 'suppressed' END, n.recipient_id, n.address, n.address_name,
        n.template_id, n.template_version, n.locale, n.on_unknown, n.max_attempts,
        CASE WHEN n.suppressed IS NULL THEN now() + make_interval(secs => $24) END, n.expires_at,
        'suppressed_' || n.suppressed, CASE WHEN n.suppressed IS NOT NULL THEN now() END, n.recipient::jsonb,
        n.copies::jsonb
    FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::int[], $13::text[],
                $14::text[], $15::smallint[], $16::uuid[], $17::smallint[], $18::uuid[], $26::timestamptz[],
                $27::text[], $28::text[], $29::text[])
        AS n(id, job_id, channel, address, address_name, template_id, template_version, locale, on_unknown,
             max_attempts, project_id, priority, recipient_id, expires_at, suppressed, recipient, copies)
    WHERE (n.job_id IN (SELECT id FROM decided)) IS TRUE
    ON CONFLICT (id) DO NOTHING
    RETURNING id, job_id, project_id, channel, priority, state
), noted AS (
    INSERT INTO hermodr.events (job_id, kind, delivery_id, detail)
    SELECT n.job_id, n.kind, n.delivery_id, n.detail::jsonb
    FROM unnest($19::uuid[], $20::text[], $21::uuid[], $22::text[]) WITH ORDINALITY
        AS n(job_id, kind, delivery_id, detail, nth)
    WHERE (n.job_id IN (SELECT id FROM decided)) IS TRUE
    ORDER BY n.nth
), freed AS (
    DELETE FROM hermodr.singletons s USING decided d
    WHERE d.singleton_key IS NOT NULL AND d.state = ANY ($23::text[])
      AND s.project_id = d.project_id AND s.key = d.singleton_key AND s.job_id = d.id
), woken AS (
    SELECT pg_notify($25, '') FROM (SELECT 1 FROM decided WHERE state = 'scheduled' LIMIT 1) put_off
)
SELECT id, job_id, project_id, NULL AS owner_id, channel, priority, state, now() AS at FROM made
UNION ALL
SELECT NULL, id, project_id, owner_id, NULL, NULL, state, now() FROM decided LEFT JOIN woken ON true
