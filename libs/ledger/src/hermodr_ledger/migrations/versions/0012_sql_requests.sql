-- Requesting by SQL with all that a request may say: every argument has a name and a default. The functions of 0007 are
-- dropped, not shimmed: calls by position or name fit the new ones, whose first arguments are the same.

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION enqueue_notification_job(uuid, uuid, uuid, text, text, text, jsonb, int);
DROP FUNCTION queue_notification(text, text, jsonb);
DROP FUNCTION enqueue_task(text, jsonb, text);

-- NOTIFY and PREPARE TRANSACTION exclude each other: SET hermodr.notify = off leaves it out, and the scheduler, who looks
-- every second at the latest, finds the job by itself.
CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    job.id := coalesce(job.id, new_job_id());
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, metadata, group_id, update_id, singleton_key, scheduled_for, expires_at, max_retries, cancel_key,
        created_at, wake_at, announcements)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.metadata, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, job.expires_at,
        job.max_retries, job.cancel_key,
        asked, coalesce(job.scheduled_for, asked), CASE WHEN job.scheduled_for IS NULL THEN -1 ELSE 0 END);
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN job.id;
END $$;

-- What the three functions below are made of. Only they call it, so its search_path is theirs: to pin it anew with each
-- call costs more than most of it does.
CREATE FUNCTION lane_of(argument text, priority text) RETURNS smallint
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    lane CONSTANT int := array_position(ARRAY['urgent', 'normal', 'low'], coalesce(priority, 'normal')) - 1;
BEGIN
    IF lane IS NULL THEN
        PERFORM refuse(argument, format('%L is none of urgent, normal, low', priority));
    END IF;
    RETURN lane;
END $$;

CREATE FUNCTION timed(job jobs, scheduled_for timestamptz, expires_at timestamptz) RETURNS jobs
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    asked CONSTANT timestamptz := clock_timestamp();
    longest CONSTANT interval := '366 days';
BEGIN
    IF NOT isfinite(scheduled_for) OR scheduled_for - asked > longest THEN
        PERFORM refuse('scheduled_for', 'is more than 366 days ahead');
    ELSIF NOT isfinite(expires_at) OR expires_at > timestamptz '9999-12-31 23:59:59 UTC' THEN
        PERFORM refuse('expires_at', 'is after the last of all times');
    ELSIF expires_at <= greatest(scheduled_for, asked) THEN
        PERFORM refuse('expires_at', 'is over before it could be sent');
    END IF;
    job.scheduled_for := CASE WHEN scheduled_for > asked THEN scheduled_for END;  -- the past means now
    job.expires_at := expires_at;
    RETURN job;
END $$;

CREATE FUNCTION labelled(job jobs, metadata jsonb, cancel_key text) RETURNS jobs
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF metadata IS NOT NULL THEN
        PERFORM refuse_odd_object('metadata', metadata);
    END IF;
    IF length(cancel_key) NOT BETWEEN 1 AND 200 THEN
        PERFORM refuse('cancel_key', 'must have 1 to 200 characters');
    END IF;
    job.metadata := nullif(metadata, '{}');
    job.cancel_key := cancel_key;
    RETURN job;
END $$;

CREATE FUNCTION refuse_odd_retries(max_retries int) RETURNS void
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF max_retries NOT BETWEEN 0 AND 100 THEN
        PERFORM refuse('max_retries', format('%s is not within 0 and 100', max_retries));
    END IF;
END $$;

-- The keys of requests over HTTP too, kept as long. A transaction that uses a key another one holds waits for its end.
CREATE FUNCTION earlier_job(job jobs, idempotency_key text, request jsonb) RETURNS uuid
    LANGUAGE plpgsql AS $$
DECLARE
    wanted CONSTANT bytea := sha256(convert_to(request::text, 'UTF8'));
    known idempotency_keys;
