"""One delivery and a sender for it, by scripted providers: real rows, no calls."""

import math
from functools import partial
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.claimed import Send, Withheld
from hermodr_delivery.contents import Contents
from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    Refused,
    TransientError,
)
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, Call, Provider, ProviderOptions, Seen, Sighting
from hermodr_delivery.recorder import Recorder
from hermodr_delivery.routing.claiming import Claiming
from hermodr_delivery.routing.limits_report import LimitsReport
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.sending import Sending
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.deliveries.provider_limits import report
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.due import DueRows
from hermodr_scheduler.duties.claims import SETTLING_IN_SECONDS, Claims
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.ids import job_of
from tests.support.clocks import FakeClock
from tests.support.ledgers import new_deliveries, row_of
from tests.support.topologies import email_topology
from tests.support.toy_channel import Note, ToyComposer
from tests.unit.delivery.fakes import FakeAnnouncer
from tests.unit.scheduler.test_claims import FakeBell

LADDER = parse_ladder("10s,60s,5m")
AWAY = TransientError("connect_refused")
OVERLOADED = TransientError("http_503")
TOO_MANY = Refused(Cause.PACE, "http_429", named=True)
WRONG_KEY = Refused(Cause.ACCESS, "http_401")
LYING = OutcomeUnknown("http_500")


class Scripted:
    """Answers each call as told; then accepts. `took` are the messages it accepted, in truth."""

    place = "here"

    def __init__(self, name: str, *answers: Exception, keeps_keys: float = 0.0) -> None:
        self.name = name
        self.options = ProviderOptions(keeps_keys_seconds=keeps_keys)
        self.answers = list(answers)
        self.took: list[str] = []

    def prepare(self, message: Note) -> Call:
        return partial(self.send, message)

    async def send(self, message: Note) -> Accepted:
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or isinstance(answer, OutcomeUnknown):
            self.took.append(message.key)
        if answer is not None:
            raise answer
        return Accepted(f"{self.name}-{len(self.took)}", "")

    async def check(self) -> str:
        return ""

    async def close(self) -> None: ...


class Remembering(Scripted):
    """Can be asked; knows nothing but `seen`."""

    found_within = 120.0
    seen: Seen | DeliveryFailure = Seen(Sighting.CANNOT_TELL, None, "http_403")

    async def look_up(self, message: Note) -> Seen:
        if isinstance(self.seen, DeliveryFailure):
            raise self.seen
        return self.seen


class House:
    """One delivery, and a sender for it: each `turn` is a claim, an attempt and its record."""

    def __init__(self, ledger: Ledger, delivery_id: UUID, *providers: Scripted) -> None:
        self.ledger, self.id, self.providers = ledger, delivery_id, providers
        self.registry = CollectorRegistry()
        metrics, clock = SenderMetrics(self.registry), SystemClock()
        self.routes: Routes[Provider[Note]] = Routes(providers, clock, metrics, patience=5.0)
        self.claims = Claiming(Attempts(ledger), self.routes.choose)
        self.sending: Sending[Note] = Sending(
            Contents(ledger, Channel.EMAIL, clock.monotonic),
            ToyComposer(),
            self.routes,
            clock,
            owner="me",
        )
        self.recorder = Recorder(Attempts(ledger), FakeAnnouncer(), metrics, ladder=LADDER)

    async def claim(self) -> tuple[Claim, Send]:
        (claim,) = await self.claims.claim([self.id], owner="me", lease_seconds=60.0)
        return claim, self.sending.prepare(claim)

    async def turn(self) -> str:
        """The state it ends in; `withheld` if no attempt was made."""
        claim, send = await self.claim()
        try:
            result = await send()
        except Withheld as withheld:
            await self.claims.release([claim], held_seconds=withheld.seconds)
            self.withheld = withheld
            return "withheld"
        await self.recorder.submit(result)
        return str((await self.row()).get("state"))

    async def turns(self, most: int = 10) -> list[str]:
        """All that are due at once."""
        states: list[str] = []
        while len(states) < most and (await self.row())["state"] in ("queued", "retrying"):
            if (delay := await self.due_in()) is not None and delay > 1:
                break
            states.append(await self.turn())
            if states[-1] == "withheld":
                break
        return states

    async def step(self) -> list[str]:
        """The next step of the ladder."""
        await self.ledger.fetch("UPDATE hermodr.deliveries SET due_at = now() WHERE id = $1", self.id)
        return await self.turns()

    async def later(self, seconds: float) -> None:
        """As if the unknown outcome had been so long ago."""
        await self.ledger.fetch(
            "UPDATE hermodr.deliveries SET unknown_since = unknown_since - make_interval(secs => $2) WHERE id = $1",
            self.id,
            seconds,
        )

    async def row(self) -> dict[str, object]:
        return dict(await row_of(self.ledger, "deliveries", self.id))

    async def due_in(self) -> float | None:
        (row,) = await self.ledger.fetch(
            "SELECT extract(epoch FROM due_at - now())::float8 AS s FROM hermodr.deliveries WHERE id = $1",
            self.id,
        )
        return None if row["s"] is None else math.ceil(row["s"])

    async def log(self) -> list[tuple[object, ...]]:
        rows = await self.ledger.fetch(
            "SELECT provider, outcome, code FROM hermodr.attempts WHERE delivery_id = $1 ORDER BY number",
            self.id,
        )
        return [tuple(row.values()) for row in rows]

    async def resolved(self) -> list[tuple[object, ...]]:
        rows = await self.ledger.fetch(
            "SELECT outcome, resolved_as, proof FROM hermodr.attempts WHERE delivery_id = $1 ORDER BY number",
            self.id,
        )
        return [tuple(row.values()) for row in rows]

    async def killed(self) -> str:
        """The sender dies with a claim, its lease is over, and the scheduler settles it. Returns the state."""
        await self.claim()
        limits = LimitsReport(Channel.EMAIL, self.routes, partial(report, self.ledger, "me"), SystemClock())
        await limits.tick()
        await self.ledger.fetch(
            "UPDATE hermodr.deliveries SET lease_until = now() - interval '1 s', wake_at = now() - interval '1 s'"
            " WHERE id = $1",
            self.id,
        )
        rows, clock, metrics = DueRows(self.ledger), FakeClock(), SchedulerMetrics(CollectorRegistry())
        duty = Claims(
            rows, FakeBell(), clock, metrics, topology=email_topology(ladder="10s,60s,5m"), batch=100
        )
        await duty.tick()
        clock.advance(SETTLING_IN_SECONDS)
        await duty.tick()
        return str((await self.row())["state"])

    async def details(self) -> list[str | None]:
        rows = await self.ledger.fetch(
            "SELECT detail FROM hermodr.attempts WHERE delivery_id = $1 ORDER BY number", self.id
        )
        return [row["detail"] for row in rows]

    async def retry_count(self) -> int:
        (row,) = await self.ledger.fetch(
            "SELECT retry_count FROM hermodr.notification_jobs WHERE id = $1", job_of(self.id)
        )
        return int(row["retry_count"])


async def house_of(ledger: Ledger, *providers: Scripted, **options: Any) -> House:
    (delivery_id,) = await new_deliveries(ledger, 1, **options)
    return House(ledger, delivery_id, *providers)
