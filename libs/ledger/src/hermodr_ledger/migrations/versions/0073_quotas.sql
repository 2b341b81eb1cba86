-- What a project may use, and what it uses.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE projects ADD COLUMN xact xid8;     -- null in older rows: lists miss nothing by it
ALTER TABLE projects ALTER COLUMN xact SET DEFAULT pg_current_xact_id();
CREATE INDEX projects_committed ON projects (xact) WHERE xact IS NOT NULL;

CREATE TABLE project_quotas (                  -- null: the installation's default (HERMODR_QUOTA_…); -1: no limit
    project_id uuid PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    requests_per_second bigint CHECK (requests_per_second = -1 OR requests_per_second BETWEEN 1 AND 999999999),
    accepted_per_day bigint CHECK (accepted_per_day >= -1),
    bulks_under_way bigint CHECK (bulks_under_way = -1 OR bulks_under_way > 0),
    waiting_jobs bigint CHECK (waiting_jobs >= -1),
    stored_bytes bigint CHECK (stored_bytes >= -1),
    sockets bigint CHECK (sockets >= -1),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Jobs that may be accepted are taken by the api processes in slices, before they are used.
CREATE TABLE accepted_days (
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    day date,                                  -- UTC
    taken bigint NOT NULL,                     -- by all processes, less what they returned
    used bigint NOT NULL,                      -- jobs accepted, as far as the processes told it
    most bigint NOT NULL,                      -- what was asked and given last
    wanted bigint NOT NULL,
    returned bigint NOT NULL,
    granted bigint NOT NULL,
    PRIMARY KEY (project_id, day)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Jobs accepted in somebody's transaction (SQL, schedules), which must not hold a row of the day until it commits.
CREATE TABLE accepted_elsewhere (
    project_id uuid NOT NULL,
    jobs bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE project_usage (                   -- measured by the scheduler every few seconds
    project_id uuid PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    waiting_jobs bigint NOT NULL DEFAULT 0,
    stored_bytes bigint NOT NULL DEFAULT 0,
    exceeded text,                             -- the quota that SQL and schedules exceed …
    exceeded_until timestamptz                 -- … until then, unless it is measured anew
);

CREATE TABLE stored_weeks (                    -- by the weeks of the jobs' ids, with which they are dropped
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    week date,                                 -- its Monday
    jobs bigint NOT NULL,
    octets bigint NOT NULL,                    -- of their contents and attachments, as they are kept
    PRIMARY KEY (project_id, week)
);

CREATE TABLE stored_until (                    -- jobs up to this id are in stored_weeks
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    job_id uuid NOT NULL
);
INSERT INTO stored_until (job_id) VALUES ('00000000-0000-0000-0000-000000000000');

CREATE FUNCTION count_accepted(project uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    exceeded text;
BEGIN
    SELECT u.exceeded INTO exceeded FROM project_usage u
    WHERE u.project_id = project AND u.exceeded_until > clock_timestamp();
    IF exceeded IS NOT NULL THEN
        RAISE EXCEPTION 'quota % exceeded', exceeded USING ERRCODE = 'program_limit_exceeded',
            HINT = 'the quotas of a project are shown by GET /v1/projects/me and hermodr project show';
    END IF;
    INSERT INTO accepted_elsewhere (project_id, jobs) VALUES (project, 1);
END $$;
COMMENT ON FUNCTION count_accepted IS 'Counts one job; raises if its project has accepted too much today, or too much waits.';

-- As before, but for the quotas: what Hermodr makes of its own accord (digests, reminders) is not counted.
CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    IF job.kind IN ('notification', 'task') THEN
        PERFORM count_accepted(job.project_id);
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

REVOKE ALL ON FUNCTION count_accepted FROM PUBLIC;