BEGIN
    IF idempotency_key !~ '^[\x21-\x7e]{1,255}$' THEN
        PERFORM refuse('idempotency_key', 'must be 1 to 255 printable ASCII characters without spaces');
    END IF;
    INSERT INTO idempotency_keys (project_id, key, fingerprint, status, response)
    VALUES (job.project_id, idempotency_key, wanted, 202, convert_to(json_build_object('job_id', job.id)::text, 'UTF8'))
    ON CONFLICT (project_id, key) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO known FROM idempotency_keys k WHERE k.project_id = job.project_id AND k.key = idempotency_key;
    IF known.fingerprint IS DISTINCT FROM wanted THEN
        PERFORM refuse('idempotency_key', 'was used for another request');
    END IF;
    RETURN (convert_from(known.response, 'UTF8')::json->>'job_id')::uuid;
END $$;
COMMENT ON FUNCTION earlier_job IS 'The job that the same request under this key made before; null: the key is now this job''s.';

CREATE FUNCTION addressed(job jobs, recipient_id uuid, external_id text) RETURNS jobs
    LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
BEGIN
    IF external_id IS NULL THEN
        SELECT r.id, r.project_id, r.user_id INTO job.recipient_id, job.project_id, job.owner_id
        FROM recipients r WHERE r.id = recipient_id AND (r.project_id = named_project()) IS NOT FALSE;
    ELSE
        SELECT r.id, r.project_id, r.user_id INTO job.recipient_id, job.project_id, job.owner_id
        FROM recipients r WHERE r.project_id = sole_project() AND r.external_id = external_id;
    END IF;
    IF job.recipient_id IS NULL AND external_id IS NOT NULL THEN
        PERFORM refuse('external_id', 'there is no recipient with it in the project');
    ELSIF job.recipient_id IS NULL THEN
        PERFORM refuse('recipient_id', format('there is no recipient %s', recipient_id));
    END IF;
    RETURN job;
END $$;
COMMENT ON FUNCTION addressed IS 'The job with its recipient, who is named by one of the two, and their project.';

CREATE FUNCTION placed(job jobs, group_id uuid, update_id uuid) RETURNS jobs
    LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
BEGIN
    IF num_nonnulls(group_id, update_id) = 0 THEN
        RETURN job;
    ELSIF group_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = group_id AND g.project_id = job.project_id) THEN
        PERFORM refuse('group_id', format('there is no group %s', group_id));
    ELSIF update_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM updates u WHERE u.id = update_id AND u.project_id = job.project_id
                        AND (u.group_id = group_id) IS NOT FALSE) THEN
        PERFORM refuse('update_id', format('there is no update %s%s', update_id,
            CASE WHEN group_id IS NOT NULL THEN ' in that group' END));
    END IF;
    job.group_id := group_id;
    job.update_id := update_id;
    RETURN job;
END $$;

