-- An attempt given up as unknown stays unknown if its answer comes too late: the delivery may have been sent again, and
-- the log has to explain the two mails.
-- The steps are connected by columns, not by joins: this connection joins by nested loops (see `engine`), which would be
-- quadratic between two steps of one statement.
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::timestamptz[], $10::text[], $11::float8[], $12::uuid[], $13::text[],
                         $14::timestamptz[], $16::boolean[], $17::uuid[], $18::boolean[], $19::boolean[], $20::text[])
        AS i(id, number, outcome, provider, provider_message_id, code, detail, started_at, finished_at,
             state, delay, dead, claimed_by, claimed_at, asked, suppression, onward, proven, measured)
), settled AS (
    UPDATE hermodr.deliveries d
    SET state = i.state,
        provider = coalesce(i.provider, d.provider),
        provider_message_id = coalesce(i.provider_message_id, d.provider_message_id),
        error = i.code,
        earlier_attempts = d.earlier_attempts + CASE WHEN i.onward THEN 1 ELSE 0 END,
        max_attempts = d.max_attempts + CASE WHEN i.onward THEN 1 ELSE 0 END,
        refused_by = CASE WHEN i.onward THEN array_append(d.refused_by, i.provider) END,
        maybe_accepted_by = CASE WHEN i.outcome = 'unknown' THEN coalesce(i.provider, d.provider)
                                 WHEN i.proven IS NOT TRUE THEN d.maybe_accepted_by END,
        unknown_since = CASE WHEN i.outcome = 'unknown' THEN now() WHEN i.proven IS NOT TRUE THEN d.unknown_since END,
        due_at = now() + make_interval(secs => i.delay),
        wake_at = now() + make_interval(secs => i.delay + CASE WHEN i.asked THEN 0 ELSE $15 END),
        announcements = 0,
        unannounced = i.asked IS TRUE,
        lease_until = NULL,
        finished_at = CASE WHEN i.delay IS NULL THEN now() END
    FROM input i
    WHERE d.id = i.id AND d.attempt = i.number AND (i.claimed_at IS NULL OR d.claimed_at = i.claimed_at)
      AND (d.state = 'sending' OR (i.outcome = 'sent' AND d.state IN ('queued', 'retrying')))
    RETURNING d.id, d.job_id, d.project_id, d.channel, d.priority, d.state, i.outcome, i.delay, i.code, i.dead,
              i.number, i.detail, d.address, i.suppression
), logged AS (
    INSERT INTO hermodr.attempts (delivery_id, number, provider, outcome, code, detail, provider_message_id,
                                  claimed_by, started_at, finished_at, measured)
    SELECT id, number, provider, outcome, code, detail, provider_message_id, claimed_by, started_at, finished_at,
           measured::jsonb
    FROM input
    ON CONFLICT (delivery_id, number) DO UPDATE
        SET (outcome, code, detail, finished_at) = (
                SELECT excluded.outcome, excluded.code, excluded.detail, excluded.finished_at
                WHERE (excluded.delivery_id IN (SELECT id FROM settled)) IS TRUE
                UNION ALL
                SELECT attempts.outcome, attempts.code, 'given up as unknown; reported later: ' || excluded.outcome,
                       attempts.finished_at
                WHERE (excluded.delivery_id IN (SELECT id FROM settled)) IS NOT TRUE
            ),
            provider = excluded.provider, provider_message_id = excluded.provider_message_id
        WHERE attempts.outcome = 'unknown' AND excluded.outcome <> 'unknown'
), tally AS (
    SELECT job_id, count(*) FILTER (WHERE delay IS NULL) AS finished,
           count(*) FILTER (WHERE state = 'sent') AS sent, max(code) AS code
    FROM settled GROUP BY job_id
), jobs AS (
    UPDATE hermodr.jobs j
    SET open_deliveries = j.open_deliveries - t.finished,
        sent_deliveries = j.sent_deliveries + t.sent,
        state = CASE WHEN j.open_deliveries > t.finished THEN CASE WHEN t.finished = 0 THEN 'retrying' ELSE j.state END
                     WHEN t.finished = 0 THEN 'retrying'
                     WHEN j.sent_deliveries + t.sent > 0 THEN 'completed' ELSE 'failed' END,
        error = CASE WHEN j.sent_deliveries + t.sent > 0 THEN NULL ELSE t.code END,
        finished_at = CASE WHEN j.open_deliveries = t.finished THEN now() END
    FROM tally t
    WHERE j.id = t.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.finished_at, j.singleton_key
), freed AS (
    DELETE FROM hermodr.singletons s USING jobs j
    WHERE j.singleton_key IS NOT NULL AND j.finished_at IS NOT NULL
      AND s.project_id = j.project_id AND s.key = j.singleton_key AND s.job_id = j.id
), buried AS (
    INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, job_id, delivery_id, job_type)
    SELECT dead, project_id, id || '/' || number, channel || '.dead',
           CASE outcome WHEN 'permanent' THEN code || coalesce(': ' || detail, '')
                        ELSE 'attempts exhausted: ' || coalesce(code, outcome) END,
           job_id, id, (SELECT j.type FROM hermodr.jobs j WHERE j.id = s.job_id)
    FROM settled s WHERE dead IS NOT NULL
    ON CONFLICT (source_id) DO NOTHING
), suppressed AS (  -- waiting deliveries to the address are ended by `suppressing`
    INSERT INTO hermodr.suppressions AS known (id, project_id, hash, address, reason, delivery_id)
    SELECT DISTINCT ON (b.project_id, b.hash) b.suppression, b.project_id, b.hash, b.address, 'bounce', b.id
    FROM (
        SELECT s.*, hermodr.suppression_hash((SELECT k.key FROM hermodr.suppression_key k), s.project_id, s.address) AS hash
        FROM settled s WHERE s.suppression IS NOT NULL AND s.address <> ''
    ) b
    ORDER BY b.project_id, b.hash
    ON CONFLICT (project_id, hash) DO UPDATE
        SET reason = CASE WHEN known.reason = 'complaint' THEN known.reason ELSE excluded.reason END,
            address = excluded.address, delivery_id = excluded.delivery_id, expires_at = NULL, wake_at = now(),
            updated_at = now()
)
SELECT id, job_id, project_id, NULL AS owner_id, channel, priority, state, NULL AS kind, now() AS at FROM settled
UNION ALL
SELECT NULL, id, project_id, owner_id, NULL, NULL, state, kind, now() FROM jobs
