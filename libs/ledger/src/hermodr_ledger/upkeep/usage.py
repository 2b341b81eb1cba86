"""Measuring what projects use: what waits, what is stored, and who has to be refused in SQL and by schedules."""

from datetime import timedelta

from hermodr_contracts.quotas import Limits, Quota
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger

OWN_OCTETS = 2048
"""What the rows of one job take beside its content: job, delivery, attempt, timeline, and their indexes (20 GB for ten
million mails)."""
ROW_OCTETS = 256
"""What a row of `PARTS` takes beside its values, in its indexes above all."""
PARTS = {
    "recipients": "",
    "groups": "",
    "group_members": "JOIN hermodr.groups g ON g.id = r.group_id",
    "updates": "",
    "inbox": "",
    "templates": "CROSS JOIN LATERAL (SELECT sum(pg_column_size(c)) AS octets FROM hermodr.template_contents c"
    " WHERE c.template_id = r.id) more",
}
"""Tables whose rows are measured by walks, and what they are read with."""
LATE = timedelta(seconds=60)
"""Jobs are measured when they are so old: a transaction may commit that late."""
_BELIEVED = timedelta(seconds=60)
"""A verdict is not believed for longer, should nobody measure any more."""


async def count_waiting(ledger: Ledger) -> None:
    """Jobs to be decided, at once or later, and deliveries to be sent, of each project. Reads the whole indexes of
    waiting rows: a microsecond each."""
    await ledger.fetch(_COUNT_WAITING, seconds=COUNTING_SECONDS)


async def walk(ledger: Ledger, part: str, most: int) -> bool:
    """Measures up to `most` more rows of a table of `PARTS`; what was found counts when all were. Whether they were:
    the next walk begins at its first row again."""
    async with ledger.transaction() as transaction:
        await transaction.fetch(_WALK_BEGINS, part)
        (row,) = await transaction.fetch(_WALKS[part], part, most, seconds=COUNTING_SECONDS)
        over = int(row["rows"]) < most
        if over:
            await transaction.fetch(_WALK_IS_OVER, part)
    return over


async def measure_stored(ledger: Ledger, most: int) -> int:
    """Adds up to `most` jobs that were not measured yet; returns how many there were. Each is read once."""
    (row,) = await ledger.fetch(_MEASURE, LATE, most, seconds=COUNTING_SECONDS)
    return int(row["jobs"])


async def add_up(ledger: Ledger, defaults: Limits) -> None:
    """What is stored of each project; and tells SQL and schedules which projects use more than they may."""
    await ledger.fetch(_STORED, OWN_OCTETS)
    limits = (defaults.of(each) for each in (Quota.ACCEPTED_PER_DAY, Quota.WAITING_JOBS, Quota.STORED_BYTES))
    await ledger.fetch(_JUDGE, *limits, _BELIEVED)


_COUNT_WAITING = """
WITH noted AS (
    UPDATE hermodr.waiting_counted SET at = now()
), counted AS (
    SELECT project_id, sum(n)::bigint AS n FROM (
        SELECT project_id, count(*) AS n FROM hermodr.jobs WHERE wake_at IS NOT NULL GROUP BY project_id
        UNION ALL
        SELECT project_id, count(*) FROM hermodr.deliveries WHERE wake_at IS NOT NULL GROUP BY project_id
        UNION ALL
        SELECT project_id, 0 FROM hermodr.project_usage WHERE waiting_jobs <> 0
    ) waiting GROUP BY project_id
)
INSERT INTO hermodr.project_usage AS u (project_id, waiting_jobs)
SELECT c.project_id, c.n FROM counted c JOIN hermodr.projects p ON p.id = c.project_id ORDER BY c.project_id
ON CONFLICT (project_id) DO UPDATE SET waiting_jobs = excluded.waiting_jobs
WHERE u.waiting_jobs <> excluded.waiting_jobs
"""

# The row of stored_until is held: of two schedulers one measures, and the other goes on after it.
_MEASURE = """
WITH begun AS (
    SELECT job_id FROM hermodr.stored_until FOR UPDATE
), fresh AS (
    SELECT j.id, j.project_id, pg_column_size(j.data) + coalesce(pg_column_size(j.content), 0)
           + coalesce(pg_column_size(j.metadata), 0) + coalesce(pg_column_size(j.envelope), 0) AS octets
    FROM hermodr.jobs j
    WHERE j.id > (SELECT job_id FROM begun) AND j.id < hermodr.uuid_floor(now() - $1::interval)
    ORDER BY j.id LIMIT $2
), last AS (
    SELECT id FROM fresh ORDER BY id DESC LIMIT 1
), files AS (
    SELECT a.job_id, sum(octet_length(a.content)) AS octets FROM hermodr.attachments a
    WHERE a.job_id > (SELECT job_id FROM begun) AND a.job_id <= (SELECT id FROM last) GROUP BY a.job_id
), added AS (
    INSERT INTO hermodr.stored_weeks AS w (project_id, week, jobs, octets)
    SELECT f.project_id, hermodr.week_of(f.id) AS week, count(*), sum(f.octets + coalesce(files.octets, 0))
    FROM fresh f JOIN hermodr.projects p ON p.id = f.project_id LEFT JOIN files ON files.job_id = f.id
    GROUP BY f.project_id, week ORDER BY f.project_id, week
    ON CONFLICT (project_id, week) DO UPDATE SET jobs = w.jobs + excluded.jobs, octets = w.octets + excluded.octets
), moved AS (
    UPDATE hermodr.stored_until SET job_id = last.id FROM last
)
SELECT count(*) AS jobs FROM fresh
"""

