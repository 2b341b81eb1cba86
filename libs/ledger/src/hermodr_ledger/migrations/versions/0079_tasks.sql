-- Tasks that wait or run, and what became of each attempt (hermodr_ledger.tasks).

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE task_types
    ADD COLUMN payload_schema jsonb,                            -- JSON Schema of the payload; null: any
    ADD COLUMN timeout_seconds float8 NOT NULL DEFAULT 1800,
    ADD COLUMN retries smallint NOT NULL DEFAULT 3,
    ADD COLUMN concurrency int,                                 -- at a time, of all workers; null: any number
    ADD COLUMN rate float8,                                     -- begun in a second, of all workers; null: any number
    ADD COLUMN tokens float8 NOT NULL DEFAULT 1,                -- may begin at once, as of refilled_at
    ADD COLUMN refilled_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();      -- when a worker that has it said so last

CREATE TABLE tasks (
    job_id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    type text NOT NULL,
    priority smallint NOT NULL,
    fairness_key text NOT NULL DEFAULT '',
    attempt smallint NOT NULL DEFAULT 0,          -- how many have begun
    earlier_attempts smallint NOT NULL DEFAULT 0, -- of these before the job was last asked for again
    max_retries smallint,
    worker text,                                  -- who runs it; null: it waits
    claimed_at timestamptz,
    lease_until timestamptz,
    cancel_requested_at timestamptz,
    progress jsonb
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX tasks_waiting ON tasks (priority, type, project_id, fairness_key, job_id) WHERE worker IS NULL;
CREATE INDEX tasks_running ON tasks (type) WHERE worker IS NOT NULL;
COMMENT ON TABLE tasks IS 'Tasks that wait for a worker or are run by one; those that ended have none.';

CREATE TABLE task_attempts (
    job_id uuid,
    number smallint,
    requeues smallint NOT NULL,          -- how often the job had been asked for again
    worker text NOT NULL,
    outcome text NOT NULL,               -- completed, failed, timeout, cancelled, lost
    error text,
    detail text,                         -- where it failed: files and lines, no values
    progress jsonb,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, number)
);
CREATE INDEX task_attempts_finished ON task_attempts (finished_at);

