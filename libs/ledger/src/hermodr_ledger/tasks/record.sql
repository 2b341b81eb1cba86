-- Arguments: 1 worker, 2–11 columns of results, the last the id of a dead letter, if a failure is one, 12 the channel that wakes the scheduler. A result counts for the claim it belongs to.
-- Jobs are locked before their rows in `tasks`, as cancelling does. A task that was told to stop is not tried again.
WITH given AS (
    SELECT * FROM unnest($2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::float8[], $10::text[], $11::uuid[])
        AS g(id, attempt, state, outcome, error, detail, result, delay, progress, letter_id)
), held AS MATERIALIZED (
    SELECT j.id FROM unnest($2::uuid[]) AS u(id) JOIN hermodr.jobs j ON j.id = u.id
    WHERE j.state = 'processing' ORDER BY j.id FOR UPDATE OF j
), ended AS (
    DELETE FROM hermodr.tasks t USING given g JOIN held h ON h.id = g.id
    WHERE t.job_id = g.id AND t.worker = $1 AND t.attempt = g.attempt
      AND (g.state <> 'queued' OR t.cancel_requested_at IS NOT NULL)
    RETURNING g.*, t.claimed_at,
        CASE WHEN g.state IN ('retrying', 'queued', 'failed') AND t.cancel_requested_at IS NOT NULL THEN 'cancelled'
             ELSE g.state END AS becomes
), handed_back AS (
    UPDATE hermodr.tasks t SET worker = NULL, attempt = t.attempt - 1, claimed_at = NULL, lease_until = NULL
    FROM given g JOIN held h ON h.id = g.id
    WHERE t.job_id = g.id AND t.worker = $1 AND t.attempt = g.attempt
      AND g.state = 'queued' AND t.cancel_requested_at IS NULL
    RETURNING g.*, t.claimed_at, 'queued' AS becomes
), changed AS (
    UPDATE hermodr.jobs j
    SET state = e.becomes, result = e.result::jsonb, error = CASE WHEN e.becomes <> 'cancelled' THEN e.error END,
        wake_at = CASE e.becomes WHEN 'retrying' THEN now() + make_interval(secs => e.delay)
                                 WHEN 'queued' THEN timestamptz '9999-12-31 00:00:00+00' END,
        announcements = 0, unannounced = false,
        finished_at = CASE WHEN e.becomes NOT IN ('retrying', 'queued') THEN clock_timestamp() END
    FROM (SELECT * FROM ended UNION ALL SELECT * FROM handed_back) e
    WHERE j.id = e.id
    RETURNING j.id, j.project_id, j.owner_id, j.type, j.state, j.priority, j.singleton_key, j.requeues, e.error,
        e.letter_id
), logged AS (
    INSERT INTO hermodr.task_attempts (job_id, number, requeues, worker, outcome, error, detail, progress, started_at)
    SELECT e.id, e.attempt, c.requeues, $1, CASE WHEN e.becomes = 'cancelled' THEN 'cancelled' ELSE e.outcome END,
        e.error, e.detail, e.progress::jsonb, e.claimed_at
    FROM ended e JOIN changed c ON c.id = e.id
    ON CONFLICT DO NOTHING
), noted AS (
    INSERT INTO hermodr.events (job_id, kind, detail)
    SELECT id, 'handed_back', jsonb_build_object('worker', $1::text) FROM handed_back
), freed AS (
    DELETE FROM hermodr.singletons s USING changed c
    WHERE c.singleton_key IS NOT NULL AND c.state NOT IN ('retrying', 'queued')
      AND s.project_id = c.project_id AND s.key = c.singleton_key AND s.job_id = c.id
), buried AS (
    INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, job_id, job_type)
    SELECT c.letter_id, c.project_id, c.id || '/task/' || c.requeues, 'tasks.dead', c.error, c.id, c.type
    FROM changed c WHERE c.state = 'failed' AND c.letter_id IS NOT NULL
    ON CONFLICT (source_id) DO NOTHING
), woken AS (
    SELECT pg_notify($12, '') FROM (SELECT 1 FROM changed WHERE state = 'retrying' LIMIT 1) later
)
SELECT c.id, c.project_id, c.owner_id, c.state, now() AS at,
    EXISTS (SELECT FROM hermodr.task_dependencies d WHERE d.on_job_id = c.id) AS awaited
FROM changed c LEFT JOIN woken ON true
