import asyncpg

from hermodr_contracts.vocabulary import InboxEvent
from hermodr_ledger.engine import Ledger

_LISTEN_TO_ALL = """
CREATE FUNCTION public.listen_to_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hermodr.change_listeners (project_id, name, seen, mark)
    SELECT NEW.id, 'judge', '1:1:', last_value FROM hermodr.changes_seq;
    RETURN NULL;
END $$
"""


async def listen_to_all(ledger: Ledger) -> None:
    """A listener for every project, also those made later."""
    known = await ledger.fetch("SELECT FROM pg_proc WHERE proname = 'listen_to_all'")
    if not known:
        await ledger.fetch(_LISTEN_TO_ALL)
        await ledger.fetch(
            "CREATE TRIGGER listen_to_all AFTER INSERT ON hermodr.projects"
            " FOR EACH ROW EXECUTE FUNCTION public.listen_to_all()"
        )
    await ledger.fetch(
        """
        INSERT INTO hermodr.change_listeners (project_id, name, seen, mark)
        SELECT p.id, 'judge', '1:1:', s.last_value FROM hermodr.projects p, hermodr.changes_seq s ON CONFLICT DO NOTHING
        """
    )


async def missed(url: str) -> list[str]:
    """What the log lacks: each row's changes, in order, must lead from nothing to its present state without a gap. What
    happens to a notification in an inbox is no state of its delivery."""
    connection = await asyncpg.connect(url)
    try:
        return [row["what"] for row in await connection.fetch(_MISSED, list(InboxEvent))]
    finally:
        await connection.close()


_MISSED = """
WITH heard AS (
    SELECT DISTINCT project_id FROM hermodr.change_listeners
), steps AS (
    SELECT coalesce(delivery_id, job_id) AS id, state, previous_state, seq,
           lag(state) OVER told AS before, lead(seq) OVER told IS NULL AS last
    FROM hermodr.changes JOIN heard USING (project_id)
    WHERE state <> ALL ($1::text[])
    WINDOW told AS (PARTITION BY coalesce(delivery_id, job_id) ORDER BY seq)
), now_in AS (
    SELECT id, state FROM hermodr.jobs JOIN heard USING (project_id)
    UNION ALL
    SELECT id, state FROM hermodr.deliveries JOIN heard USING (project_id)
)
SELECT id || ': from ' || coalesce(before, 'nothing') || ' came ' || coalesce(previous_state, 'nothing') AS what
FROM steps WHERE previous_state IS DISTINCT FROM before OR state = previous_state
UNION ALL
SELECT n.id || ': is ' || n.state || ', was told to be ' || coalesce(s.state, 'nothing')
FROM now_in n LEFT JOIN steps s ON s.id = n.id AND s.last WHERE s.state IS DISTINCT FROM n.state
"""
