-- Looking at what waits, cancelling and asking again by SQL: what DELETE /v1/jobs/{id} and POST /v1/jobs/{id}/retry do, in
-- the caller's transaction (hermodr_ledger.cancelling and .requeueing; a test holds the two equal).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION get_queued_notifications(p_limit int DEFAULT 10)
    RETURNS TABLE (id uuid, type text, recipient_email text, payload jsonb, status text, urgency text, retry_count int,
        scheduled_for timestamptz, next_retry_at timestamptz, created_at timestamptz)
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        PERFORM refuse('p_limit', 'must be within 1 and 1000');
    END IF;
    RETURN QUERY
    SELECT j.id, j.type, coalesce(j.to_email, r.email), coalesce(j.content, j.data), j.state,
        (ARRAY['urgent', 'normal', 'low'])[j.priority + 1], coalesce(d.retries, 0), j.scheduled_for, d.due_at, j.created_at
    FROM jobs j LEFT JOIN recipients r ON r.id = j.recipient_id
    LEFT JOIN LATERAL (
        SELECT min(e.due_at) AS due_at, max(e.attempt - e.earlier_attempts)::int AS retries FROM deliveries e
        WHERE e.id > j.id AND e.id <= last_child_of(j.id) AND e.state = 'retrying'
    ) d ON j.state = 'retrying'
    WHERE j.kind <> 'task' AND (j.expires_at > now()) IS NOT FALSE AND (
        (j.state = 'queued' AND j.wake_at IS NOT NULL)
        OR (j.state = 'scheduled' AND j.wake_at <= now())
        OR (j.state = 'retrying' AND d.due_at <= now()))
    ORDER BY j.priority, j.created_at, j.id LIMIT p_limit;
END $$;
COMMENT ON FUNCTION get_queued_notifications IS
    'The notifications that wait and are due, the most urgent and oldest first; nothing is changed. payload is what was '
    'given to be sent, or the template''s variables. The services need nobody to call it: it is for looking.';

CREATE FUNCTION job_in_reach(job_id uuid) RETURNS jobs
    LANGUAGE sql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
    SELECT j.* FROM jobs j WHERE j.id = job_id AND (j.project_id = named_project()) IS NOT FALSE
    $$;
COMMENT ON FUNCTION job_in_reach IS 'The job, if it is of the project of SET hermodr.project, or that is not set.';

CREATE FUNCTION note_change(job jobs, action text, detail jsonb) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = hermodr, pg_catalog, pg_temp AS $$
    INSERT INTO audit_log (id, project_id, actor, actor_id, action, subject, detail)
    VALUES (new_job_id(), job.project_id, 'sql', session_user, action, job.id::text, detail)
    $$;

-- Deliveries are locked before their job, as whoever records attempts does. Should the dispatcher have made some between
-- the two looks, the locks are given back (by the block's end) and it looks again.
CREATE FUNCTION cancel_job(p_job jobs, reason text) RETURNS boolean
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
            IF job.finished_at IS NOT NULL OR job.id IS NULL OR sending THEN
                RETURN false;
            ELSIF cardinality(waiting) <> job.open_deliveries THEN
                RAISE EXCEPTION USING ERRCODE = 'HM001', MESSAGE = 'the job keeps changing: try again';
            END IF;
            UPDATE deliveries d SET state = 'cancelled', finished_at = now(), wake_at = NULL, due_at = NULL
            FROM unnest(waiting) AS w(id) WHERE d.id = w.id;
            UPDATE jobs j SET state = 'cancelled', finished_at = now(), wake_at = NULL, open_deliveries = 0 WHERE j.id = job.id;
            INSERT INTO events (job_id, at, kind, detail) VALUES (job.id, now(), 'cancel_requested',
                jsonb_strip_nulls(jsonb_build_object('by', 'sql', 'reason', reason)));
            DELETE FROM singletons s
            WHERE s.project_id = job.project_id AND s.key = job.singleton_key AND s.job_id = job.id;
            PERFORM note_change(job, 'job.cancel',
                jsonb_build_object('was', job.state, 'deliveries', cardinality(waiting)));
            RETURN true;
        EXCEPTION WHEN SQLSTATE 'HM001' THEN
            NULL;
        END;
    END LOOP;
    RAISE EXCEPTION 'p_id: the job keeps changing: try again' USING ERRCODE = 'object_in_use';
END $$;
COMMENT ON FUNCTION cancel_job IS 'Whether the job was cancelled; false: it had ended, or a sender holds a delivery of it.';

CREATE FUNCTION requeue_job(p_job jobs, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    later boolean;
BEGIN
    IF p_job.singleton_key IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('singleton/' || p_job.project_id || '/' || p_job.singleton_key, 0));
    END IF;
    SELECT j.* INTO job FROM jobs j WHERE j.id = p_job.id AND j.finished_at IS NOT NULL FOR UPDATE;
    IF job.id IS NULL OR NOT (
        SELECT (job.state IN ('failed', 'cancelled') AND count(*) = 0)
            OR count(*) FILTER (WHERE d.state IN ('failed', 'bounced', 'unknown', 'cancelled', 'suppressed')) > 0
        FROM deliveries d WHERE d.id > job.id AND d.id <= last_child_of(job.id)
    ) THEN
        RETURN false;
    END IF;
    IF job.singleton_key IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM singletons s JOIN jobs o ON o.id = s.job_id WHERE s.project_id = job.project_id
                   AND s.key = job.singleton_key AND s.job_id <> job.id AND o.finished_at IS NULL) THEN
            RETURN false;
        END IF;
        INSERT INTO singletons (project_id, key, job_id) VALUES (job.project_id, job.singleton_key, job.id)
        ON CONFLICT (project_id, key) DO UPDATE SET job_id = excluded.job_id;
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
COMMENT ON FUNCTION requeue_job IS
    'Whether the job waits again; false: it has not ended, nothing of it is left to send, or another one has its singleton key.';

CREATE FUNCTION update_notification_status(p_id uuid, p_status text, p_error text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    IF p_id IS NULL THEN
        PERFORM refuse('p_id', 'is missing');
    ELSIF p_status IS NULL OR p_status NOT IN ('cancelled', 'queued') THEN
        PERFORM refuse('p_status', format('%L is neither cancelled nor queued: what is sent and fails is for the senders to say',
            p_status));
    ELSIF length(p_error) > 500 THEN
        PERFORM refuse('p_error', 'has more than 500 characters');
    END IF;
    job := job_in_reach(p_id);
    IF job.id IS NULL THEN
        RETURN false;
    END IF;
    RETURN CASE p_status WHEN 'cancelled' THEN cancel_job(job, p_error) ELSE requeue_job(job, p_error) END;
END $$;
COMMENT ON FUNCTION update_notification_status IS
    'Cancels a job (cancelled) or asks for one again that failed or was cancelled (queued), as the API does; p_error is the '
    'reason its timeline gives. True: done. False: there is no such job, or it is not in a state for that; nothing changed.';

REVOKE ALL ON FUNCTION get_queued_notifications, job_in_reach, note_change, cancel_job, requeue_job,
    update_notification_status FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_queued_notifications TO hermodr_reader, hermodr_operator;
GRANT EXECUTE ON FUNCTION refuse TO hermodr_reader, hermodr_operator;  -- which it calls with the caller's rights
GRANT EXECUTE ON FUNCTION update_notification_status TO hermodr_producer, hermodr_operator;
