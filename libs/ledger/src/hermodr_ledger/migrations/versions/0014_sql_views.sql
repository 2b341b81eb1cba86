-- The founding systems' tables, as views: their queries run against what there is here. With the rights of whoever looks,
-- so that row-level security holds; nothing can be written through them.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION founding_status(state text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE state WHEN 'queued' THEN 'pending' WHEN 'scheduled' THEN 'pending' WHEN 'retrying' THEN 'pending'
        WHEN 'completed' THEN 'sent' ELSE state END;
COMMENT ON FUNCTION founding_status IS 'A job''s state in the words of notification_jobs: pending, processing, sent, failed, cancelled, skipped.';

CREATE VIEW notification_jobs WITH (security_invoker = true) AS
SELECT j.id, j.project_id, j.recipient_id, j.group_id, j.update_id, j.type AS notification_type,
    (ARRAY['urgent', 'normal', 'low'])[j.priority + 1] AS urgency,
    coalesce(j.channels[1], d.channel) AS delivery_method, coalesce(j.content, j.data) AS content,
    coalesce(j.scheduled_for, j.created_at) AS scheduled_for, founding_status(j.state) AS status,
    coalesce(j.processed_at, j.finished_at) AS processed_at, d.provider_message_id AS message_id,
    CASE WHEN j.state IN ('failed', 'skipped') THEN coalesce(j.error, d.error) END AS failure_reason,
    coalesce(greatest(d.attempt - d.earlier_attempts - 1, 0), 0) AS retry_count, j.max_retries, j.expires_at, j.metadata,
    j.created_at, coalesce(j.finished_at, j.processed_at, j.created_at) AS updated_at
FROM jobs j LEFT JOIN LATERAL (
    SELECT e.channel, e.provider_message_id, e.error, e.attempt, e.earlier_attempts FROM deliveries e
    WHERE e.id > j.id AND e.id <= last_child_of(j.id) ORDER BY e.id LIMIT 1
) d ON true
WHERE j.kind <> 'task';
COMMENT ON VIEW notification_jobs IS
    'One row a notification, in the words of the first founding system; of several deliveries it shows the first.';

CREATE VIEW notification_delivery_logs WITH (security_invoker = true) AS
SELECT md5(a.delivery_id::text || '/' || a.number)::uuid AS id, d.job_id, d.project_id, d.recipient_id, d.id AS delivery_id,
    d.channel AS delivery_method, a.number AS attempt_number,
    CASE a.outcome WHEN 'sent' THEN CASE WHEN d.state IN ('bounced', 'complained') THEN d.state ELSE 'delivered' END
        WHEN 'bounced' THEN 'bounced' WHEN 'unknown' THEN 'unknown' ELSE 'failed' END AS status,
    a.provider, a.provider_message_id,
    CASE WHEN a.outcome <> 'sent' THEN concat_ws(' ', a.code, a.detail) END AS error_message,
    a.started_at, a.finished_at AS created_at
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN jobs j ON j.id = d.job_id WHERE j.kind <> 'task';
COMMENT ON VIEW notification_delivery_logs IS
    'One row an attempt. delivered: a provider accepted it, which is all that the founding system knew as well.';

CREATE FUNCTION as_uuid(given text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN given ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN given::uuid END;
COMMENT ON FUNCTION as_uuid IS 'The uuid that a text is; null if it is none.';

CREATE VIEW job_queue WITH (security_invoker = true) AS
SELECT j.id, j.project_id, s.sync_id, j.type AS job_type,
    coalesce(j.scheduled_for, j.created_at) AS scheduled_at,
    CASE WHEN j.finished_at IS NULL THEN CASE j.state WHEN 'processing' THEN 'processing' ELSE 'pending' END
        WHEN j.state IN ('cancelled', 'skipped') THEN 'skipped' ELSE 'processed' END AS status,
    j.created_at, j.finished_at AS processed_at, j.error AS error_message
FROM jobs j CROSS JOIN LATERAL (  -- in a join, so that even the owner cannot write through it
    SELECT as_uuid(coalesce(j.metadata->>'sync_id', j.data->>'sync_id')) AS sync_id
) s WHERE j.kind = 'reminder' OR j.type IN ('reminder_24h', 'pause_check_48h');
COMMENT ON VIEW job_queue IS
    'Jobs of the types reminder_24h and pause_check_48h, in the words of the second founding system. sync_id is what the '
    'job''s metadata (or data) says.';

CREATE VIEW auto_sync_messages WITH (security_invoker = true) AS
SELECT d.id, d.project_id, q.sync_id AS auto_sync_id,
    CASE WHEN q.job_type = 'pause_check_48h' THEN 'pause' ELSE 'reminder' END AS message_type, d.recipient_id,
    d.channel, d.state AS status, d.error AS error_message, d.created_at,
    CASE WHEN d.state IN ('sent', 'delivered', 'complained') THEN d.finished_at END AS sent_at
FROM job_queue q JOIN deliveries d ON d.id > q.id AND d.id <= last_child_of(q.id);
COMMENT ON VIEW auto_sync_messages IS 'The messages of the jobs in job_queue, one row for each.';

REVOKE ALL ON FUNCTION founding_status, as_uuid FROM PUBLIC;
GRANT EXECUTE ON FUNCTION founding_status, as_uuid TO hermodr_reader, hermodr_operator;
GRANT SELECT ON notification_jobs, notification_delivery_logs, job_queue, auto_sync_messages TO hermodr_reader, hermodr_operator;

-- Queries that say public.… want them there. Only who may create in that schema can, and nothing of theirs is replaced.
CREATE FUNCTION offer_in(p_schema text) RETURNS int
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    looks CONSTANT text[] := ARRAY['notification_jobs', 'notification_delivery_logs', 'job_queue', 'auto_sync_messages',
        'notifications_dashboard_view', 'notification_queue_status', 'notification_processing_timeline',
        'notification_error_summary', 'failed_notifications_report'];
    calls CONSTANT text[] := ARRAY['enqueue_notification_job', 'queue_notification', 'enqueue_task',
        'get_queued_notifications', 'update_notification_status', 'calculate_next_retry'];
    name text;
    call pg_proc;
    made int := 0;
BEGIN
    IF to_regnamespace(quote_ident(p_schema)) IS NULL OR p_schema = 'hermodr' THEN
        PERFORM refuse('p_schema', 'is no schema of yours');
    END IF;
    FOREACH name IN ARRAY looks LOOP
        EXECUTE format('CREATE VIEW %I.%I WITH (security_invoker = true) AS SELECT * FROM hermodr.%2$I', p_schema, name);
        EXECUTE format('GRANT SELECT ON %I.%I TO hermodr_reader, hermodr_operator', p_schema, name);
        made := made + 1;
    END LOOP;
    FOR call IN SELECT * FROM pg_proc WHERE pronamespace = 'hermodr'::regnamespace AND proname = ANY (calls) LOOP
        EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE sql AS %L', p_schema, call.proname,
            pg_get_function_arguments(call.oid), pg_get_function_result(call.oid),
            format('SELECT * FROM hermodr.%I(%s)', call.proname, (SELECT string_agg('$' || n, ', ')
                FROM generate_series(1, call.pronargs) n)));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION offer_in IS
    'Makes the views and functions known in another schema too, such as public, for queries that name it; returns how many.';
REVOKE ALL ON FUNCTION offer_in FROM PUBLIC;
