-- Idempotency keys are kept as their hash: a repeat is known by it when the person the key named is forgotten. And a
-- clean-up takes along whatever else speaks of its jobs.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION kept_key(key text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT encode(sha256(convert_to(key, 'UTF8')), 'hex') $$;
COMMENT ON FUNCTION kept_key IS 'An idempotency key as it is stored, as hermodr_ledger.accept.kept does.';

UPDATE idempotency_keys SET key = kept_key(key);
COMMENT ON COLUMN idempotency_keys.key IS 'Its SHA-256, in hexadecimal.';

CREATE OR REPLACE FUNCTION earlier_job(job jobs, idempotency_key text, request jsonb, scheduled_for timestamptz, expires_at timestamptz)
    RETURNS uuid
    LANGUAGE plpgsql AS $$
DECLARE
    timed CONSTANT jsonb := jsonb_build_array(scheduled_for IS NOT NULL, expires_at IS NOT NULL);
    wanted CONSTANT bytea := sha256(convert_to((request || timed)::text, 'UTF8'));
    hashed CONSTANT text := kept_key(idempotency_key);
    known idempotency_keys;
    kept json;
BEGIN
    IF idempotency_key !~ '^[\x21-\x7e]{1,255}$' THEN
        PERFORM refuse('idempotency_key', 'must be 1 to 255 printable ASCII characters without spaces');
    END IF;
    INSERT INTO idempotency_keys (project_id, key, fingerprint, status, response)
    VALUES (job.project_id, hashed, wanted, 202, convert_to(json_build_object('job_id', job.id,
        'scheduled_for', extract(epoch FROM scheduled_for), 'expires_at', extract(epoch FROM expires_at))::text, 'UTF8'))
    ON CONFLICT (project_id, key) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO known FROM idempotency_keys k WHERE k.project_id = job.project_id AND k.key = hashed;
    IF known.fingerprint IS DISTINCT FROM wanted THEN
        PERFORM refuse('idempotency_key', 'was used for another request');
    END IF;
    kept := convert_from(known.response, 'UTF8')::json;
    IF NOT same_moment((kept->>'scheduled_for')::numeric, scheduled_for, known.created_at) THEN
        PERFORM refuse('idempotency_key', 'was used for a request with another scheduled_for');
    ELSIF NOT same_moment((kept->>'expires_at')::numeric, expires_at, known.created_at) THEN
        PERFORM refuse('idempotency_key', 'was used for a request with another expires_at');
    END IF;
    RETURN (kept->>'job_id')::uuid;
END $$;

CREATE FUNCTION forget_jobs_gone(gone uuid[], before timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM deliveries d USING unnest(gone) g(id) WHERE d.id > g.id AND d.id <= last_child_of(g.id);
    DELETE FROM attempts a USING unnest(gone) g(id) WHERE a.delivery_id > g.id AND a.delivery_id <= last_child_of(g.id);
    DELETE FROM events e USING unnest(gone) g(id) WHERE e.job_id = g.id;
    DELETE FROM dead_letters l USING unnest(gone) g(id) WHERE l.job_id = g.id;
    DELETE FROM job_standings s WHERE s.id = ANY (gone);
    DELETE FROM singletons s WHERE s.job_id = ANY (gone);
    DELETE FROM set_aside a USING unnest(gone) g(id) WHERE left(a.subject, 32) = left(g.id::text, 32);
    DELETE FROM batches b WHERE b.last_job_id < uuid_floor(before) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id >= b.first_job_id AND j.id <= b.last_job_id AND j.batch_id = b.id);
END $$;
COMMENT ON FUNCTION forget_jobs_gone IS 'Deletes what speaks of jobs that were deleted, and old batches none of whose jobs is left.';

CREATE OR REPLACE FUNCTION cleanup_notification_data(retention interval) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    longest CONSTANT interval := '1000 years';
    before timestamptz;
    gone uuid[];
BEGIN
    IF (retention BETWEEN interval '0' AND longest) IS NOT TRUE OR now() - retention > now() THEN
        PERFORM refuse('retention', 'must be an interval from zero to 1000 years, such as ''90 days''');
    END IF;
    before := now() - retention;
    WITH deleted AS (
        DELETE FROM jobs WHERE id < uuid_floor(before) AND finished_at < before RETURNING id
    ) SELECT coalesce(array_agg(id), '{}') INTO gone FROM deleted;
    PERFORM forget_jobs_gone(gone, before);
    RETURN cardinality(gone);
END $$;

-- What earlier clean-ups left.
DELETE FROM job_standings s WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = s.id);
DELETE FROM singletons s WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = s.job_id);

REVOKE ALL ON FUNCTION kept_key, earlier_job, forget_jobs_gone FROM PUBLIC;
