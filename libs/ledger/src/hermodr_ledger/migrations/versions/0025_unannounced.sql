-- That no message of a row is on its way has a column of its own; it was an `announcements` of -1, which is a count again.
-- While services of the release before still run: their -1 counts as 0, so such a row waits its turn in a crowded lane, at
-- most 145 seconds; and they may leave `unannounced` true, so that a row is announced once more. Nothing is lost.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE deliveries ADD COLUMN unannounced boolean NOT NULL DEFAULT false;
ALTER TABLE jobs ADD COLUMN unannounced boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN deliveries.unannounced IS 'No message of it is on its way: the scheduler announces it at wake_at, whatever its lane has to do.';
COMMENT ON COLUMN jobs.unannounced IS 'It was requested by SQL, and nobody has announced it yet.';

-- Rows that do not wait are left: whoever has them wait again sets both columns.
UPDATE deliveries SET announcements = 0, unannounced = true WHERE wake_at IS NOT NULL AND announcements < 0;
UPDATE jobs SET announcements = 0, unannounced = true WHERE wake_at IS NOT NULL AND announcements < 0;

CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    job.id := coalesce(job.id, new_job_id());
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, metadata, group_id, update_id, singleton_key, scheduled_for, expires_at, max_retries, cancel_key,
        created_at, wake_at, unannounced)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.metadata, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, job.expires_at,
        job.max_retries, job.cancel_key,
        asked, coalesce(job.scheduled_for, asked), job.scheduled_for IS NULL);
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN job.id;
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
        wake_at = CASE WHEN later THEN j.scheduled_for ELSE now() END, announcements = 0, unannounced = NOT later,
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
