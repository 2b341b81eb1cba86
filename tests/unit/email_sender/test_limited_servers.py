"""Crowds of mail at servers that bear little: all arrive at the first attempt, nearly as fast as the server can."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.contents import Contents
from hermodr_delivery.lane.pump import Pump
from hermodr_delivery.provider import Provider
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.sending import Sending
from hermodr_email_sender.composing import EmailComposer
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.providers.dsns import build_providers
from hermodr_email_sender.senders import Senders
from hermodr_ledger.deliveries.attempts import Claim, Outcome
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.periodic import running
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.cell import Cell
from tests.support.limited_smtp import LimitedSmtp
from tests.support.mails import NoSenders, no_files
from tests.support.scripted_smtp import Cut, ScriptedSmtp
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import Bench, FakeAttempts, new_ids


class Addressed(FakeAttempts):
    async def claim(self, ids: Sequence[UUID], *, owner: str, lease_seconds: float) -> list[Claim]:
        claims = await super().claim(ids, owner=owner, lease_seconds=lease_seconds)
        return [
            each._replace(content='{"subject": "s", "body_text": "x"}', address=f"{each.id.hex}@example.org")
            for each in claims
        ]


class Sender:
    def __init__(self, server: LimitedSmtp | ScriptedSmtp, user: str = "", options: str = "") -> None:
        self.bench = Bench(Addressed())
        self.attempts = self.bench.attempts
        self.clock = SystemClock()
        self.providers = build_providers(
            f"smtp://{user}127.0.0.1:{server.port}?helo=test.example{options}",
            sender=Mailbox("house@example.com"),
            production=False,
        )
        self.routes: Routes[Provider[OutgoingEmail]] = Routes(
            self.providers, self.clock, self.bench.metrics, patience=5.0
        )
        sending = Sending(
            Contents(cast("Ledger", None), Channel.EMAIL, self.clock.monotonic),
            EmailComposer(
                BoundedRenderer(cast("Cell", None), self.clock.monotonic),
                "example.com",
                no_files,
                cast("Senders", NoSenders()),
            ),
            self.routes,
            self.clock,
            owner="me",
        )
        self.pumps = {
            priority: Pump(
                self.attempts,
                self.bench.recorder,
                sending.prepare,
                self.clock,
                owner="me",
                concurrency=workers,
                window=400,
                lease_seconds=130.0,
                resting=self.routes.resting,
            )
            for priority, workers in ((Priority.URGENT, 2), (Priority.NORMAL, 6), (Priority.LOW, 2))
        }

    async def send(self, count: int) -> float:
        """Sends so many, a tenth of them urgent and a tenth low; the seconds that took."""
        tenth = count // 10
        began = self.clock.monotonic()
        async with running(*(pump.run() for pump in self.pumps.values())):
            await asyncio.gather(
                *(
                    pump.submit(new_ids(count - 2 * tenth if priority is Priority.NORMAL else tenth))
                    for priority, pump in self.pumps.items()
                )
            )
        await self.routes.close()
        return self.clock.monotonic() - began

    def outcomes(self) -> Counter[Outcome]:
        return Counter(attempt.outcome for batch in self.attempts.batches for attempt, _ in batch)


@pytest.mark.parametrize("how", ["421", "reset", "silent"])
async def test_a_server_of_three_connections_gets_three(how: str) -> None:
    async with LimitedSmtp(
        connections=3, reset=how == "reset", silent=how == "silent", seconds=0.02
    ).running() as server:
        sender = Sender(server, options="&timeout=0.3")
        await sender.send(150)
    assert sender.outcomes() == {Outcome.SENT: 150}
    assert len(server.arrived) == len(set(server.arrived)) == 150
    assert server.most_at_once == 3
    assert server.refused["connection"] < 30
    assert 2 <= sender.routes.all[0].bearing.calls <= 4


async def test_a_server_that_lets_connections_wait_gets_the_mails_on_those_it_greeted() -> None:
    async with LimitedSmtp(connections=3, silent=True).running() as server:
        sender = Sender(server, options="&timeout=30&greeting_timeout=60")
        took = await sender.send(150)
    assert sender.outcomes() == {Outcome.SENT: 150}
    assert len(server.arrived) == len(set(server.arrived)) == 150
    assert took < 30, "nobody waited for a greeting"


async def test_connections_that_are_used_up_are_replaced_where_others_wait_in_silence() -> None:
    async with LimitedSmtp(connections=3, silent=True, mails=10).running() as server:
        sender = Sender(server, options="&timeout=0.5")
        await sender.send(150)
    assert sender.outcomes() == {Outcome.SENT: 150}
    assert len(server.arrived) == len(set(server.arrived)) == 150


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "CONTENT"])
async def test_a_server_of_a_slow_pace_gets_that_pace(stage: str) -> None:
    async with LimitedSmtp(rate=10, window=0.25, stage=stage).running() as server:
        sender = Sender(server)
        await sender.send(40)
    assert sender.outcomes() == {Outcome.SENT: 40}
    assert len(server.arrived) == len(set(server.arrived)) == 40
    assert server.refused["rate"] < 40
    rate = sender.routes.all[0].bearing.rate
    assert rate is not None
    assert rate < 100


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
@pytest.mark.parametrize(
    "enough",
    [
        "452 4.5.3 Too many messages in this session",
        "452 4.5.3 Too many recipients",
        "550 5.5.3 Too many messages in this session",
        "421 4.7.0 Too many messages in this connection",
    ],
)
@pytest.mark.parametrize("connections", [1000, 3])
async def test_a_connection_that_is_used_up_is_replaced_at_once(
    stage: str, enough: str, connections: int
) -> None:
    async with LimitedSmtp(connections=connections, mails=10, enough=enough, stage=stage).running() as server:
        sender = Sender(server)
        await sender.send(150)
    assert sender.outcomes() == {Outcome.SENT: 150}
    assert len(server.arrived) == len(set(server.arrived)) == 150
    assert server.refused["enough"] <= 15
    assert sender.routes.all[0].bearing.rate is None


async def test_one_address_that_is_refused_as_if_it_were_a_limit_holds_up_nobody() -> None:
    poisoned = new_ids(1)[0]
    async with LimitedSmtp(never=frozenset({poisoned.hex})).running() as server:
        sender = Sender(server)
        async with running(*(pump.run() for pump in sender.pumps.values())):
            await sender.pumps[Priority.NORMAL].submit([*new_ids(30), poisoned, *new_ids(30)])
        await sender.routes.close()
    assert sender.outcomes() == {Outcome.SENT: 60, Outcome.THROTTLED: 1}
    assert len(server.arrived) == 60


@pytest.mark.parametrize("answer", ["535 5.7.8 wrong", "334 ", Cut()], ids=["535", "334", "hang up"])
async def test_a_login_that_fails_is_tried_once_and_all_mails_wait(answer: str | Cut) -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN LOGIN"]).running() as server:
        server.on("AUTH", *[answer] * 300)
        sender = Sender(server, "jane:secret@")
        async with running(*(pump.run() for pump in sender.pumps.values())):
            sending = [asyncio.create_task(pump.submit(new_ids(100))) for pump in sender.pumps.values()]
            await wait_until(lambda: sender.routes.resting() > 0)
            await wait_until(lambda: sender.routes.all[0].turns._under_way == 0)
            tried = sum(command.startswith("AUTH") for command in server.commands)
            for task in sending:
                task.cancel()
        await sender.routes.close()
    assert tried == 1
    assert sender.outcomes() == {}
    assert sender.routes.all[0].bearing.last is not None
    assert sender.routes.all[0].bearing.last.code == "auth_failed"
