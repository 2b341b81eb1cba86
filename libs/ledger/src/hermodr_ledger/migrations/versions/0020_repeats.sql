-- A repeat is known by its key although its moments were reckoned from now() anew, and what no calendar holds is refused
-- by name. What was asked under a key before this migration counts as another request.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION same_moment(kept numeric, given timestamptz, asked timestamptz) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT least(abs(moved), abs(moved - extract(epoch FROM now() - asked))) <= 60
    FROM (SELECT extract(epoch FROM given) - kept AS moved) m
    $$;
COMMENT ON FUNCTION same_moment IS
    'Whether a moment, once given in a transaction that began when asked (kept: its seconds since 1970), is given again: it '
    'stands still, or went on with the clock as now() + an interval does; a minute''s grace. Null if there is none.';

DROP FUNCTION earlier_job(jobs, text, jsonb);
CREATE FUNCTION earlier_job(job jobs, idempotency_key text, request jsonb, scheduled_for timestamptz, expires_at timestamptz)
    RETURNS uuid
    LANGUAGE plpgsql AS $$
DECLARE
    timed CONSTANT jsonb := jsonb_build_array(scheduled_for IS NOT NULL, expires_at IS NOT NULL);
    wanted CONSTANT bytea := sha256(convert_to((request || timed)::text, 'UTF8'));
    known idempotency_keys;
    kept json;
BEGIN
    IF idempotency_key !~ '^[\x21-\x7e]{1,255}$' THEN
        PERFORM refuse('idempotency_key', 'must be 1 to 255 printable ASCII characters without spaces');
    END IF;
    INSERT INTO idempotency_keys (project_id, key, fingerprint, status, response)
    VALUES (job.project_id, idempotency_key, wanted, 202, convert_to(json_build_object('job_id', job.id,
        'scheduled_for', extract(epoch FROM scheduled_for), 'expires_at', extract(epoch FROM expires_at))::text, 'UTF8'))
    ON CONFLICT (project_id, key) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO known FROM idempotency_keys k WHERE k.project_id = job.project_id AND k.key = idempotency_key;
    IF known.fingerprint IS DISTINCT FROM wanted THEN
        PERFORM refuse('idempotency_key', 'was used for another request');
    END IF;
    kept := convert_from(known.response, 'UTF8')::json;
    IF NOT same_moment((kept->>'scheduled_for')::numeric, scheduled_for, known.created_at) THEN
        PERFORM refuse('idempotency_key', 'was used for a request with another scheduled_for');
    ELSIF NOT same_moment((kept->>'expires_at')::numeric, expires_at, known.created_at) THEN
        PERFORM refuse('idempotency_key', 'was used for a request with another expires_at');
    END IF;
    RETURN (kept->>'job_id')::uuid;
END $$;
COMMENT ON FUNCTION earlier_job IS 'The job that the same request under this key made before; null: the key is now this job''s.';

CREATE FUNCTION refuse_odd_moment(argument text, given timestamptz) RETURNS void
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT isfinite(given) THEN
        PERFORM refuse(argument, format('%s is no moment', given));
    ELSIF given < timestamptz '0001-01-01 00:00:00 UTC' OR given >= timestamptz '10000-01-01 00:00:00 UTC' THEN
        PERFORM refuse(argument, 'is not within the years 1 to 9999');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION timed(job jobs, scheduled_for timestamptz, expires_at timestamptz) RETURNS jobs
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    asked CONSTANT timestamptz := clock_timestamp();
    longest CONSTANT interval := '366 days';
BEGIN
    PERFORM refuse_odd_moment('scheduled_for', scheduled_for);
    PERFORM refuse_odd_moment('expires_at', expires_at);
    IF scheduled_for - asked > longest THEN
        PERFORM refuse('scheduled_for', 'is more than 366 days ahead');
    ELSIF expires_at <= greatest(scheduled_for, asked) THEN
        PERFORM refuse('expires_at', 'is over before it could be sent');
    END IF;
    job.scheduled_for := CASE WHEN scheduled_for > asked THEN scheduled_for END;  -- the past means now
    job.expires_at := expires_at;
    RETURN job;
END $$;

CREATE OR REPLACE FUNCTION enqueue_notification_job(
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
            update_id, notification_type, coalesce(priority, urgency), delivery_method, content, delay_minutes, metadata,
            cancel_key, max_retries), scheduled_for, expires_at);
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

CREATE OR REPLACE FUNCTION queue_notification(
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
            p_type, p_payload, priority, metadata, cancel_key, max_retries), scheduled_for, expires_at);
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

CREATE OR REPLACE FUNCTION enqueue_task(
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
            metadata, cancel_key, max_retries), scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.kind := 'task';
    job.type := type;
    job.priority := lane_of('priority', priority);
    job.data := coalesce(payload, '{}');
    job.content := CASE WHEN max_retries IS NOT NULL THEN jsonb_build_object('max_retries', max_retries) END;
    job.max_retries := max_retries;
    job.singleton_key := singleton_key;
    job := labelled(timed(job, scheduled_for, expires_at), metadata, cancel_key);
    IF singleton_key IS NOT NULL THEN
        holder := hold_singleton(job);
        IF holder IS NOT NULL THEN
            RAISE EXCEPTION 'singleton_key: job % has this key and is not finished', holder
                USING ERRCODE = 'unique_violation';
        END IF;
    END IF;
    RETURN take_on(job);
END $$;

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
        DELETE FROM jobs WHERE id < uuid_floor(before) AND finished_at < before RETURNING id
    ) SELECT coalesce(array_agg(id), '{}') INTO gone FROM deleted;
    DELETE FROM deliveries d USING unnest(gone) g(id) WHERE d.id > g.id AND d.id <= last_child_of(g.id);
    DELETE FROM attempts a USING unnest(gone) g(id) WHERE a.delivery_id > g.id AND a.delivery_id <= last_child_of(g.id);
    DELETE FROM events e USING unnest(gone) g(id) WHERE e.job_id = g.id;
    DELETE FROM dead_letters l USING unnest(gone) g(id) WHERE l.job_id = g.id;
    RETURN cardinality(gone);
END $$;

REVOKE ALL ON FUNCTION same_moment, earlier_job, refuse_odd_moment FROM PUBLIC;
