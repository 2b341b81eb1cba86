from itertools import pairwise

import asyncpg

WEEKS = 8
"""Of the past, with the present one."""
CHUNK = 200_000

# The ids are uuid7s with the time of a job that came every so many milliseconds; its number makes them unique, and the
# last sixteen bits count its deliveries, as in `hermodr_servicekit.ids`.
_MADE = """
WITH made AS MATERIALIZED (
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 8, '0')
               || '0000')::uuid AS id, n, moment
    FROM (SELECT n, now() - ($4::int - n) * interval '1 week' * $5 / $4 AS moment
          FROM generate_series($1::int, $2::int - 1) n) numbered
), jobs AS (
    INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, to_email, data, created_at, processed_at,
        finished_at, open_deliveries, sent_deliveries)
    SELECT id, $3, 'notification', 'news', 'completed', 1, 'reader-' || n || '@example.org',
        jsonb_build_object('name', 'Reader ' || n, 'link', 'https://example.com/news/' || n), moment, moment,
        moment + interval '1 second', 0, 1
    FROM made
), deliveries AS (
    INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, address, template_version,
        locale, on_unknown, attempt, max_attempts, claimed_by, claimed_at, provider, created_at, finished_at)
    SELECT overlay(id::text placing '1' from 36)::uuid, id, $3, 'email', 1, 'sent', 'reader-' || n || '@example.org', 1,
        'en', 'resend', 1, 4, 'past', moment, 'smtp', moment, moment + interval '1 second'
    FROM made
)
INSERT INTO hermodr.attempts (delivery_id, number, provider, outcome, claimed_by, started_at, finished_at)
SELECT overlay(id::text placing '1' from 36)::uuid, 1, 'smtp', 'sent', 'past', moment, moment + interval '1 second'
FROM made
"""
_WEEKS = "SELECT hermodr.ensure_partitions(now() - $1 * interval '1 week', now() + interval '28 days')"
_TABLES = ("jobs", "deliveries", "attempts")


def chunks(first: int, last: int, size: int = CHUNK) -> list[tuple[int, int]]:
    """`first` to `last` in ranges of at most `size`, each without its end."""
    return list(pairwise([*range(first, last, size), last]))


async def fill(database_url: str, first: int, last: int) -> None:
    """Jobs number `first` to `last` with a delivery and an attempt each, spread over the past weeks; then VACUUM
    ANALYZE."""
    connection = await asyncpg.connect(database_url, server_settings={"synchronous_commit": "off"})
    try:
        await connection.fetchval(_WEEKS, WEEKS)
        project = await connection.fetchval("SELECT id FROM hermodr.projects LIMIT 1")
        for start, end in chunks(first, last):
            await connection.execute(_MADE, start, end, project, last, WEEKS)
        for table in _TABLES:
            await connection.execute(f"VACUUM (ANALYZE) hermodr.{table}")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
