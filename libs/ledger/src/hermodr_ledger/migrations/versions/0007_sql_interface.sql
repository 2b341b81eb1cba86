-- The interface for callers who speak SQL: functions that request work inside the caller's own transaction, and views
-- that tell what became of it. The functions run with the rights of the ledger's owner, so that a caller needs none on
-- the tables; each pins its search_path, so that nobody can slip a table of their own under it.

SET LOCAL search_path = hermodr, pg_catalog;

-- Roles belong to the whole server: another database of it may have made them already, or be making them right now.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['hermodr_producer', 'hermodr_reader', 'hermodr_operator'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    RAISE DEBUG 'role % was made meanwhile', wanted;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the role % does not exist, and % may not create it', wanted, current_user
                        USING HINT = format('As a superuser: CREATE ROLE %I NOLOGIN; then migrate again.', wanted);
            END;
        END IF;
    END LOOP;
END $$;

CREATE TABLE retry_ladder (                    -- as the services are configured; the scheduler writes it when it starts
    step smallint PRIMARY KEY CHECK (step > 0),
    pause interval NOT NULL
);
INSERT INTO retry_ladder VALUES (1, '10 seconds'), (2, '60 seconds'), (3, '5 minutes');

-- Requesting work ------------------------------------------------------------------------------------------------------

CREATE FUNCTION refuse(argument text, reason text) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%: %', argument, reason USING ERRCODE = 'invalid_parameter_value';
END $$;

CREATE FUNCTION new_job_id() RETURNS uuid
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
        || substr(r, 14, 15) || '0000')::uuid
    FROM replace(gen_random_uuid()::text, '-', '') AS r
    $$;
COMMENT ON FUNCTION new_job_id IS 'A fresh uuid7 (RFC 9562) whose last sixteen bits are zero: they number what belongs to the job.';

CREATE FUNCTION named_project() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    named CONSTANT text := nullif(current_setting('hermodr.project', true), '');
    found uuid;
BEGIN
    IF named IS NOT NULL THEN
        SELECT p.id INTO found FROM projects p WHERE p.name = named;
        IF found IS NULL THEN
            PERFORM refuse('hermodr.project', format('there is no project %L', named));
        END IF;
    END IF;
    RETURN found;
END $$;
COMMENT ON FUNCTION named_project IS 'The project of SET hermodr.project; null if that is not set.';

CREATE FUNCTION sole_project() RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    found uuid[] := ARRAY[named_project()];
BEGIN
    IF found[1] IS NULL THEN
        found := ARRAY(SELECT p.id FROM projects p LIMIT 2);
    END IF;
    IF cardinality(found) = 0 THEN
        PERFORM refuse('hermodr.project', 'there is no project yet; hermodr keys create --project NAME makes one');
    ELSIF cardinality(found) > 1 THEN
        PERFORM refuse('hermodr.project', 'there are several projects: SET hermodr.project = NAME, or for good '
            'ALTER ROLE … SET hermodr.project = NAME');
    END IF;
    RETURN found[1];
END $$;
COMMENT ON FUNCTION sole_project IS 'The project of SET hermodr.project, else the only one there is.';

-- Announced by the scheduler, who hears the NOTIFY when the caller's transaction commits; -1: nobody announced it yet.
CREATE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    job.id := new_job_id();
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, group_id, update_id, singleton_key, scheduled_for, created_at, wake_at, announcements)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, asked,
        coalesce(job.scheduled_for, asked), CASE WHEN job.scheduled_for IS NULL THEN -1 ELSE 0 END);
    PERFORM pg_notify('hermodr_due', '');
    RETURN job.id;
END $$;