CREATE FUNCTION enqueue_notification_job(
    recipient_id uuid DEFAULT NULL, group_id uuid DEFAULT NULL, update_id uuid DEFAULT NULL,
    notification_type text DEFAULT NULL, urgency text DEFAULT NULL, delivery_method text DEFAULT NULL,
    content jsonb DEFAULT NULL, delay_minutes int DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    longest CONSTANT int := 366 * 24 * 60;
    job jobs;
    earlier uuid;
BEGIN
    IF num_nonnulls(recipient_id, external_id) = 0 THEN
        PERFORM refuse('recipient_id', 'is missing, and so is external_id');
    ELSIF num_nonnulls(recipient_id, external_id) = 2 THEN
        PERFORM refuse('external_id', 'cannot stand beside recipient_id');
    ELSIF num_nonnulls(urgency, priority) = 2 THEN
        PERFORM refuse('priority', 'is another name of urgency and cannot stand beside it');
    ELSIF delay_minutes NOT BETWEEN 0 AND longest THEN
        PERFORM refuse('delay_minutes', format('%s is not within 0 and %s, which is 366 days', delay_minutes, longest));
    ELSIF delay_minutes > 0 AND scheduled_for IS NOT NULL THEN
        PERFORM refuse('delay_minutes', 'cannot stand beside scheduled_for');
    ELSIF delivery_method <> ALL (ARRAY['email', 'sms', 'whatsapp', 'webhook', 'in_app']) THEN
        PERFORM refuse('delivery_method', format('%L is none of email, sms, whatsapp, webhook, in_app', delivery_method));
    END IF;
    job := addressed(job, recipient_id, external_id);
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('enqueue_notification_job', job.recipient_id, group_id,
            update_id, notification_type, coalesce(priority, urgency), delivery_method, content, delay_minutes, scheduled_for,
            expires_at, metadata, cancel_key, max_retries));
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job := placed(job, group_id, update_id);
    job.priority := lane_of(CASE WHEN priority IS NULL THEN 'urgency' ELSE 'priority' END, coalesce(priority, urgency));
    job.channels := CASE WHEN delivery_method IS NOT NULL THEN ARRAY[delivery_method] END;
    job := timed(job, CASE WHEN delay_minutes > 0 THEN clock_timestamp() + make_interval(mins => delay_minutes)
        ELSE scheduled_for END, expires_at);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    RETURN take_on(saying(labelled(job, metadata, cancel_key), 'notification_type', notification_type, 'content', content));
END $$;
COMMENT ON FUNCTION enqueue_notification_job IS
    'Requests a notification for a recipient, who is named by recipient_id or external_id; part of the caller''s '
    'transaction. content: the template''s variables, or subject with body (or body_text, body_html) to be sent as given. '
    'Left out: no group, no update, normal priority, the channels the preferences allow, at once. Returns the job''s id.';

CREATE FUNCTION queue_notification(
    p_type text DEFAULT NULL, p_recipient_email text DEFAULT NULL, p_payload jsonb DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    job jobs;
    earlier uuid;
BEGIN
    IF num_nonnulls(p_recipient_email, external_id) = 2 THEN
        PERFORM refuse('external_id', 'cannot stand beside p_recipient_email');
    ELSIF external_id IS NULL THEN
        job.project_id := sole_project();
        job.to_email := email_address('p_recipient_email', p_recipient_email);
    ELSE
        job := addressed(job, NULL, external_id);
        job.channels := ARRAY['email'];
    END IF;
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('queue_notification', job.recipient_id, job.to_email,
            p_type, p_payload, priority, scheduled_for, expires_at, metadata, cancel_key, max_retries));
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.priority := lane_of('priority', priority);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    job := timed(job, scheduled_for, expires_at);
    RETURN take_on(saying(labelled(job, metadata, cancel_key), 'p_type', p_type, 'p_payload', p_payload));
END $$;
COMMENT ON FUNCTION queue_notification IS
    'Requests a mail to a bare address, or to the recipient with the external_id; part of the caller''s transaction. p_type '
    'names a template and p_payload holds its variables, or p_payload has a subject and a body to be sent as given. The '
    'project: SET hermodr.project, else the only one there is. Returns the job''s id.';

CREATE FUNCTION enqueue_task(
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
    INSERT INTO singletons (project_id, key, job_id) VALUES (job.project_id, singleton_key, job.id)
    ON CONFLICT (project_id, key) DO UPDATE SET job_id = excluded.job_id;
    RETURN take_on(job);
END $$;
COMMENT ON FUNCTION enqueue_task IS
    'Requests a task; part of the caller''s transaction. With a singleton_key only one unfinished task has it: a second '
    'request raises unique_violation and names the first. The project: as for queue_notification. Returns the job''s id.';

REVOKE ALL ON FUNCTION lane_of, timed, labelled, refuse_odd_retries, earlier_job, addressed, placed,
    enqueue_notification_job, queue_notification, enqueue_task FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_notification_job, queue_notification, enqueue_task TO hermodr_producer;
