-- Requests in SQL are counted by one statement. What is cleaned up is not stored any more.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION refuse_above_quota(project uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'quota % exceeded', (SELECT coalesce(min(u.exceeded), 'of the project') FROM project_usage u
                                         WHERE u.project_id = project)
        USING ERRCODE = 'program_limit_exceeded',
            HINT = 'GET /v1/projects/me and hermodr project show tell the quotas of a project.';
END $$;

CREATE FUNCTION week_of(id uuid) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
    SELECT date_trunc('week', to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
        AT TIME ZONE 'UTC')::date
    $$;
COMMENT ON FUNCTION week_of IS 'The Monday of the week (UTC) in which an id was made.';

CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    IF job.kind IN ('notification', 'task') THEN
        INSERT INTO accepted_elsewhere (project_id, jobs) SELECT job.project_id, 1 WHERE NOT EXISTS (
            SELECT FROM project_usage u
            WHERE u.project_id = job.project_id AND u.exceeded IS NOT NULL AND u.exceeded_until > clock_timestamp());
        IF NOT FOUND THEN
            PERFORM refuse_above_quota(job.project_id);
        END IF;
    END IF;
    job.id := coalesce(job.id, new_job_id());
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, metadata, group_id, update_id, singleton_key, scheduled_for, expires_at, max_retries, cancel_key,
        created_at, wake_at, unannounced, envelope, digest, deliver_at)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.metadata, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, job.expires_at,
        job.max_retries, job.cancel_key,
        asked, coalesce(job.scheduled_for, asked), job.scheduled_for IS NULL, with_mail_defaults(job), job.digest,
        job.deliver_at);
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN job.id;
END $$;

DROP FUNCTION count_accepted;

-- The contents of a week are taken to be of one size.
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
        DELETE FROM jobs WHERE id < uuid_floor(before) AND finished_at < before RETURNING id, project_id
    ), measured AS (
        SELECT project_id, week_of(id) AS week, count(*) AS jobs FROM deleted
        WHERE id <= (SELECT u.job_id FROM stored_until u) GROUP BY project_id, week
    ), smaller AS (
        UPDATE stored_weeks w SET jobs = greatest(w.jobs - m.jobs, 0),
            octets = w.octets * greatest(w.jobs - m.jobs, 0) / greatest(w.jobs, 1)
        FROM measured m WHERE w.project_id = m.project_id AND w.week = m.week
    ) SELECT coalesce(array_agg(id), '{}') INTO gone FROM deleted;
    PERFORM forget_jobs_gone(gone, before);
    RETURN cardinality(gone);
END $$;

REVOKE ALL ON FUNCTION refuse_above_quota, week_of FROM PUBLIC;
REVOKE ALL ON FUNCTION audit_log_is_kept FROM PUBLIC;  -- as of all others