CREATE FUNCTION refuse_odd_object(argument text, given jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(given) <> 'object' THEN
        PERFORM refuse(argument, 'must be a JSON object');
    ELSIF octet_length(given::text) > 1048576 THEN
        PERFORM refuse(argument, 'is larger than 1 MiB');
    END IF;
END $$;

CREATE FUNCTION refuse_odd_type(argument text, wanted text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF wanted IS NULL OR wanted !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$' THEN
        PERFORM refuse(argument, 'must be 1 to 100 letters, digits and ._:- and begin with a letter or digit');
    END IF;
END $$;

CREATE FUNCTION saying(job jobs, type_argument text, type text, content_argument text, content jsonb) RETURNS jobs
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    own CONSTANT text[] := ARRAY['subject', 'body', 'body_text', 'body_html'];
    field text;
    subject CONSTANT text := content->>'subject';
    body_text CONSTANT text := coalesce(content->>'body_text', content->>'body');
BEGIN
    PERFORM refuse_odd_type(type_argument, type);
    job.kind := 'notification';
    job.type := type;
    PERFORM refuse_odd_object(content_argument, content);
    job.data := coalesce(content, '{}') - own;
    IF job.data = coalesce(content, '{}') THEN
        IF NOT EXISTS (SELECT 1 FROM templates t WHERE t.project_id = job.project_id AND t.name = type) THEN
            PERFORM refuse(type_argument, format('there is no template %L, and %s has no subject and body of its own',
                type, content_argument));
        END IF;
        RETURN job;
    END IF;
    FOREACH field IN ARRAY own LOOP
        IF jsonb_typeof(content->field) NOT IN ('string', 'null') OR content->>field = '' THEN
            PERFORM refuse(content_argument, format('%s must be a text, and not an empty one', field));
        END IF;
    END LOOP;
    IF subject IS NULL OR coalesce(body_text, content->>'body_html') IS NULL THEN
        PERFORM refuse(content_argument, 'to be sent as given it needs a subject and a body (or body_text, body_html)');
    ELSIF subject ~ '[\r\n]' OR length(subject) > 998 THEN
        PERFORM refuse(content_argument, 'subject must be a single line of at most 998 characters');
    END IF;
    job.content := jsonb_build_object('subject', subject, 'body_text', body_text, 'body_html', content->>'body_html');
    RETURN job;
END $$;
COMMENT ON FUNCTION saying IS
    'The job with what it says: subject and body as given (body is another name of body_text), else a template''s variables.';

CREATE FUNCTION enqueue_notification_job(
    recipient_id uuid, group_id uuid, update_id uuid, notification_type text, urgency text, delivery_method text,
    content jsonb, delay_minutes int
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    longest CONSTANT int := 366 * 24 * 60;
    job jobs;
BEGIN
    IF recipient_id IS NULL THEN
        PERFORM refuse('recipient_id', 'is missing');
    END IF;
    SELECT r.id, r.project_id, r.user_id INTO job.recipient_id, job.project_id, job.owner_id
    FROM recipients r WHERE r.id = recipient_id AND (r.project_id = named_project()) IS NOT FALSE;
    IF job.recipient_id IS NULL THEN
        PERFORM refuse('recipient_id', format('there is no recipient %s', recipient_id));
    ELSIF group_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = group_id AND g.project_id = job.project_id) THEN
        PERFORM refuse('group_id', format('there is no group %s', group_id));
    ELSIF update_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM updates u WHERE u.id = update_id AND u.project_id = job.project_id
                        AND (u.group_id = group_id) IS NOT FALSE) THEN
        PERFORM refuse('update_id', format('there is no update %s%s', update_id,
            CASE WHEN group_id IS NOT NULL THEN ' in that group' END));
    END IF;
    job.priority := array_position(ARRAY['urgent', 'normal', 'low'], coalesce(urgency, 'normal')) - 1;
    IF job.priority IS NULL THEN
        PERFORM refuse('urgency', format('%L is none of urgent, normal, low', urgency));
    ELSIF delivery_method <> ALL (ARRAY['email', 'sms', 'whatsapp', 'webhook', 'in_app']) THEN
        PERFORM refuse('delivery_method', format('%L is none of email, sms, whatsapp, webhook, in_app', delivery_method));
    ELSIF delay_minutes NOT BETWEEN 0 AND longest THEN
        PERFORM refuse('delay_minutes', format('%s is not within 0 and %s, which is 366 days', delay_minutes, longest));
    END IF;
    job.channels := CASE WHEN delivery_method IS NOT NULL THEN ARRAY[delivery_method] END;
    job.group_id := group_id;
    job.update_id := update_id;
    job.scheduled_for := CASE WHEN delay_minutes > 0 THEN clock_timestamp() + make_interval(mins => delay_minutes) END;
    RETURN take_on(saying(job, 'notification_type', notification_type, 'content', content));
END $$;
COMMENT ON FUNCTION enqueue_notification_job IS
    'Requests a notification for a recipient; part of the caller''s transaction. content: the template''s variables, or '
    'subject with body (or body_text, body_html) to be sent as given. Null: no group, no update, normal urgency, the '
    'channels the preferences allow, no delay. Returns the job''s id.';

CREATE FUNCTION queue_notification(p_type text, p_recipient_email text, p_payload jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    job.project_id := sole_project();
    IF coalesce(p_recipient_email, '') = '' THEN
        PERFORM refuse('p_recipient_email', 'is missing');
    ELSIF octet_length(split_part(p_recipient_email, '@', 1)) > 64 OR octet_length(p_recipient_email) > 254
        OR p_recipient_email !~ '^[^@[:space:][:cntrl:]"(),:;<>\\]+@([[:alnum:]]([[:alnum:]-]{0,61}[[:alnum:]])?\.)+[[:alnum:]-]{2,63}$'
    THEN
        PERFORM refuse('p_recipient_email', 'is not an email address');
    END IF;
    job.priority := 1;
    job.to_email := p_recipient_email;
    RETURN take_on(saying(job, 'p_type', p_type, 'p_payload', p_payload));
END $$;
COMMENT ON FUNCTION queue_notification IS
    'Requests a mail to a bare address; part of the caller''s transaction. p_type names a template and p_payload holds its '
    'variables, or p_payload has a subject and a body to be sent as given. The project: SET hermodr.project, else the only '
    'one there is. Returns the job''s id.';

CREATE FUNCTION enqueue_task(type text, payload jsonb, singleton_key text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    job jobs;
    holder uuid;
BEGIN
    job.project_id := sole_project();
    PERFORM refuse_odd_type('type', type);
    PERFORM refuse_odd_object('payload', payload);
    IF length(singleton_key) NOT BETWEEN 1 AND 255 THEN
        PERFORM refuse('singleton_key', 'must have 1 to 255 characters');
    END IF;
    job.kind := 'task';
    job.type := type;
    job.priority := 1;
    job.data := coalesce(payload, '{}');
    job.singleton_key := singleton_key;
    IF singleton_key IS NULL THEN
        RETURN take_on(job);
    END IF;
    -- the same lock as requests over HTTP take, so that all of them take turns
    PERFORM pg_advisory_xact_lock(hashtextextended('singleton/' || job.project_id || '/' || singleton_key, 0));
    SELECT s.job_id INTO holder FROM singletons s JOIN jobs j ON j.id = s.job_id
    WHERE s.project_id = job.project_id AND s.key = singleton_key AND j.finished_at IS NULL;
    IF holder IS NOT NULL THEN
        RAISE EXCEPTION 'singleton_key: job % has this key and is not finished', holder
            USING ERRCODE = 'unique_violation';
    END IF;
    job.id := take_on(job);
    INSERT INTO singletons (project_id, key, job_id) VALUES (job.project_id, singleton_key, job.id)
    ON CONFLICT (project_id, key) DO UPDATE SET job_id = excluded.job_id;
    RETURN job.id;
END $$;
COMMENT ON FUNCTION enqueue_task IS
    'Requests a task; part of the caller''s transaction. With a singleton_key only one unfinished task has it: a second '
    'request raises unique_violation and names the first. The project: as for queue_notification. Returns the job''s id.';

-- Operating -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION create_digest_jobs() RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    RAISE NOTICE 'this version of Hermodr has no digest schedules yet, so no digest is due';
    RETURN 0;
END $$;
COMMENT ON FUNCTION create_digest_jobs IS 'How many digest jobs it made. Always 0: there are no digest schedules yet.';

CREATE FUNCTION last_child_of(job_id uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT overlay(job_id::text PLACING 'ffff' FROM 33)::uuid $$;
COMMENT ON FUNCTION last_child_of IS 'The greatest id that can belong to the job.';

CREATE FUNCTION cleanup_notification_data(retention interval) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    before CONSTANT timestamptz := now() - retention;
    gone uuid[];
BEGIN
    IF retention IS NULL OR before > now() THEN
        PERFORM refuse('retention', 'must be an interval of zero or more, such as ''90 days''');
    END IF;
    WITH deleted AS (
        DELETE FROM jobs WHERE id < uuid_floor(before) AND finished_at < before RETURNING id
    ) SELECT coalesce(array_agg(id), '{}') INTO gone FROM deleted;
    DELETE FROM deliveries d USING unnest(gone) g(id) WHERE d.id > g.id AND d.id <= last_child_of(g.id);
    DELETE FROM attempts a USING unnest(gone) g(id) WHERE a.delivery_id > g.id AND a.delivery_id <= last_child_of(g.id);
    DELETE FROM events e USING unnest(gone) g(id) WHERE e.job_id = g.id;
    DELETE FROM dead_letters l USING unnest(gone) g(id) WHERE l.job_id = g.id;
    RETURN cardinality(gone);
END $$;
COMMENT ON FUNCTION cleanup_notification_data IS
    'Deletes the jobs that ended longer ago than the retention, with their deliveries, attempts, events and dead letters; '
    'returns how many jobs. (The scheduler drops whole weeks by itself: HERMODR_RETENTION_DAYS.)';

CREATE FUNCTION calculate_next_retry(retry_count int) RETURNS interval
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF retry_count IS NULL OR retry_count < 0 THEN
        PERFORM refuse('retry_count', 'must be 0 or more: how many retries there have been');
    END IF;
    RETURN (SELECT l.pause FROM retry_ladder l WHERE l.step - 1 = retry_count);
END $$;
COMMENT ON FUNCTION calculate_next_retry IS
    'How long to wait after that many retries before the next one, by the ladder of the running services; null: there is '
    'none, the delivery is dead.';

-- Looking -------------------------------------------------------------------------------------------------------------
-- With the rights of whoever looks: through them hermodr_reader sees what its policies show it, and nothing else.

CREATE VIEW notification_queue_status WITH (security_invoker = true) AS
SELECT j.project_id,
    count(*) FILTER (WHERE j.state = 'queued') AS ready_to_process,
    count(*) FILTER (WHERE j.state = 'scheduled') AS scheduled,
    count(*) FILTER (WHERE j.state = 'processing') AS processing,
    count(*) FILTER (WHERE j.state = 'retrying') AS waiting_for_retry,
    count(*) FILTER (WHERE j.state = 'completed') AS total_sent,
    count(*) FILTER (WHERE j.state = 'failed') AS total_failed,
    count(*) FILTER (WHERE j.state IN ('cancelled', 'skipped')) AS total_not_sent,
    min(j.created_at) FILTER (WHERE j.state IN ('queued', 'processing', 'retrying')) AS oldest_waiting_since
FROM jobs j WHERE j.kind <> 'task' GROUP BY j.project_id;
COMMENT ON VIEW notification_queue_status IS 'How many notifications of each project are where.';

CREATE VIEW notifications_dashboard_view WITH (security_invoker = true) AS
SELECT project_id, type AS notification_type, state AS status, count(*) AS total,
    count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS last_hour,
    count(*) FILTER (WHERE created_at > now() - interval '24 hours') AS last_24_hours,
    avg(seconds)::numeric(12, 3) AS avg_processing_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)::numeric(12, 3) AS p95_processing_seconds,
    min(created_at) AS first_created_at, max(created_at) AS last_created_at
FROM (SELECT j.*, extract(epoch FROM finished_at - greatest(coalesce(scheduled_for, created_at), deferred_until))::float8 AS seconds FROM jobs j) timed
WHERE kind <> 'task' GROUP BY project_id, type, state;
COMMENT ON VIEW notifications_dashboard_view IS
    'Notifications by type and status: how many, how recent, and how quick from when they were wanted to their end.';

CREATE VIEW notification_processing_timeline WITH (security_invoker = true) AS
SELECT j.id AS job_id, j.project_id, j.type AS notification_type, j.created_at AS notification_created_at,
    e.at, e.event, e.delivery_id, e.attempt, e.provider, e.outcome, e.detail,
    extract(epoch FROM e.at - j.created_at)::numeric(12, 3) AS seconds_since_created
FROM jobs j CROSS JOIN LATERAL (
    SELECT j.created_at AS at, 'requested' AS event, NULL::uuid AS delivery_id, NULL::smallint AS attempt,
        NULL::text AS provider, NULL::text AS outcome, NULL::text AS detail
    UNION ALL
    SELECT n.at, n.kind, n.delivery_id, NULL, NULL, NULL, n.detail::text FROM events n WHERE n.job_id = j.id
    UNION ALL
    SELECT a.finished_at, 'attempted', a.delivery_id, a.number, a.provider, a.outcome, concat_ws(' ', a.code, a.detail)
    FROM attempts a WHERE a.delivery_id > j.id AND a.delivery_id <= last_child_of(j.id)
    UNION ALL
    SELECT j.finished_at, j.state, NULL, NULL, NULL, NULL, j.error WHERE j.finished_at IS NOT NULL
) e WHERE j.kind <> 'task';
COMMENT ON VIEW notification_processing_timeline IS
    'What happened to each notification, line by line; ask by job_id, or order by notification_created_at, at.';

CREATE VIEW notification_error_summary WITH (security_invoker = true) AS
SELECT d.project_id, j.type AS notification_type, d.channel AS delivery_method, a.provider, a.outcome, a.code AS error_code,
    count(*) AS occurrence_count, count(DISTINCT d.job_id) AS jobs,
    min(a.finished_at) AS first_occurrence, max(a.finished_at) AS last_occurrence
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN jobs j ON j.id = d.job_id
WHERE a.outcome <> 'sent' GROUP BY d.project_id, j.type, d.channel, a.provider, a.outcome, a.code;
COMMENT ON VIEW notification_error_summary IS 'Which errors occurred how often, by attempts.';

CREATE VIEW failed_notifications_report WITH (security_invoker = true) AS
SELECT j.id AS job_id, j.project_id, j.type AS notification_type, j.recipient_id, d.id AS delivery_id,
    d.channel AS delivery_method, coalesce(d.state, j.state) AS status, coalesce(d.error, j.error) AS error, d.provider,
    greatest(d.attempt - 1, 0) AS retry_count, j.created_at, coalesce(d.finished_at, j.finished_at) AS failed_at
FROM jobs j LEFT JOIN deliveries d ON d.id > j.id AND d.id <= last_child_of(j.id)
    AND d.state IN ('failed', 'bounced', 'complained', 'unknown')
WHERE j.kind <> 'task' AND j.state = 'failed';
COMMENT ON VIEW failed_notifications_report IS 'The notifications that were not delivered, and why; without addresses.';

-- Who may -------------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hermodr FROM PUBLIC;
GRANT USAGE ON SCHEMA hermodr TO hermodr_producer, hermodr_reader, hermodr_operator;
GRANT EXECUTE ON FUNCTION enqueue_notification_job, queue_notification, enqueue_task TO hermodr_producer;
GRANT EXECUTE ON FUNCTION calculate_next_retry TO hermodr_producer, hermodr_reader, hermodr_operator;
GRANT EXECUTE ON FUNCTION last_child_of, named_project TO hermodr_reader, hermodr_operator;
GRANT EXECUTE ON FUNCTION cleanup_notification_data, create_digest_jobs TO hermodr_operator;
GRANT SELECT ON jobs, deliveries, attempts, events, recipients, notifications_dashboard_view, notification_queue_status,
    notification_processing_timeline, notification_error_summary, failed_notifications_report
    TO hermodr_reader, hermodr_operator;

-- The services connect as the owner of the tables, who is not subject to policies. Deliveries, attempts and events are
-- seen by whoever sees their job. The body is parsed here and now, not by the reader's search_path, where an operator =
-- of the reader's own could stand; a pinned search_path would keep the planner from seeing through the function.
CREATE FUNCTION may_read(project uuid, owner text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN owner = nullif(current_setting('hermodr.user_id', true), '') AND (project = named_project()) IS NOT FALSE;
COMMENT ON FUNCTION may_read IS 'Whether it belongs to SET hermodr.user_id (in the project of SET hermodr.project, if set).';
GRANT EXECUTE ON FUNCTION may_read TO hermodr_reader;

DO $$
DECLARE
    of_whom text;
    shown text;
BEGIN
    FOR of_whom, shown IN VALUES
        ('jobs', 'hermodr.may_read(project_id, owner_id)'),
        ('recipients', 'hermodr.may_read(project_id, user_id)'),
        ('deliveries', 'EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = job_id)'),
        ('events', 'EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = events.job_id)'),
        ('attempts', 'EXISTS (SELECT 1 FROM hermodr.deliveries d WHERE d.id = delivery_id)')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', of_whom);
        EXECUTE format('CREATE POLICY own_rows ON %I FOR SELECT TO hermodr_reader USING (%s)', of_whom, shown);
        EXECUTE format('CREATE POLICY all_rows ON %I FOR SELECT TO hermodr_operator USING (true)', of_whom);
    END LOOP;
END $$;
