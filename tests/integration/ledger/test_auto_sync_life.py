"""Whatever happens to an auto-sync, one thing after another or two at once: at most one job waits for it, none once it
stops, and each reminder is one message to each member who has not answered."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.auto_syncs import syncs, tending
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.people import groups, members, recipients
from hermodr_ledger.people.members import NewMember
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.support.auto_syncs import dispatcher
from tests.support.ledgers import new_project, opened

MEMBERS = 3
STEPS = st.one_of(
    st.sampled_from(["running", "paused", "due", "due", "cancel job", "tend", "join"]),
    st.sampled_from(["completed", "cancelled"]),
    st.tuples(st.sampled_from(["answer", "leave"]), st.integers(0, MEMBERS - 1)),
    st.tuples(st.just("age"), st.sampled_from([1, 23, 24, 48])),
    st.tuples(st.just("reminder after"), st.sampled_from([1, 24, 47])),
)
Step = Any


@dataclass
class Life:
    ledger: Ledger
    project_id: UUID
    group_id: UUID
    organizer_id: UUID
    sync_id: UUID
    member_ids: list[UUID] = field(default_factory=list)

    async def do(self, step: Step) -> None:
        """What has no sense any more is refused, and changes nothing."""
        match step:
            case "due":
                await self._do_due()
            case "cancel job":
                found = await syncs.read(self.ledger.cold, self.project_id, self.sync_id)
                if found is not None and found.next is not None:
                    await cancel(self.ledger, self.project_id, found.next.id, CLI)
            case "tend":
                await tending.go_on(self.ledger.cold, 10)
            case "join":
                await self.join()
            case ("answer", nth):
                await self._try(
                    "INSERT INTO hermodr.auto_sync_responses (sync_id, member_id, response)"
                    " VALUES ($1, $2, 'yes') ON CONFLICT DO NOTHING",
                    self.member_ids[nth],
                )
            case ("leave", nth):
                await self.ledger.cold.fetch(
                    "DELETE FROM hermodr.group_members WHERE id = $1", self.member_ids[nth]
                )
            case ("age", hours):
                await self._try(
                    "UPDATE hermodr.auto_syncs SET started_at = started_at - $2::interval WHERE id = $1",
                    timedelta(hours=hours),
                )
            case ("reminder after", hours):
                await self._try(
                    "UPDATE hermodr.auto_syncs SET reminder_after = $2 WHERE id = $1", timedelta(hours=hours)
                )
            case status:
                await self._try("UPDATE hermodr.auto_syncs SET status = $2 WHERE id = $1", status)

    async def join(self) -> None:
        person = await recipients.create(self.ledger.cold, self.project_id, {"email": "ann@example.org"})
        (member,) = await members.add(
            self.ledger.cold, self.group_id, [NewMember(person.id, role=None, muted_until=None)]
        )
        self.member_ids.append(member.id)

    async def _try(self, sql: str, argument: object) -> None:
        try:
            await self.ledger.cold.fetch(sql, self.sync_id, argument)
        except (asyncpg.InvalidParameterValueError, asyncpg.ForeignKeyViolationError):
            return  # it has ended, or the member has left

    async def _do_due(self) -> None:
        """By two dispatchers at once."""
        due = [each.id for each in await take_due_jobs(self.ledger, 100)]
        services = [dispatcher(self.ledger) for _ in range(2)]
        await asyncio.gather(*(each.dispatch(Priority.NORMAL, due) for each in services))

    async def check(self, *, tended: bool) -> None:
        (sync,) = await self.ledger.cold.fetch("SELECT * FROM hermodr.auto_syncs WHERE id = $1", self.sync_id)
        jobs = await self.ledger.cold.fetch(
            "SELECT j.id, j.type, j.state, j.finished_at IS NULL AS live, k.job_id IS NOT NULL AS holds,"
            " (SELECT count(*) FROM hermodr.auto_sync_reminders m WHERE m.reminder_id = j.id) AS messages,"
            " (SELECT count(*) FROM hermodr.auto_sync_reminders m"
            "  JOIN hermodr.jobs n ON n.id = m.job_id AND n.recipient_id = m.recipient_id"
            "  WHERE m.reminder_id = j.id) AS requested"
            " FROM hermodr.jobs j LEFT JOIN hermodr.singletons k ON k.job_id = j.id"
            " WHERE j.kind = 'reminder' AND j.data->>'sync_id' = $1::text",
            str(self.sync_id),
        )
        live = [row["type"] for row in jobs if row["live"]]
        going = sync["status"] == "running" and sync["checked_at"] is None
        wanted = "reminder_24h" if sync["reminded_at"] is None else "pause_check_48h"
        assert live == [wanted] if going and tended else live in ([], [wanted] if going else [])
        assert all(row["holds"] == row["live"] for row in jobs), jobs
        assert all(row["messages"] == row["requested"] for row in jobs), jobs
        assert all(row["messages"] == 0 or row["state"] == "completed" for row in jobs), jobs
        assert all(row["messages"] == 0 for row in jobs if row["type"] != "reminder_24h"), jobs
        to_organizer = "SELECT 1 FROM hermodr.auto_sync_reminders WHERE sync_id = $1 AND recipient_id = $2"
        assert not await self.ledger.cold.fetch(to_organizer, self.sync_id, self.organizer_id)


async def begun(ledger: Ledger) -> Life:
    project_id = await new_project(ledger)
    organizer = await recipients.create(ledger.cold, project_id, {"name": "Olga"})
    group = await groups.create(ledger.cold, project_id, external_id=None, name="Crew", metadata="{}")
    fields = {"organizer_id": organizer.id, "group_id": group.id, "event_name": "Party", "channel": "email"}
    life = Life(ledger, project_id, group.id, organizer.id, await syncs.create(ledger.cold, fields))
    for _ in range(MEMBERS):
        await life.join()
    return life


async def lived(url: str, steps: Sequence[Sequence[Step]]) -> None:
    async with opened(url, lock_seconds=1.0) as ledger:
        await ledger.fetch("UPDATE hermodr.jobs SET wake_at = NULL WHERE wake_at IS NOT NULL")
        life = await begun(ledger)
        for together in steps:
            doing: list[Awaitable[None]] = [life.do(each) for each in together]
            await asyncio.gather(*doing)
            await life.check(tended=False)
        await tending.go_on(ledger.cold, 100)
        await life.check(tended=True)
        assert await tending.go_on(ledger.cold, 100) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.lists(STEPS, min_size=1, max_size=2), max_size=12))
def test_a_life(database_url: str, steps: list[list[Step]]) -> None:
    asyncio.run(lived(database_url, steps))
