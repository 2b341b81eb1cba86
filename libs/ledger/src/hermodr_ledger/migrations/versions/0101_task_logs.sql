-- What tasks log while they run (hermodr_ledger.tasks.logs). It goes with what is kept of the attempt.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE task_logs (
    job_id uuid,
    claimed_at timestamptz,      -- when the attempt began; one that was handed back has the number of the next
    number int,                  -- of the line; what is missing was left out
    attempt smallint NOT NULL,
    at timestamptz NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (job_id, claimed_at, number)
);
COMMENT ON TABLE task_logs IS 'Lines that tasks log; bounded for each attempt.';
REVOKE ALL ON TABLE task_logs FROM PUBLIC;

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
    DELETE FROM task_logs l WHERE l.job_id = ANY (gone);
    DELETE FROM event_windows w WHERE w.closed_at < before
        AND NOT EXISTS (SELECT 1 FROM window_events e WHERE e.window_id = w.id);
    DELETE FROM batches b WHERE b.last_job_id < uuid_floor(before) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id >= b.first_job_id AND j.id <= b.last_job_id AND j.batch_id = b.id);
END $$;

CREATE OR REPLACE FUNCTION forget_tasks(before timestamptz, most int) RETURNS int
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
    WITH forgotten AS (
        DELETE FROM task_attempts a USING unnest(old) w(id) WHERE a.job_id = w.id AND a.finished_at < before
        RETURNING a.job_id, a.number)
    DELETE FROM task_logs l USING forgotten f WHERE l.job_id = f.job_id AND l.attempt = f.number;
    RETURN looked;
END $$;
