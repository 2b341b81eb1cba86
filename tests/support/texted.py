from collections import deque

import asyncpg
import httpx


async def texted(sandbox: httpx.AsyncClient, database_url: str) -> dict[str, list[str]]:
    """For every phone the job ids of its texts, which tell no job: by the ledger."""
    jobs = await _jobs(database_url)
    found: dict[str, list[str]] = {}
    for phone in await _phones(sandbox):
        theirs = jobs.get(phone, deque(["nobody's"]))
        found.setdefault(phone, []).append(theirs[0])
        theirs.rotate()
    return found


async def _phones(sandbox: httpx.AsyncClient) -> list[str]:
    found: list[str] = []
    query = {"limit": "1000"}
    while page := (await sandbox.get("/v1/texts", params=query)).raise_for_status().json()["data"]:
        found += [text["phone"] for text in page if not text["inbound"]]
        query["before"] = page[-1]["id"]
    return found


async def _jobs(database_url: str) -> dict[str, deque[str]]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT address, job_id::text FROM hermodr.deliveries WHERE channel <> 'email' ORDER BY id"
        )
    finally:
        await connection.close()
    found: dict[str, deque[str]] = {}
    for phone, job_id in rows:
        found.setdefault(phone, deque()).append(job_id)
    return found