-- A running task is told to stop; it ends as cancelled when its worker has obeyed.
CREATE OR REPLACE FUNCTION cancel_job(p_job jobs, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    waiting uuid[];
    sending boolean;
    tries CONSTANT int := 5;
BEGIN
    FOR _ IN 1..tries LOOP
        BEGIN
            SELECT coalesce(array_agg(d.id) FILTER (WHERE d.state IN ('queued', 'retrying')), '{}'),
                   coalesce(bool_or(d.state = 'sending'), false)
            INTO waiting, sending
            FROM (SELECT id, state FROM deliveries WHERE id > p_job.id AND id <= last_child_of(p_job.id)
                  ORDER BY id FOR UPDATE) d;
            SELECT j.* INTO job FROM jobs j WHERE j.id = p_job.id FOR UPDATE;
            IF job.finished_at IS NOT NULL OR job.id IS NULL OR sending
                OR (job.kind <> 'task' AND job.state = 'processing' AND job.open_deliveries = 0) THEN
                RETURN false;
            ELSIF cardinality(waiting) <> job.open_deliveries THEN
                RAISE EXCEPTION USING ERRCODE = 'HM001', MESSAGE = 'the job keeps changing: try again';
            END IF;
            UPDATE tasks t SET cancel_requested_at = coalesce(t.cancel_requested_at, now())
            WHERE t.job_id = job.id AND t.worker IS NOT NULL AND job.kind = 'task' AND job.state = 'processing';
            IF NOT FOUND THEN
                UPDATE deliveries d SET state = 'cancelled', finished_at = now(), wake_at = NULL, due_at = NULL
                FROM unnest(waiting) AS w(id) WHERE d.id = w.id;
                UPDATE jobs j SET state = 'cancelled', finished_at = now(), wake_at = NULL, open_deliveries = 0
                WHERE j.id = job.id;
                DELETE FROM singletons s
                WHERE s.project_id = job.project_id AND s.key = job.singleton_key AND s.job_id = job.id;
            END IF;
            INSERT INTO events (job_id, at, kind, detail) VALUES (job.id, now(), 'cancel_requested',
                jsonb_strip_nulls(jsonb_build_object('by', 'sql', 'reason', reason)));
            PERFORM note_change(job, 'job.cancel',
                jsonb_build_object('was', job.state, 'deliveries', cardinality(waiting)));
            RETURN true;
        EXCEPTION WHEN SQLSTATE 'HM001' THEN
            NULL;
        END;
    END LOOP;
    RAISE EXCEPTION 'p_id: the job keeps changing: try again' USING ERRCODE = 'object_in_use';
END $$;
COMMENT ON FUNCTION cancel_job IS
    'Whether the job was cancelled, or told to stop if it is a running task; false: it had ended, or a sender holds it.';

CREATE OR REPLACE FUNCTION forget_jobs_gone(gone uuid[], before timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM deliveries d USING unnest(gone) g(id) WHERE d.id > g.id AND d.id <= last_child_of(g.id);
    DELETE FROM attempts a USING unnest(gone) g(id) WHERE a.delivery_id > g.id AND a.delivery_id <= last_child_of(g.id);
    DELETE FROM events e USING unnest(gone) g(id) WHERE e.job_id = g.id;
    DELETE FROM attachments a USING unnest(gone) g(id) WHERE a.job_id = g.id;
    DELETE FROM dead_letters l USING unnest(gone) g(id) WHERE l.job_id = g.id;
    DELETE FROM job_standings s WHERE s.id = ANY (gone);
    DELETE FROM singletons s WHERE s.job_id = ANY (gone);
    DELETE FROM set_aside a USING unnest(gone) g(id) WHERE left(a.subject, 32) = left(g.id::text, 32);
    DELETE FROM window_events e WHERE e.job_id = ANY (gone);
    DELETE FROM tasks t WHERE t.job_id = ANY (gone);
    DELETE FROM task_attempts a WHERE a.job_id = ANY (gone);
    DELETE FROM event_windows w WHERE w.closed_at < before
        AND NOT EXISTS (SELECT 1 FROM window_events e WHERE e.window_id = w.id);
    DELETE FROM batches b WHERE b.last_job_id < uuid_floor(before) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id >= b.first_job_id AND j.id <= b.last_job_id AND j.batch_id = b.id);
END $$;

-- Tasks whose last attempt ended before that, with all that belongs to them; how many attempts were looked at. Older attempts
-- of a job that was asked for again since go, too.
CREATE FUNCTION forget_tasks(before timestamptz, most int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    old uuid[];
    gone uuid[];
    looked int;
BEGIN
    SELECT array_agg(DISTINCT o.job_id), count(*) INTO old, looked FROM (
        SELECT a.job_id FROM task_attempts a WHERE a.finished_at < before ORDER BY a.finished_at LIMIT most) o;
    WITH deleted AS (
        DELETE FROM jobs j USING unnest(old) w(id)
        WHERE j.id = w.id AND j.kind = 'task' AND j.finished_at < before RETURNING j.id)
    SELECT array_agg(id) INTO gone FROM deleted;
    PERFORM forget_jobs_gone(gone, before) WHERE gone IS NOT NULL;
    DELETE FROM task_attempts a USING unnest(old) w(id) WHERE a.job_id = w.id AND a.finished_at < before;
    RETURN looked;
END $$;
COMMENT ON FUNCTION forget_tasks IS 'Deletes tasks whose last attempt ended before that; how many attempts were looked at.';
REVOKE ALL ON FUNCTION forget_tasks FROM PUBLIC;
