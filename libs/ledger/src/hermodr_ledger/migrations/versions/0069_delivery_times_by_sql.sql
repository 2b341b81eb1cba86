-- Requests in SQL may wish for a time of day by the recipient's clock, by the rules of
-- hermodr_api.notifications.delivery_times; a test holds the two equal.

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION enqueue_notification_job(uuid, uuid, uuid, text, text, text, jsonb, int, text, text, timestamptz, timestamptz,
    jsonb, text, text, int, text, text, text[], text[], jsonb, jsonb);
DROP FUNCTION queue_notification(text, text, jsonb, text, text, timestamptz, timestamptz, jsonb, text, text, int, text, text,
    text[], text[], jsonb, jsonb);

CREATE FUNCTION at_local_time(job jobs, deliver_at jsonb) RETURNS jobs
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    given CONSTANT jsonb := CASE WHEN jsonb_typeof(deliver_at) = 'object' THEN deliver_at END;
    days CONSTANT jsonb := coalesce(given->'days', '[1, 2, 3, 4, 5, 6, 7]');
    field text;
BEGIN
    IF given IS NULL THEN
        PERFORM refuse('deliver_at', 'must be a JSON object');
    ELSIF job.scheduled_for IS NOT NULL THEN
        PERFORM refuse('deliver_at', 'cannot stand beside scheduled_for or delay_minutes');
    END IF;
    FOR field IN SELECT k FROM jsonb_object_keys(given) k WHERE k <> ALL (ARRAY['local_time', 'days']) ORDER BY k LIMIT 1 LOOP
        PERFORM refuse('deliver_at', format('has no such field: %s', left(field, 40)));
    END LOOP;
    IF (jsonb_typeof(given->'local_time') = 'string' AND given->>'local_time' ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$') IS NOT TRUE
    THEN
        PERFORM refuse('deliver_at', 'local_time is not a time such as 09:00');
    ELSIF jsonb_typeof(days) <> 'array' OR jsonb_array_length(days) NOT BETWEEN 1 AND 7
        OR EXISTS (SELECT FROM jsonb_array_elements(days) day WHERE day::text !~ '^[1-7]$')
    THEN
        PERFORM refuse('deliver_at', 'days must be a list of 1 (Monday) to 7 (Sunday)');
    ELSIF (SELECT count(DISTINCT day) FROM jsonb_array_elements(days) day) < jsonb_array_length(days) THEN
        PERFORM refuse('deliver_at', 'a day stands twice');
    END IF;
    job.deliver_at := jsonb_build_object('local_time', given->'local_time', 'days', days);
    RETURN job;
END $$;
COMMENT ON FUNCTION at_local_time IS 'The job as one that is to be sent at a time of day of its recipient.';

CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
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

CREATE FUNCTION enqueue_notification_job(
    recipient_id uuid DEFAULT NULL, group_id uuid DEFAULT NULL, update_id uuid DEFAULT NULL,
    notification_type text DEFAULT NULL, urgency text DEFAULT NULL, delivery_method text DEFAULT NULL,
    content jsonb DEFAULT NULL, delay_minutes int DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL, digest jsonb DEFAULT NULL, deliver_at jsonb DEFAULT NULL
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
            || CASE WHEN digest IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('digest', digest)) END
            || CASE WHEN deliver_at IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('deliver_at', deliver_at)) END,
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
    IF deliver_at IS NOT NULL THEN
        job := at_local_time(job, deliver_at);
    END IF;
    RETURN take_on(CASE WHEN digest IS NULL THEN job ELSE digested(job, 'content', digest) END);
END $$;
COMMENT ON FUNCTION enqueue_notification_job IS
    'Requests a notification for a recipient, who is named by recipient_id or external_id; part of the caller''s '
    'transaction. content: the template''s variables, or subject with body (or body_text, body_html) to be sent as given. '
    'Left out: no group, no update, normal priority, the channels the preferences allow, at once. digest: key, window, '
    'max_window, first, to wait for others like it. deliver_at: local_time, days, by the recipient''s clock. Returns the job''s id.';

CREATE FUNCTION queue_notification(
    p_type text DEFAULT NULL, p_recipient_email text DEFAULT NULL, p_payload jsonb DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL, digest jsonb DEFAULT NULL, deliver_at jsonb DEFAULT NULL
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
            || CASE WHEN digest IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('digest', digest)) END
            || CASE WHEN deliver_at IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('deliver_at', deliver_at)) END,
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
    IF deliver_at IS NOT NULL THEN
        job := at_local_time(job, deliver_at);
    END IF;
    RETURN take_on(CASE WHEN digest IS NULL THEN job ELSE digested(job, 'p_payload', digest) END);
END $$;
COMMENT ON FUNCTION queue_notification IS
    'Requests a mail to a bare address, or to the recipient with the external_id; part of the caller''s transaction. p_type '
    'names a template and p_payload holds its variables, or p_payload has a subject and a body to be sent as given. The '
    'project: SET hermodr.project, else the only one there is. Returns the job''s id.';

REVOKE ALL ON FUNCTION at_local_time, enqueue_notification_job, queue_notification FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_notification_job, queue_notification TO hermodr_producer;
