import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hermodr_devkit.demo import letters
from hermodr_devkit.demo.client import Accepted, Api, Sandbox
from hermodr_devkit.demo.scenario import (
    ATTACHED,
    BOOKING,
    BUSY,
    CROWD,
    CROWD_DOMAIN,
    CROWD_SECONDS,
    GONE,
    HURRY,
    LATER,
    MAGIC,
    NEWS,
    NOTICE,
    OFF,
    REFUSED_DOMAIN,
    RETURNED,
    TAKEN,
    TEXTED,
    TWICE,
    WRITTEN,
    Kind,
    Request,
    Scenario,
)

NOTICE_SECONDS = 10.0


@dataclass
class Asked:
    """`accepted` counts requests by kind."""

    accepted: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[Accepted]] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    """Kinds requested in bulk: the batch's id."""


class Asker:
    """Prepares the project and sends the scenario's requests; `asked` grows meanwhile."""

    def __init__(self, api: Api, sandbox: Sandbox, scenario: Scenario) -> None:
        self._api = api
        self._sandbox = sandbox
        self._scenario = scenario
        self._recipient_ids: dict[str, str] = {}
        self.asked = Asked()

    async def prepare(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sandbox.slow_down(f"*@{CROWD_DOMAIN}", CROWD_SECONDS))
            group.create_task(self._sandbox.refuse_at_first(f"*@{REFUSED_DOMAIN}"))
            group.create_task(self._sandbox.approve(*letters.APPROVED))
            for template in letters.templates():
                group.create_task(self._api.create_template(template))
            for person in self._scenario.recipients:
                group.create_task(
                    self._recipient(person.external_id, person.name, person.email, person.locale)
                )

    async def ask(self) -> None:
        """All requests, concurrently. Raises `Refused` in a group for one that was not accepted."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._crowd_and_hurry())
            group.create_task(self._one_by_one(TWICE))
            group.create_task(self._unsubscribe())
            for kind in (BUSY, GONE, TAKEN, RETURNED, ATTACHED, TEXTED, WRITTEN):
                group.create_task(self._together(kind))
        async with (
            asyncio.TaskGroup() as group
        ):  # later, so that the urgent one does not wait for them in our client
            for kind in (MAGIC, BOOKING, LATER):
                group.create_task(self._together(kind))

    async def _recipient(self, external_id: str, name: str, email: str, locale: str) -> None:
        body = {"external_id": external_id, "name": name, "email": email, "locale": locale}
        self._recipient_ids[external_id] = await self._api.create_recipient(body)

    async def _together(self, kind: Kind) -> None:
        async with asyncio.TaskGroup() as group:
            for request in self._requests(kind):
                group.create_task(self._one(request))

    async def _one_by_one(self, kind: Kind) -> None:
        for request in self._requests(kind):
            await self._one(request)

    async def _crowd_and_hurry(self) -> None:
        """The notices share the crowd's lane, so they are sent first; the urgent one comes right after."""
        await self._in_bulk(NOTICE)
        await self._api.batch_finished(self.asked.batches[NOTICE.key], NOTICE_SECONDS)
        await self._in_bulk(CROWD)
        await self._one_by_one(HURRY)

    async def _unsubscribe(self) -> None:
        """A reader who has had enough clicks on the button that the mail program shows."""
        await self._one_by_one(NEWS)
        await self._api.unsubscribe(await self._sandbox.unsubscribe_link(self._scenario.unwilling.email))
        await self._one_by_one(OFF)

    async def _one(self, request: Request) -> None:
        accepted = await self._api.send(request.body(self._recipient_ids), request.key)
        self.asked.answers.setdefault(request.kind, []).append(accepted)
        self.asked.accepted[request.kind] += 1

    async def _in_bulk(self, kind: Kind) -> None:
        bodies = [request.body(self._recipient_ids) for request in self._requests(kind)]
        self.asked.batches[kind.key], self.asked.accepted[kind.key] = await self._api.send_bulk(bodies)

    def _requests(self, kind: Kind) -> Sequence[Request]:
        return self._scenario.requests[kind.key]
