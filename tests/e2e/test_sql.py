"""Requests in SQL are sent when the transaction is committed, and only then."""

import asyncpg
import pytest

from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUEUE = """
SELECT hermodr.queue_notification('greeting', $1, '{"subject": "Hello", "body": "from SQL"}')::text
"""


async def queue(connection: asyncpg.Connection, installation: Installation, address: str) -> str:
    job_id = str(await connection.fetchval(QUEUE, address))
    installation.asked.append(Asked(address, Answer.ACCEPTED, job_id))
    return job_id


async def test_a_mail_goes_out_when_its_transaction_is_committed_and_never_before(
    installation: Installation,
) -> None:
    async with (
        asyncpg.create_pool(
            installation.database_url, min_size=2, server_settings={"hermodr.project": "e2e"}
        ) as pool,
        pool.acquire() as one,
        pool.acquire() as other,
    ):
        undone = one.transaction()
        await undone.start()
        await one.fetchval(QUEUE, "undone@sql.example.org")
        await undone.rollback()
        async with one.transaction():
            kept = await queue(one, installation, "kept@sql.example.org")
            await installation.ended(await queue(other, installation, "witness@sql.example.org"))
            assert await installation.mails_to("kept@sql.example.org") == []
        found = await installation.ended(kept)
    assert found["job"]["status"] == "completed"
    assert len(await installation.mails_to("kept@sql.example.org")) == 1
    assert await installation.mails_to("undone@sql.example.org") == []
    assert [each["event"] for each in await installation.timeline(kept)][:2] == ["requested", "decided"]
