"""A crew that is asked, and a dispatcher and a scheduler's eye for its jobs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.channels import usual
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.service import Dispatching
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_servicekit.announcer import Announcer
from tests.support.api import ApiUnderTest
from tests.support.inboxes import inbox_of

REMINDER = {
    "name": "auto_sync_reminder",
    "contents": {
        "sms": {"en": {"body_text": "{{ organizer }} waits: {{ event_name }}, {{ deadline }}"}},
        "email": {"en": {"subject": "{{ event_name }}", "body_text": "{{ organizer }}: {{ deadline }}"}},
    },
}


class Bell:
    """What a dispatcher announces."""

    def __init__(self) -> None:
        self.job_ids: list[UUID] = []
        self.delivery_ids: list[UUID] = []

    def jobs(self, _priority: Priority, ids: Iterable[UUID]) -> None:
        self.job_ids += ids

    def deliveries(self, _channel: Channel, _priority: Priority, ids: Iterable[UUID]) -> None:
        self.delivery_ids += ids

    async def drain(self) -> None: ...


def dispatcher(ledger: Ledger, bell: Bell | None = None) -> Dispatching:
    finished = Counter("finished", "", ("kind", "status"), registry=CollectorRegistry())
    announcer = cast("Announcer", bell or Bell())
    deciders = deciders_of(ledger, usual(), announcer, finished)
    return Dispatching(ledger, announcer, deciders, inbox_of(ledger, announcer, finished), finished=finished)


async def do_what_is_due(ledger: Ledger) -> list[UUID]:
    """As a scheduler and a dispatcher would; the jobs that were due."""
    due = [each.id for each in await take_due_jobs(ledger, 100)]
    service = dispatcher(ledger)
    await service.dispatch(Priority.NORMAL, due)
    await service.drain()
    return due


async def age(ledger: Ledger, sync_id: str, by: timedelta) -> None:
    """As if it had begun so much earlier."""
    await ledger.cold.fetch(
        "UPDATE hermodr.auto_syncs SET started_at = started_at - $2::interval WHERE id = $1::uuid",
        sync_id,
        by,
    )


async def messages_of(ledger: Ledger, sync_id: str) -> list[Row]:
    """The notification jobs of its reminders."""
    return await ledger.cold.fetch(
        "SELECT j.* FROM hermodr.auto_sync_reminders m JOIN hermodr.jobs j ON j.id = m.job_id"
        " WHERE m.sync_id = $1::uuid ORDER BY j.id",
        sync_id,
    )


async def jobs_of(ledger: Ledger, sync_id: str) -> list[tuple[str, str, str | None]]:
    """Type, state and error of its own jobs, in order."""
    rows = await ledger.cold.fetch(
        "SELECT type, state, error FROM hermodr.jobs"
        " WHERE kind = 'reminder' AND data->>'sync_id' = $1::text ORDER BY created_at, id",
        sync_id,
    )
    return [(row["type"], row["state"], row["error"]) for row in rows]


@dataclass
class Crew:
    """A group with an organizer and members, all with phone and address."""

    api: ApiUnderTest
    group_id: str
    organizer_id: str
    member_ids: list[str]
    recipient_ids: list[str]

    @classmethod
    async def of(cls, api: ApiUnderTest, size: int = 3, **organizer: Any) -> "Crew":
        people = [
            await api.recipient(
                name=f"M{n}", phone=f"+1555010{n:04}", **(organizer if n == 0 else {"user_id": f"user-{n}"})
            )
            for n in range(size + 1)
        ]
        group = (await api.http.post("/v1/groups", json={"name": "Crew"})).json()
        members = [{"recipient_id": each["id"]} for each in people]
        added = await api.http.post(f"/v1/groups/{group['id']}/members", json={"members": members})
        ids = [each["id"] for each in added.json()["data"]]
        recipients = [each["id"] for each in people]
        return cls(api, group["id"], recipients[0], ids[1:], recipients[1:])

    async def ask(self, **fields: Any) -> dict[str, Any]:
        """Its auto-sync as the answer shows it."""
        body = {"organizer_id": self.organizer_id, "group_id": self.group_id, "event_name": "Party"}
        made = await self.api.http.post("/v1/auto-syncs", json=body | fields)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def answer(self, sync_id: str, nth: int, response: str = "yes") -> dict[str, Any]:
        """By the member of that number."""
        given = {"member_id": self.member_ids[nth], "response": response}
        made = await self.api.http.post(f"/v1/auto-syncs/{sync_id}/responses", json=given)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def do(self, sync_id: str, what: str) -> dict[str, Any]:
        """Such as `pause`."""
        made = await self.api.http.post(f"/v1/auto-syncs/{sync_id}/{what}")
        assert made.is_success, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def show(self, sync_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.api.http.get(f"/v1/auto-syncs/{sync_id}")).json()
        return answer


async def one_organized_one_answered(api: ApiUnderTest, mark: str, group_id: str, recipient_id: str) -> None:
    """By somebody who is the group's only member: with the mark as name and data, and as answer."""
    other = (await api.http.post("/v1/recipients", json={"name": "Eve"})).json()["id"]
    for organizer, name in ((recipient_id, mark), (other, "Party")):
        body = {"organizer_id": organizer, "group_id": group_id, "event_name": name, "data": {"of": name}}
        key = {"idempotency-key": f"sync-{name}"}
        made = await api.http.post("/v1/auto-syncs", json=body | {"status": "paused"}, headers=key)
        assert made.status_code == 201, made.text
    (member,) = (await api.http.get(f"/v1/groups/{group_id}/members")).json()["data"]
    given = {"member_id": member["id"], "response": mark}
    url = f"/v1/auto-syncs/{made.json()['id']}/responses"
    assert (await api.http.post(url, json=given)).status_code == 201
