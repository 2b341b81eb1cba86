-- Tasks requested in SQL say all that those of HTTP may, by the rules of hermodr_api.tasks.models.

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION enqueue_task(text, jsonb, text, text, timestamptz, timestamptz, jsonb, text, text, int);

CREATE FUNCTION awaiting(job jobs, depends_on uuid[]) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT int := 100;
    nth int;
BEGIN
    IF array_ndims(depends_on) > 1 OR cardinality(depends_on) > most THEN
        PERFORM refuse('depends_on', format('must be a list of at most %s job ids', most));
    END IF;
    SELECT d.nth INTO nth FROM unnest(depends_on) WITH ORDINALITY AS d(id, nth)
    WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.id = d.id AND j.project_id = job.project_id) ORDER BY d.nth LIMIT 1;
    IF nth IS NOT NULL THEN
        PERFORM refuse(format('depends_on[%s]', nth), 'there is no such job');
    END IF;
    RETURN (SELECT jsonb_agg(id ORDER BY at) FROM (
        SELECT d.id, min(d.nth) AS at FROM unnest(depends_on) WITH ORDINALITY AS d(id, nth) GROUP BY d.id) each);
END $$;
COMMENT ON FUNCTION awaiting IS 'These jobs of the project, each once; null: none.';

CREATE FUNCTION following(on_finished jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    field text;
BEGIN
    IF jsonb_typeof(on_finished) <> 'object' THEN
        PERFORM refuse('on_finished', 'must be a JSON object');
    END IF;
    FOR field IN SELECT k FROM jsonb_object_keys(on_finished) k WHERE k <> ALL (ARRAY['type', 'payload']) ORDER BY k LIMIT 1
    LOOP
        PERFORM refuse('on_finished', format('has no such field: %s', left(field, 40)));
    END LOOP;
    IF jsonb_typeof(on_finished->'type') IS DISTINCT FROM 'string' THEN
        PERFORM refuse('on_finished.type', 'is needed, as a text');
    END IF;
    PERFORM refuse_odd_type('on_finished.type', on_finished->>'type');
    PERFORM refuse_odd_object('on_finished.payload', coalesce(on_finished->'payload', '{}'));
    RETURN jsonb_build_object('type', on_finished->'type', 'payload', coalesce(on_finished->'payload', '{}'));
END $$;
COMMENT ON FUNCTION following IS 'The task to be requested when another has ended.';

CREATE FUNCTION enqueue_task(
    type text DEFAULT NULL, payload jsonb DEFAULT NULL, singleton_key text DEFAULT NULL,
    priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL, cancel_key text DEFAULT NULL,
    max_retries int DEFAULT NULL, timeout_seconds int DEFAULT NULL, fairness_key text DEFAULT NULL,
    depends_on uuid[] DEFAULT NULL, on_finished jsonb DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    longest CONSTANT int := 24 * 3600;
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
    ELSIF length(fairness_key) NOT BETWEEN 1 AND 200 THEN
        PERFORM refuse('fairness_key', 'must have 1 to 200 characters');
    ELSIF timeout_seconds NOT BETWEEN 1 AND longest THEN
        PERFORM refuse('timeout_seconds', format('%s is not within 1 and %s, which is a day', timeout_seconds, longest));
    END IF;
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('enqueue_task', type, payload, singleton_key, priority,
            metadata, cancel_key, max_retries)
            || CASE WHEN num_nonnulls(timeout_seconds, fairness_key, depends_on, on_finished) = 0 THEN '[]'
                    ELSE jsonb_build_array(timeout_seconds, fairness_key, to_jsonb(depends_on), on_finished) END,
            scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.kind := 'task';
    job.type := type;
    job.priority := lane_of('priority', priority);
    job.data := coalesce(payload, '{}');
    job.content := nullif(jsonb_strip_nulls(jsonb_build_object('max_retries', max_retries, 'timeout_seconds', timeout_seconds,
        'fairness_key', fairness_key, 'depends_on', CASE WHEN depends_on IS NOT NULL THEN awaiting(job, depends_on) END))
        || CASE WHEN on_finished IS NULL THEN '{}' ELSE jsonb_build_object('on_finished', following(on_finished)) END, '{}');
    IF on_finished IS NOT NULL THEN
        INSERT INTO task_endings (job_id) VALUES (job.id);
    END IF;
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
COMMENT ON FUNCTION enqueue_task IS
    'Requests a background task; part of the caller''s transaction. While one with the singleton_key is unfinished, another '
    'raises. timeout_seconds: of one attempt. Tasks with different fairness_keys take turns. It begins when the jobs of '
    'depends_on have completed. on_finished: type and payload of a task that is requested when it has ended. Returns the '
    'job''s id.';

REVOKE ALL ON FUNCTION awaiting, following, enqueue_task FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_task TO hermodr_producer;
