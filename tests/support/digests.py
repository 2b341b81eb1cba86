"""Groups with updates, readers and digest schedules, and a dispatcher and a scheduler to work on them."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, cast
from uuid import UUID

import prometheus_client
from prometheus_client import CollectorRegistry

from hermodr_contracts.channels import usual
from hermodr_digesting.rules import plan
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.service import Dispatching
from hermodr_dispatcher.summaries import Asking
from hermodr_ledger.digests import schedules
from hermodr_ledger.digests.planning import PRIORITY, plan_due, run_now
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.digests.settling import settle
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.people import groups, members, recipients, updates
from hermodr_ledger.people.members import NewMember
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Texts
from hermodr_servicekit.announcer import Announcer
from tests.support.inboxes import inbox_of
from tests.support.ledgers import new_project, row_of

ZONES_OF_POSTGRESQL_ALONE = (
    *("", "utc", "europe/berlin", "+05:00", "<+05>-5", "EST5EDT4", "UTC+3", "Z", "EDT", "Europe/Berlin "),
    *("posix/Europe/Berlin", "right/UTC", "localtime", "posixrules", "Factory", "../UTC"),
)
"""It takes most of them for zones, which the services do not."""


class Silent:
    """Announces nothing: the tests hand on the ids themselves."""

    reachable = True

    def jobs(self, *_: object) -> None: ...
    def deliveries(self, *_: object) -> None: ...


def dispatching_of(ledger: Ledger, asking: object = None) -> Dispatching:
    """`asking`: stands for `hermodr_dispatcher.summaries.Asking`."""
    finished = prometheus_client.Counter("finished", "", ("kind", "status"), registry=CollectorRegistry())
    announcer = cast("Announcer", Silent())
    deciders = deciders_of(ledger, usual(), announcer, finished, cast("Asking | None", asking))
    return Dispatching(ledger, announcer, deciders, inbox_of(ledger, announcer, finished), finished=finished)


@dataclass
class Club:
    """A group of a project of its own, with a reader and an author."""

    ledger: Ledger
    project_id: UUID
    group_id: UUID
    reader: UUID
    author: UUID
    dispatcher: Dispatching
    posted: list[UUID] = field(default_factory=list)

    async def post(self, count: int = 1, **fields: Any) -> list[UUID]:
        made = []
        for number in range(count):
            given: dict[str, Any] = {"title": f"News {len(self.posted) + number}", "author_id": self.author}
            one = await updates.create(
                self.ledger, self.project_id, self.group_id, given | {"metadata": "{}"} | fields
            )
            made.append(one.id)
        self.posted += made
        return made

    async def schedule(self, **fields: Any) -> DigestSchedule:
        given = {
            "recipient_id": self.reader,
            "group_id": self.group_id,
            "frequency": "daily",
            "delivery_time": time(9),
            "timezone": "Europe/Berlin",
        }
        return await schedules.create(self.ledger, self.project_id, given | fields)

    async def run(self, schedule: DigestSchedule) -> UUID:
        """By hand, decided upon."""
        async with self.ledger.transaction() as transaction:
            job_id = await run_now(transaction, schedule, None)
        await self.decide([job_id])
        return job_id

    async def decide(self, job_ids: Sequence[UUID]) -> None:
        await self.dispatcher.dispatch(PRIORITY, job_ids)

    async def job(self, job_id: UUID) -> Row:
        return await row_of(self.ledger, "jobs", job_id)

    async def items(self, job_id: UUID) -> list[UUID]:
        """What is in a digest."""
        data = json.loads((await self.job(job_id))["data"])
        return [UUID(each["id"]) for each in data.get("items", [])]

    async def accounts(self, schedule: DigestSchedule) -> dict[str, int]:
        rows = await self.ledger.fetch(
            "SELECT account FROM hermodr.digest_accounts WHERE schedule_id = $1", schedule.id
        )
        return dict(Counter(row["account"] for row in rows))

    async def end(self, job_id: UUID, state: str = "completed") -> None:
        """As a sender, or somebody who cancels, would."""
        await self.ledger.fetch(
            "UPDATE hermodr.jobs SET state = $2, finished_at = now(), wake_at = NULL, open_deliveries = 0"
            " WHERE id = $1",
            job_id,
            state,
        )
        delivery = {"completed": "sent", "failed": "failed", "cancelled": "cancelled"}[state]
        await self.ledger.fetch(
            "UPDATE hermodr.deliveries SET state = $2, finished_at = now(), wake_at = NULL WHERE job_id = $1",
            job_id,
            delivery,
        )

    async def settle(self) -> None:
        await settle(self.ledger, 500)


async def founded(ledger: Ledger) -> Club:
    """With the template that digests are made by."""
    project_id = await new_project(ledger)
    async with ledger.transaction() as transaction:
        body = "{% for each in items %}{{ each.title }}{% endfor %}"
        texts = {"email": {"en": Texts("{{ total }} news", body, None)}}
        await versions.create(transaction, project_id, "digest", False, "en", texts)
    group = await groups.create(ledger, project_id, external_id=None, name="Mia", metadata="{}")
    reader = await recipients.create(ledger, project_id, {"email": "jane@example.org", "name": "Jane"})
    author = await recipients.create(ledger, project_id, {"email": "john@example.org", "name": "John"})
    await members.add(ledger, group.id, [NewMember(each.id, None, None) for each in (reader, author)])
    return Club(ledger, project_id, group.id, reader.id, author.id, dispatching_of(ledger))


async def changed_before_the_rules(ledger: Ledger, schedule_id: UUID, changes: str) -> None:
    """By SQL, as it was once possible."""
    await ledger.fetch("ALTER TABLE hermodr.digest_schedules DISABLE TRIGGER digest_schedules_odd")
    try:
        await ledger.fetch(f"UPDATE hermodr.digest_schedules SET {changes} WHERE id = $1", schedule_id)
    finally:
        await ledger.fetch("ALTER TABLE hermodr.digest_schedules ENABLE TRIGGER digest_schedules_odd")


async def make_due(ledger: Ledger, schedule: DigestSchedule, nominal: datetime) -> None:
    """And a rule of that time of day, so that no second occurrence lies between then and now."""
    await ledger.fetch(
        "UPDATE hermodr.digest_schedules SET next_digest_scheduled = $2,"
        " delivery_time = date_trunc('minute', $2::timestamptz AT TIME ZONE timezone)::time WHERE id = $1",
        schedule.id,
        nominal,
    )


async def planned(ledger: Ledger) -> list[UUID]:
    """The jobs that a scheduler makes now."""
    made = await plan_due(ledger, 500, plan)
    return [each.job_id for each in made if each.job_id is not None]


async def planned_by(ledger: Ledger, schedulers: int) -> list[UUID]:
    found = await asyncio.gather(*(planned(ledger) for _ in range(schedulers)))
    return [each for some in found for each in some]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
