-- ON CONFLICT DO NOTHING waits for a concurrent holder of the key, so a simultaneous duplicate finds the answer
-- afterwards. Two jobs with one key in one batch are told apart by the response, which names the job.
WITH input AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::uuid[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::uuid[], $16::uuid[], $17::uuid[],
        $18::text[], $19::text[], $20::timestamptz[], $21::text[], $22::bytea[], $23::bytea[],
        $24::float8[], $28::timestamptz[], $29::smallint[], $30::text[],
        $31::text[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[]
    ) AS i(id, project_id, kind, type, state, priority, channels, recipient_id, to_email,
           to_phone, owner_id, data, content, metadata, group_id, update_id, batch_id,
           singleton_key, on_unknown, scheduled_for, key, fingerprint, response, delay, expires_at, max_retries,
           cancel_key, to_name, to_locale, envelope, deliver_at, digest, escalate)
), keyed AS (
    INSERT INTO hermodr.idempotency_keys (project_id, key, fingerprint, status, response)
    SELECT project_id, key, fingerprint, 202, response FROM input
    WHERE key IS NOT NULL
      AND (SELECT set_config('lock_timeout', coalesce($27, current_setting('lock_timeout')), true)) IS NOT NULL
    ORDER BY project_id, key  -- the common order, so that there is no deadlock
    ON CONFLICT DO NOTHING
    RETURNING project_id, key, response
), accepted AS (
    INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email,
        to_phone, owner_id, data, content, metadata, group_id, update_id, batch_id, singleton_key, on_unknown,
        scheduled_for, wake_at, expires_at, max_retries, cancel_key, to_name, to_locale, envelope, deliver_at, digest,
        escalate)
    SELECT id, project_id, kind, type, state, priority, string_to_array(channels, ','), recipient_id, to_email,
        to_phone, owner_id, data::jsonb, content::jsonb, metadata::jsonb, group_id, update_id, batch_id, singleton_key,
        on_unknown, coalesce(scheduled_for, now() + make_interval(secs => delay)),
        coalesce(scheduled_for, now() + make_interval(secs => coalesce(delay, $25))), expires_at, max_retries,
        cancel_key, to_name, to_locale, envelope::jsonb, deliver_at::jsonb, digest::jsonb, escalate::jsonb
    FROM input i
    WHERE i.key IS NULL
       OR EXISTS (SELECT 1 FROM keyed k
                  WHERE k.project_id = i.project_id AND k.key = i.key AND k.response = i.response)
    RETURNING id, project_id, owner_id, state, scheduled_for
), woken AS (
    SELECT pg_notify($26, '') FROM (SELECT 1 FROM accepted WHERE scheduled_for IS NOT NULL LIMIT 1) due
)
SELECT id, project_id, owner_id, state, now() AS at FROM accepted LEFT JOIN woken ON true
