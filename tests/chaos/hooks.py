"""A webhook endpoint of the producers' project. Each job's end has to come there, and twice only after an attempt
whose answer did not reach the sender."""

from collections import Counter
from typing import Any

from tests.support.installation import Installation
from tests.support.waiting import wait_until

RECEIVER = "chaos"
EVENTS = ("job.completed", "job.failed")
_LOOK_SECONDS = 0.5
_OPEN = frozenset({"waiting", "sending", "unread"})


class Hooks:
    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def subscribe(self) -> None:
        url = f"{self._installation.fleet.sandbox_url}/hooks/{RECEIVER}"
        await self._installation.create("/v1/webhooks", {"url": url, "events": list(EVENTS)})

    async def all_ended(self, seconds: float) -> None:
        """Raises AssertionError."""

        async def ended() -> Any:
            return not _OPEN & set(await self._accounts())

        await wait_until(ended, seconds, "the end of all webhooks", interval=_LOOK_SECONDS)

    async def complaints(self) -> list[str]:
        found = [
            f"webhooks: {number} {account}"
            for account, number in (await self._accounts()).items()
            if account != "delivered"
        ]
        came = await self._came()
        rows = await self._installation.rows(_MESSAGES)
        if lost := sum(not came[row["id"]] for row in rows):
            found.append(f"webhooks: {lost} are delivered and never came")
        if doubled := sum(came[row["id"]] > 1 + row["without_answer"] for row in rows):
            found.append(f"webhooks: {doubled} came again although their answer was known")
        if strange := len(set(came) - {row["id"] for row in rows}):
            found.append(f"webhooks: {strange} came that are not in the ledger")
        if silent := (await self._installation.rows(_SILENT))[0]["n"]:
            found.append(f"webhooks: {silent} jobs ended without one")
        return found

    async def _accounts(self) -> dict[str, int]:
        rows = await self._installation.rows(
            "SELECT account, count(*) AS n FROM hermodr.webhook_accounts GROUP BY 1"
        )
        return {row["account"]: row["n"] for row in rows}

    async def _came(self) -> Counter[str]:
        """How often the receiver has taken each, by `webhook-id`."""
        came: Counter[str] = Counter()
        query = {"name": RECEIVER, "limit": "1000"}
        while page := (
            (await self._installation.sandbox.get("/v1/hooks", params=query))
            .raise_for_status()
            .json()["data"]
        ):
            came.update(each["webhook_id"] for each in page if each["status"] is not None)
            query["before"] = page[-1]["id"]
        return came


_MESSAGES = """
SELECT m.id::text,
    (SELECT count(*) FROM hermodr.webhook_attempts a
     WHERE a.message_id = m.id AND a.outcome <> 'delivered') AS without_answer
FROM hermodr.webhook_messages m WHERE m.state = 'delivered'
"""
_SILENT = """
SELECT count(*) AS n FROM hermodr.jobs j JOIN hermodr.webhook_endpoints e ON e.project_id = j.project_id
WHERE j.state IN ('completed', 'failed') AND NOT EXISTS (
    SELECT FROM hermodr.changes c
    JOIN hermodr.webhook_messages m ON m.endpoint_id = e.id AND m.change_seq = c.seq
    WHERE c.project_id = j.project_id AND c.job_id = j.id AND c.delivery_id IS NULL AND c.state = j.state)
"""
