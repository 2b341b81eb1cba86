-- Notifications that go channel by channel until somebody looked (hermodr_ledger.jobs.escalating).

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN escalate jsonb;
COMMENT ON COLUMN jobs.escalate IS 'How its channels follow each other: after (seconds before each but the first), unless.';

CREATE TABLE escalations (
    job_id uuid PRIMARY KEY,
    step smallint NOT NULL
);
COMMENT ON TABLE escalations IS 'Unfinished jobs whose next channel waits for its time: jobs.wake_at. Each counts as one of the job''s open deliveries.';
COMMENT ON COLUMN escalations.step IS 'The place of that channel among jobs.channels, from 0.';

-- The step that waits is cancelled, too.
CREATE OR REPLACE FUNCTION cancel_job(p_job jobs, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    waiting uuid[];
    sending boolean;
    held int;
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
            END IF;
            DELETE FROM escalations e WHERE e.job_id = job.id;
            GET DIAGNOSTICS held = ROW_COUNT;
            IF cardinality(waiting) <> job.open_deliveries - held THEN
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