_WALK_BEGINS = """
INSERT INTO hermodr.stored_walks AS w (part, last) VALUES ($1, '00000000-0000-0000-0000-000000000000')
ON CONFLICT (part) DO UPDATE SET last = w.last
"""


def _walk(table: str, join: str) -> str:
    owner = "g" if " g " in join else "r"
    octets = "pg_column_size(r)" + (" + coalesce(more.octets, 0)" if " more" in join else "")
    return f"""
WITH found AS MATERIALIZED (
    SELECT r.id, {owner}.project_id, {octets} + {ROW_OCTETS} AS octets FROM hermodr.{table} r {join}
    WHERE r.id > (SELECT last FROM hermodr.stored_walks WHERE part = $1) ORDER BY r.id LIMIT $2
), added AS (
    INSERT INTO hermodr.stored_parts AS s (project_id, part, octets, counting)
    SELECT f.project_id, $1, 0, sum(f.octets) FROM found f JOIN hermodr.projects p ON p.id = f.project_id
    GROUP BY f.project_id ORDER BY f.project_id
    ON CONFLICT (project_id, part) DO UPDATE SET counting = s.counting + excluded.counting
), moved AS (
    UPDATE hermodr.stored_walks w SET last = f.id FROM (SELECT id FROM found ORDER BY id DESC LIMIT 1) f
    WHERE w.part = $1
)
SELECT count(*) AS rows FROM found
"""


_WALKS = {table: _walk(table, join) for table, join in PARTS.items()}

_WALK_IS_OVER = """
WITH again AS (
    UPDATE hermodr.stored_walks SET last = '00000000-0000-0000-0000-000000000000' WHERE part = $1
)
UPDATE hermodr.stored_parts SET octets = counting, counting = 0
WHERE part = $1 AND (octets <> counting OR counting <> 0)
"""

_STORED = """
WITH stored AS (
    SELECT project_id, sum(octets)::bigint AS octets FROM (
        SELECT project_id, jobs * $1::bigint + octets AS octets FROM hermodr.stored_weeks
        UNION ALL
        SELECT project_id, octets FROM hermodr.stored_parts
        UNION ALL
        SELECT project_id, 0 FROM hermodr.project_usage WHERE stored_bytes <> 0
    ) weeks GROUP BY project_id
)
INSERT INTO hermodr.project_usage AS u (project_id, stored_bytes)
SELECT project_id, octets FROM stored ORDER BY project_id
ON CONFLICT (project_id) DO UPDATE SET stored_bytes = excluded.stored_bytes
WHERE u.stored_bytes <> excluded.stored_bytes
"""

_JUDGE = """
WITH standing AS (
    SELECT p.id AS project_id, coalesce(d.taken, 0) AS taken, coalesce(u.waiting_jobs, 0) AS waiting,
           coalesce(u.stored_bytes, 0) AS stored, u.exceeded AS before,
           nullif(coalesce(q.accepted_per_day, $1::bigint), -1) AS most_accepted,
           nullif(coalesce(q.waiting_jobs, $2::bigint), -1) AS most_waiting,
           nullif(coalesce(q.stored_bytes, $3::bigint), -1) AS most_stored
    FROM hermodr.projects p
    LEFT JOIN hermodr.project_quotas q ON q.project_id = p.id
    LEFT JOIN hermodr.project_usage u ON u.project_id = p.id
    LEFT JOIN hermodr.accepted_days d ON d.project_id = p.id AND d.day = (clock_timestamp() AT TIME ZONE 'UTC')::date
), judged AS (
    SELECT project_id, before, CASE
        WHEN taken >= most_accepted THEN 'accepted_per_day'
        WHEN waiting >= most_waiting THEN 'waiting_jobs'
        WHEN stored >= most_stored THEN 'stored_bytes' END AS exceeded
    FROM standing
)
INSERT INTO hermodr.project_usage AS u (project_id, exceeded, exceeded_until)
SELECT project_id, exceeded, CASE exceeded
    WHEN 'accepted_per_day' THEN least(clock_timestamp() + $4::interval,
        (date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC')
    ELSE clock_timestamp() + $4::interval END
FROM judged WHERE exceeded IS NOT NULL OR before IS NOT NULL ORDER BY project_id
ON CONFLICT (project_id) DO UPDATE SET exceeded = excluded.exceeded, exceeded_until = excluded.exceeded_until
"""
