-- Singleton keys are held by their row, not by an advisory lock: as many as one transaction likes, without a place in the
-- lock memory that all share (15,300 of them filled it). Who wants a key that an open transaction holds waits for its end,
-- or for the session's lock_timeout.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION hold_singleton(job jobs) RETURNS uuid
    LANGUAGE plpgsql AS $$
DECLARE
    holder uuid;
BEGIN
    -- seen without a lock, which nobody whom that job needs is to wait for
    SELECT s.job_id INTO holder FROM singletons s JOIN jobs j ON j.id = s.job_id
    WHERE s.project_id = job.project_id AND s.key = job.singleton_key AND s.job_id <> job.id AND j.finished_at IS NULL;
    IF holder IS NOT NULL THEN
        RETURN holder;
    END IF;
    INSERT INTO singletons AS s (project_id, key, job_id) VALUES (job.project_id, job.singleton_key, job.id)
    ON CONFLICT (project_id, key) DO UPDATE SET job_id = s.job_id
    RETURNING s.job_id INTO holder;
    IF holder = job.id THEN
        RETURN NULL;
    ELSIF EXISTS (SELECT 1 FROM jobs j WHERE j.id = holder AND j.finished_at IS NULL) THEN
        RETURN holder;
    END IF;
    UPDATE singletons s SET job_id = job.id WHERE s.project_id = job.project_id AND s.key = job.singleton_key;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hold_singleton IS
    'Takes the job''s singleton key until the transaction ends, as hermodr_ledger.singletons does; the job that has it, or null.';

-- Each key is taken, and given back at once: in the time a key that is held takes, thousands that are free are looked at.
CREATE FUNCTION contested_keys(kind text, projects uuid[], keys text[]) RETURNS SETOF int
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp SET lock_timeout = '2ms' AS $$
BEGIN
    FOR nth IN 1..cardinality(keys) LOOP
        BEGIN
            IF kind = 'singleton' THEN
                INSERT INTO singletons AS s (project_id, key, job_id) VALUES (projects[nth], keys[nth], projects[nth])
                ON CONFLICT (project_id, key) DO UPDATE SET job_id = s.job_id WHERE false;
            ELSE
                INSERT INTO idempotency_keys (project_id, key, fingerprint) VALUES (projects[nth], keys[nth], '')
                ON CONFLICT (project_id, key) DO NOTHING;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'HM002', MESSAGE = 'the key is free';
        EXCEPTION
            WHEN lock_not_available THEN
                RETURN NEXT nth;
            WHEN SQLSTATE 'HM002' THEN
                NULL;
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION contested_keys IS 'Which of the keys (singleton, idempotency), by their place, uncommitted transactions hold.';

CREATE OR REPLACE FUNCTION enqueue_task(
    type text DEFAULT NULL, payload jsonb DEFAULT NULL, singleton_key text DEFAULT NULL,
    priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL, cancel_key text DEFAULT NULL,
    max_retries int DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    job jobs;
    earlier uuid;
    holder uuid;
BEGIN
    job.project_id := sole_project();
    job.id := new_job_id();
    PERFORM refuse_odd_type('type', type);
    PERFORM refuse_odd_object('payload', payload);
    PERFORM refuse_odd_retries(max_retries);
    IF length(singleton_key) NOT BETWEEN 1 AND 200 THEN
        PERFORM refuse('singleton_key', 'must have 1 to 200 characters');
    END IF;
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('enqueue_task', type, payload, singleton_key, priority,
            scheduled_for, expires_at, metadata, cancel_key, max_retries));
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.kind := 'task';
    job.type := type;
    job.priority := lane_of('priority', priority);
    job.data := coalesce(payload, '{}');
    job.content := CASE WHEN max_retries IS NOT NULL THEN jsonb_build_object('max_retries', max_retries) END;
    job.singleton_key := singleton_key;
    job := labelled(timed(job, scheduled_for, expires_at), metadata, cancel_key);
    IF singleton_key IS NOT NULL THEN
        holder := hold_singleton(job);
        IF holder IS NOT NULL THEN
            RAISE EXCEPTION 'singleton_key: job % has this key and is not finished', holder
                USING ERRCODE = 'unique_violation';
        END IF;
    END IF;
    RETURN take_on(job);
END $$;

CREATE OR REPLACE FUNCTION requeue_job(p_job jobs, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    later boolean;
    most_attempts CONSTANT int := 30000;
BEGIN
    IF p_job.finished_at IS NULL OR (p_job.singleton_key IS NOT NULL AND hold_singleton(p_job) IS NOT NULL) THEN
        RETURN false;
    END IF;
    SELECT j.* INTO job FROM jobs j WHERE j.id = p_job.id AND j.finished_at IS NOT NULL FOR UPDATE;
    IF job.id IS NULL THEN  -- somebody else was faster: the key is the job's
        RETURN false;
    ELSIF NOT (
        SELECT (job.state IN ('failed', 'cancelled') AND count(*) = 0)
            OR (count(*) FILTER (WHERE d.state IN ('failed', 'bounced', 'unknown', 'cancelled', 'suppressed')) > 0
                AND max(d.attempt) < most_attempts)
        FROM deliveries d WHERE d.id > job.id AND d.id <= last_child_of(job.id)
    ) THEN
        DELETE FROM singletons s WHERE s.project_id = job.project_id AND s.key = job.singleton_key AND s.job_id = job.id;
        RETURN false;
    END IF;
    later := coalesce(job.scheduled_for > now(), false);
    UPDATE jobs j SET state = CASE WHEN later THEN 'scheduled' ELSE 'queued' END,
        wake_at = CASE WHEN later THEN j.scheduled_for ELSE now() END, announcements = CASE WHEN later THEN 0 ELSE -1 END,
        open_deliveries = 0, finished_at = NULL, processed_at = NULL, error = NULL, result = NULL,
        requeues = least(j.requeues, 30000) + 1
    WHERE j.id = job.id;
    INSERT INTO events (job_id, kind, detail) VALUES (job.id, 'retry_requested', jsonb_strip_nulls(jsonb_build_object(
        'was', job.state, 'error', job.error, 'ended_at', job.finished_at, 'by', 'sql', 'reason', reason)));
    UPDATE dead_letters l SET replayed_at = now() WHERE l.job_id = job.id AND l.replayed_at IS NULL;
    PERFORM note_change(job, 'job.retry', '{}');
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION hold_singleton, contested_keys FROM PUBLIC;
