"""Jobs whose channels follow each other, and what can happen to them."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, DeliveryState
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Outcome, Settlement
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.inbox import changing
from hermodr_ledger.inbox.reading import Whose
from hermodr_ledger.people import recipients
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.integration.dispatcher.test_wishes import NORMAL, Rung, dispatching_of
from tests.support.ledgers import accept_one, attempt, new_job, new_project, row_of, rows_of

HOUR = 3600
IN_APP, EMAIL, SMS = Channel.IN_APP, Channel.EMAIL, Channel.SMS


class Life:
    """A job of somebody, and what can happen to it."""

    def __init__(self, ledger: Ledger, project_id: UUID, recipient_id: UUID, job_id: UUID) -> None:
        self.ledger = ledger
        self.project_id = project_id
        self.recipient_id = recipient_id
        self.job_id = job_id
        self.rung = Rung()

    @classmethod
    async def of(
        cls,
        ledger: Ledger,
        channels: Sequence[Channel] = (IN_APP, EMAIL),
        person: dict[str, Any] | None = None,
        **changes: Any,
    ) -> "Life":
        project_id = await new_project(ledger)
        known = {"user_id": "jane", "email": "jane@example.org", "phone": "+4915112345678"}
        made = await recipients.create(ledger, project_id, known | (person or {}))
        stored = {"after": [HOUR] * (len(channels) - 1), "unless": "read"}
        wanted = new_job(
            project_id,
            recipient_id=made.id,
            to_email=None,
            channels=tuple(channels),
            escalate=json.dumps(stored),
            **changes,
        )
        return cls(ledger, project_id, made.id, await accept_one(ledger, wanted))

    async def decided(self) -> None:
        service = dispatching_of(self.ledger, self.rung, CHANNELS)
        await service.dispatch(NORMAL, [self.job_id])

    async def time_passes(self) -> None:
        """To the next moment at which the job is due."""
        await self.ledger.fetch(
            "UPDATE hermodr.jobs SET wake_at = now() WHERE id = $1 AND wake_at IS NOT NULL", self.job_id
        )
        for due in await take_due_jobs(self.ledger, 10):
            assert due.id == self.job_id
        await self.decided()

    async def looked(self, change: Any = changing.mark_read) -> int:
        rows = await self.ledger.fetch(
            "SELECT id FROM hermodr.inbox WHERE job_id = $1 AND deleted_at IS NULL", self.job_id
        )
        for row in rows:
            async with self.ledger.transaction() as transaction:
                await change(transaction, Whose(self.project_id, "jane"), row["id"])
        return len(rows)

    async def sent(self, outcome: Outcome = Outcome.SENT, *, claim_only: bool = False) -> None:
        """By senders: all that waits."""
        attempts = Attempts(self.ledger)
        ids = [row["id"] for row in await self.deliveries() if row["state"] in ("queued", "retrying")]
        claims = await attempts.claim(ids, owner="me", lease_seconds=60) if ids else []
        if claim_only:
            return
        state = DeliveryState.SENT if outcome is Outcome.SENT else DeliveryState.FAILED
        for each in claims:
            result = attempt(each.id, each.attempt, outcome, code="no")
            await attempts.record([(result, Settlement(state))])

    async def deliveries(self) -> list[Row]:
        rows = [row for row in await rows_of(self.ledger, "deliveries") if row["job_id"] == self.job_id]
        return sorted(rows, key=lambda row: row["id"])

    async def states(self) -> dict[str, str]:
        return {row["channel"]: row["state"] for row in await self.deliveries()}

    async def job(self) -> Row:
        return await row_of(self.ledger, "jobs", self.job_id)

    async def state(self) -> str:
        await self.is_sound()
        return str((await self.job())["state"])

    async def notes(self, kind: str) -> list[dict[str, Any]]:
        rows = [row for row in await rows_of(self.ledger, "events") if row["job_id"] == self.job_id]
        return [
            json.loads(row["detail"])
            for row in sorted(rows, key=lambda row: row["seq"])
            if row["kind"] == kind
        ]

    async def is_sound(self) -> None:
        """What counts as open is what is open, and whatever waits is woken."""
        job, deliveries = await self.job(), await self.deliveries()
        waits = await self.ledger.fetch("SELECT step FROM hermodr.escalations WHERE job_id = $1", self.job_id)
        assert len({row["channel"] for row in deliveries}) == len(deliveries)
        if job["finished_at"] is not None:
            assert job["state"] in TERMINAL_JOB_STATES
            assert not waits
            assert job["wake_at"] is None
            return
        assert job["state"] not in TERMINAL_JOB_STATES
        under_way = [row for row in deliveries if row["state"] in ("queued", "retrying", "sending")]
        assert job["open_deliveries"] == len(under_way) + len(waits)
        assert job["open_deliveries"] or job["wake_at"] is not None
        if waits:
            assert job["wake_at"] is not None
