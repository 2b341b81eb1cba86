-- Requests in SQL may wait for others like them: hermodr_api.notifications.digests has the same rules, and a test holds
-- the two equal.

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION enqueue_notification_job(uuid, uuid, uuid, text, text, text, jsonb, int, text, text, timestamptz, timestamptz,
    jsonb, text, text, int, text, text, text[], text[], jsonb);
DROP FUNCTION queue_notification(text, text, jsonb, text, text, timestamptz, timestamptz, jsonb, text, text, int, text, text,
    text[], text[], jsonb);

CREATE FUNCTION window_seconds(argument text, given jsonb) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    longest CONSTANT bigint := 7 * 86400;
    parts CONSTANT text[] := regexp_match(given #>> '{}', '^([1-9][0-9]{0,8})([smhdw])$');
    seconds bigint;
BEGIN
    IF jsonb_typeof(given) <> 'string' OR parts IS NULL THEN
        PERFORM refuse('digest', argument || ' is not a span such as 90s, 15m, 24h or 7d (units s, m, h, d, w)');
    END IF;
    seconds := parts[1]::bigint * CASE parts[2] WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400
        ELSE 604800 END;
    IF seconds > longest THEN
        PERFORM refuse('digest', argument || ' is longer than 7 days');
    END IF;
    RETURN seconds;
END $$;

CREATE FUNCTION digested(job jobs, content_argument text, digest jsonb) RETURNS jobs
    LANGUAGE plpgsql IMMUTABLE AS $$
#variable_conflict use_variable
DECLARE
    known CONSTANT text[] := ARRAY['key', 'window', 'max_window', 'first'];
    given CONSTANT jsonb := CASE WHEN jsonb_typeof(digest) = 'object' THEN jsonb_strip_nulls(digest) END;
    field text;
    longest bigint;
BEGIN
    IF given IS NULL THEN
        PERFORM refuse('digest', 'must be a JSON object');
    END IF;
    FOR field IN SELECT k FROM jsonb_object_keys(given) k WHERE k <> ALL (known) ORDER BY k LIMIT 1 LOOP
        PERFORM refuse('digest', format('has no such field: %s', left(field, 40)));
    END LOOP;
    IF jsonb_typeof(given->'key') IS DISTINCT FROM 'string' OR length(given->>'key') NOT BETWEEN 1 AND 200 THEN
        PERFORM refuse('digest', 'key must be a text of 1 to 200 characters');
    ELSIF NOT given ? 'window' THEN
        PERFORM refuse('digest', 'window is missing');
    ELSIF given ? 'first' AND given->'first' NOT IN ('"wait"', '"now"') THEN
        PERFORM refuse('digest', 'first is neither wait nor now');
    ELSIF job.content IS NOT NULL THEN
        PERFORM refuse('digest', 'needs a template, which shows several items: the text is sent as given');
    ELSIF job.data ?| ARRAY['items', 'total'] THEN
        PERFORM refuse(content_argument, 'items and total are supplied by Hermodr, with digest');
    END IF;
    IF given ? 'max_window' THEN
        longest := window_seconds('max_window', given->'max_window');
        IF longest < window_seconds('window', given->'window') THEN
            PERFORM refuse('digest', 'max_window is shorter than window');
        END IF;
    END IF;
    job.digest := jsonb_build_object('key', given->>'key', 'window', window_seconds('window', given->'window'),
        'max_window', longest, 'first', coalesce(given->>'first', 'wait'));
    RETURN job;
END $$;
COMMENT ON FUNCTION digested IS 'The job as an event that waits for others like it.';

CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    job.id := coalesce(job.id, new_job_id());
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, metadata, group_id, update_id, singleton_key, scheduled_for, expires_at, max_retries, cancel_key,
        created_at, wake_at, unannounced, envelope, digest)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.metadata, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, job.expires_at,
        job.max_retries, job.cancel_key,
        asked, coalesce(job.scheduled_for, asked), job.scheduled_for IS NULL, with_mail_defaults(job), job.digest);
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN job.id;
END $$;

CREATE FUNCTION enqueue_notification_job(
    recipient_id uuid DEFAULT NULL, group_id uuid DEFAULT NULL, update_id uuid DEFAULT NULL,
    notification_type text DEFAULT NULL, urgency text DEFAULT NULL, delivery_method text DEFAULT NULL,
    content jsonb DEFAULT NULL, delay_minutes int DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL, digest jsonb DEFAULT NULL
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
    job.channels := CASE WHEN delivery_method IS NOT NULL THEN ARRAY[delivery_method] END;
    IF num_nonnulls(mail_from, reply_to, cc, bcc, headers) > 0 THEN
        job := mailed(job, mail_from, reply_to, cc, bcc, headers);
    END IF;
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('enqueue_notification_job', job.recipient_id, group_id,
            update_id, notification_type, coalesce(priority, urgency), delivery_method, content, delay_minutes, metadata,
            cancel_key, max_retries)
            || CASE WHEN job.envelope IS NULL THEN '[]' ELSE jsonb_build_array(job.envelope) END
            || CASE WHEN digest IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('digest', digest)) END,
            scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job := placed(job, group_id, update_id);
    job.priority := lane_of(CASE WHEN priority IS NULL THEN 'urgency' ELSE 'priority' END, coalesce(priority, urgency));
    job := timed(job, CASE WHEN delay_minutes > 0 THEN clock_timestamp() + make_interval(mins => delay_minutes)
        ELSE scheduled_for END, expires_at);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    job := saying(labelled(job, metadata, cancel_key), 'notification_type', notification_type, 'content', content);
    RETURN take_on(CASE WHEN digest IS NULL THEN job ELSE digested(job, 'content', digest) END);
END $$;
COMMENT ON FUNCTION enqueue_notification_job IS
    'Requests a notification for a recipient, who is named by recipient_id or external_id; part of the caller''s '
    'transaction. content: the template''s variables, or subject with body (or body_text, body_html) to be sent as given. '
    'Left out: no group, no update, normal priority, the channels the preferences allow, at once. digest: key, window, '
    'max_window, first, to wait for others like it. Returns the job''s id.';

CREATE FUNCTION queue_notification(
    p_type text DEFAULT NULL, p_recipient_email text DEFAULT NULL, p_payload jsonb DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL, digest jsonb DEFAULT NULL
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
    IF num_nonnulls(mail_from, reply_to, cc, bcc, headers) > 0 THEN
        job := mailed(job, mail_from, reply_to, cc, bcc, headers);
    END IF;
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('queue_notification', job.recipient_id, job.to_email,
            p_type, p_payload, priority, metadata, cancel_key, max_retries)
            || CASE WHEN job.envelope IS NULL THEN '[]' ELSE jsonb_build_array(job.envelope) END
            || CASE WHEN digest IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('digest', digest)) END,
            scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.priority := lane_of('priority', priority);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    job := timed(job, scheduled_for, expires_at);
    job := saying(labelled(job, metadata, cancel_key), 'p_type', p_type, 'p_payload', p_payload);
    RETURN take_on(CASE WHEN digest IS NULL THEN job ELSE digested(job, 'p_payload', digest) END);
END $$;
COMMENT ON FUNCTION queue_notification IS
    'Requests a mail to a bare address, or to the recipient with the external_id; part of the caller''s transaction. p_type '
    'names a template and p_payload holds its variables, or p_payload has a subject and a body to be sent as given. The '
    'project: SET hermodr.project, else the only one there is. Returns the job''s id.';

REVOKE ALL ON FUNCTION decide_again_after_wishes, window_seconds, digested, enqueue_notification_job, queue_notification FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_notification_job, queue_notification TO hermodr_producer;
