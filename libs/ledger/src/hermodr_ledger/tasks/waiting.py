"""Parts of statements that let parked jobs wait for a worker."""

BEGUN = """SELECT p.id, coalesce(max(a.number), 0) AS attempt,
           coalesce(max(a.number) FILTER (WHERE a.requeues < p.requeues), 0) AS earlier
    FROM {jobs} p LEFT JOIN hermodr.task_attempts a ON a.job_id = p.id GROUP BY p.id"""
"""The attempts of before."""

WAIT = """INSERT INTO hermodr.tasks AS t (job_id, project_id, type, priority, fairness_key, attempt, earlier_attempts)
    SELECT p.id, p.project_id, coalesce(p.type, ''), p.priority, coalesce(p.fairness_key, ''), b.attempt, b.earlier
    FROM {jobs} p JOIN begun b ON b.id = p.id"""

# A row may be there already, of before the job was cancelled and asked for again: `DO UPDATE` waits for whoever is
# deleting it, and then makes a new one.
CONFLICT = """ON CONFLICT (job_id) DO UPDATE SET priority = excluded.priority, fairness_key = excluded.fairness_key,
        attempt = excluded.attempt, earlier_attempts = excluded.earlier_attempts, worker = NULL, claimed_at = NULL,
        lease_until = NULL, cancel_requested_at = NULL, progress = NULL"""
