-- Arguments: 1 worker, 2 types, 3 how many of each may begin, 4 their retries, 5 free places, 6 lease in seconds,
-- 7 project and 8 fairness key of whose turn was last, 9 how many of each type may run at a time for one
-- of those who take turns (null: any number); who has as many has no turn. Of the most urgent tasks that wait, those who
-- have something to do (type, project, fairness key) take turns, beginning after the last turn; they are found by leaps through the index.
-- A row whose job has ended meanwhile is deleted.
WITH RECURSIVE allowed AS (
    SELECT * FROM unnest($2::text[], $3::int[], $4::smallint[], $9::int[]) AS a(type, room, retries, per_key)
    WHERE room > 0
), running AS MATERIALIZED (
    SELECT t.type, t.project_id, t.fairness_key, count(*)::int AS n FROM hermodr.tasks t
    WHERE t.worker IS NOT NULL AND t.type IN (SELECT a.type FROM allowed a WHERE a.per_key IS NOT NULL)
    GROUP BY t.type, t.project_id, t.fairness_key
), urgent AS (
    SELECT p.priority FROM unnest(ARRAY[0, 1, 2]::smallint[]) AS p(priority)
    WHERE EXISTS (SELECT FROM allowed a CROSS JOIN LATERAL (
        SELECT FROM hermodr.tasks t WHERE t.worker IS NULL AND t.priority = p.priority AND t.type = a.type
          AND (a.per_key IS NULL OR NOT EXISTS (
              SELECT FROM running r WHERE r.type = t.type AND r.project_id = t.project_id
                AND r.fairness_key = t.fairness_key AND r.n >= a.per_key))
        LIMIT 1) w)
    ORDER BY p.priority LIMIT 1
), lines AS (
    SELECT u.priority, a.type, a.room, a.per_key, f.lap, f.project_id, f.fairness_key, 1 AS nth
    FROM urgent u CROSS JOIN allowed a CROSS JOIN LATERAL (
        (SELECT 0 AS lap, t.project_id, t.fairness_key FROM hermodr.tasks t
         WHERE t.worker IS NULL AND t.priority = u.priority AND t.type = a.type
           AND (t.project_id, t.fairness_key) > ($7::uuid, $8::text)
         ORDER BY t.project_id, t.fairness_key LIMIT 1)
        UNION ALL
        (SELECT 1 AS lap, t.project_id, t.fairness_key FROM hermodr.tasks t
         WHERE t.worker IS NULL AND t.priority = u.priority AND t.type = a.type
           AND (t.project_id, t.fairness_key) <= ($7::uuid, $8::text)
         ORDER BY t.project_id, t.fairness_key LIMIT 1)) f
    UNION ALL
    SELECT l.priority, l.type, l.room, l.per_key, l.lap, n.project_id, n.fairness_key, l.nth + 1
    FROM lines l CROSS JOIN LATERAL (
        SELECT t.project_id, t.fairness_key FROM hermodr.tasks t
        WHERE t.worker IS NULL AND t.priority = l.priority AND t.type = l.type
          AND (t.project_id, t.fairness_key) > (l.project_id, l.fairness_key)
        ORDER BY t.project_id, t.fairness_key LIMIT 1) n
    WHERE l.nth < $5::int + (SELECT count(*) FROM running) AND (l.lap = 0 OR (n.project_id, n.fairness_key) <= ($7::uuid, $8::text))
), turns AS (
    SELECT l.*, l.per_key - coalesce(r.n, 0) AS more, greatest(1, $5::int / (count(*) OVER ())::int) AS share,
           row_number() OVER (ORDER BY l.lap, l.project_id, l.fairness_key, l.type) AS turn
    FROM lines l LEFT JOIN running r USING (type, project_id, fairness_key)
    WHERE l.per_key IS NULL OR coalesce(r.n, 0) < l.per_key
), picked AS MATERIALIZED (
    SELECT c.job_id, l.type, l.room, l.turn,
           row_number() OVER (PARTITION BY l.type ORDER BY l.turn, c.job_id) AS of_type
    FROM (SELECT * FROM turns WHERE turn <= $5::int ORDER BY turn) l CROSS JOIN LATERAL (
        SELECT t.job_id FROM hermodr.tasks t
        WHERE t.worker IS NULL AND t.priority = l.priority AND t.type = l.type AND t.project_id = l.project_id
          AND t.fairness_key = l.fairness_key
        ORDER BY t.job_id LIMIT least(l.share, l.room, l.more) FOR UPDATE SKIP LOCKED) c
), wanted AS (
    SELECT job_id, turn, 'queued' AS state FROM picked WHERE of_type <= room ORDER BY turn, job_id LIMIT $5::int
), begun AS (
    UPDATE hermodr.jobs j SET state = 'processing', wake_at = NULL, processed_at = clock_timestamp(), announcements = 0
    FROM (SELECT * FROM wanted OFFSET 0) w
    WHERE j.id = w.job_id AND j.state = w.state AND j.wake_at >= timestamptz '9999-12-31 00:00:00+00'
      AND (j.expires_at > now()) IS NOT FALSE
    RETURNING j.id, j.project_id, j.owner_id, j.state, j.type, j.data, j.content, j.max_retries, j.metadata, w.turn
), claimed AS (
    UPDATE hermodr.tasks t SET worker = $1, attempt = t.attempt + 1, claimed_at = clock_timestamp(), progress = NULL,
        lease_until = now() + make_interval(secs => $6), max_retries = coalesce(b.max_retries, a.retries)
    FROM begun b LEFT JOIN allowed a ON a.type = b.type
    WHERE t.job_id = b.id
    RETURNING t.job_id, t.attempt, t.earlier_attempts, t.max_retries, t.claimed_at, t.fairness_key
), stale AS (
    DELETE FROM hermodr.tasks t USING wanted w
    WHERE t.job_id = w.job_id
      AND NOT EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = w.job_id AND j.finished_at IS NULL)
    RETURNING t.job_id
)
SELECT b.id, b.project_id, b.owner_id, b.state, b.type, b.data, b.content, c.attempt, c.earlier_attempts, c.max_retries,
       c.claimed_at, c.fairness_key, now() AS at
FROM begun b JOIN claimed c ON c.job_id = b.id ORDER BY b.turn, b.id
