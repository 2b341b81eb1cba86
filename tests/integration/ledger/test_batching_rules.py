"""Whatever happens in whatever order, each event is part of exactly one message: a machine on a real database."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from hermodr_contracts.vocabulary import Channel, DeliveryState, JobState, OnUnknown, Priority
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.batching import closing, joining
from hermodr_ledger.deliveries import attempts
from hermodr_ledger.deliveries.attempts import Outcome, Settlement
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.jobs import cancelling
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, requested_jobs
from hermodr_ledger.jobs.requeueing import Requeued, requeue
from hermodr_servicekit.ids import child_id
from tests.support.ledgers import accept_one, new_job, new_project, opened

OPERATOR = Actor("key", "someone")
T = TypeVar("T")
KEYS = ("a", "b")


class Killed(Exception):
    """The process died."""


@dataclass
class Mortal:
    """A ledger whose user dies before its nth statement in a transaction, or its nth commit."""

    ledger: Ledger
    statements: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    @property
    def cold(self) -> "Mortal":
        return Mortal(self.ledger.cold, self.statements)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self.ledger.transaction() as transaction:
            fetch = transaction.fetch

            async def mortal(*arguments: Any, **options: Any) -> Any:
                self.statements -= 1
                if self.statements < 0:
                    raise Killed
                return await fetch(*arguments, **options)

            transaction.fetch = mortal  # type: ignore[method-assign]
            yield transaction
            self.statements -= 1
            if self.statements < 0:
                raise Killed


@dataclass
class World:
    ledger: Ledger
    project: UUID
    events: list[UUID] = field(default_factory=list)

    async def request(self, key: str, first: str, slides: bool, priority: Priority) -> None:
        digest = {"key": key, "window": 60, "max_window": 90 if slides else None, "first": first}
        job = new_job(
            self.project,
            type="comment",
            content=None,
            priority=priority,
            data=json.dumps({"nth": len(self.events)}),
            digest=json.dumps(digest),
        )
        self.events.append(await accept_one(self.ledger, job))

    async def decide(self, ledger: Any) -> None:
        """As a dispatcher upon all that is queued, events and carriers."""
        rows = await self.ledger.fetch(
            "SELECT id FROM hermodr.jobs WHERE project_id = $1 AND state = 'queued' ORDER BY id", self.project
        )
        jobs = await requested_jobs(self.ledger, [row["id"] for row in rows])
        decisions = [
            Decision(
                job,
                JobState.PROCESSING,
                (
                    NewDelivery(
                        child_id(job.id, 1), Channel.EMAIL, "jane@example.org", None, OnUnknown.RESEND, 1
                    ),
                ),
                joining=job.joining,
            )
            for job in jobs
        ]
        await joining.record(ledger, decisions)

    async def pass_time(self, seconds: int) -> None:
        await self.ledger.fetch(
            "UPDATE hermodr.event_windows SET closes_at = closes_at - make_interval(secs => $1),"
            " latest = latest - make_interval(secs => $1) WHERE closed_at IS NULL AND project_id = $2",
            float(seconds),
            self.project,
        )

    async def send(self, outcome: Outcome, most: int) -> None:
        rows = await self.ledger.fetch(
            "SELECT id FROM hermodr.deliveries WHERE project_id = $1 AND state IN ('queued', 'retrying')"
            " ORDER BY id LIMIT $2",
            self.project,
            most,
        )
        claims = await attempts.claim(self.ledger, [row["id"] for row in rows], owner="me", lease_seconds=60)
        now = datetime.now(UTC)
        ended = DeliveryState.SENT if outcome is Outcome.SENT else DeliveryState.FAILED
        results = [
            (
                attempts.Attempt(
                    each.id,
                    each.attempt,
                    outcome,
                    now,
                    now,
                    claimed_by="me",
                    provider="smtp",
                    code="x",
                ),
                Settlement(ended),
            )
            for each in claims
        ]
        if results:
            await attempts.record(self.ledger, results)

    async def retry(self, ids: list[UUID]) -> int:
        async with self.ledger.transaction() as transaction:
            verdicts = await requeue(transaction, self.project, ids, by="key")
        return sum(isinstance(each, Requeued) for each in verdicts)

    async def jobs(self, condition: str) -> list[UUID]:
        rows = await self.ledger.fetch(
            f"SELECT id FROM hermodr.jobs WHERE project_id = $1 AND {condition} ORDER BY id", self.project
        )
        return [row["id"] for row in rows]

    async def judge(self) -> None:
        """What must hold once everything has ended."""
        rows = await self.ledger.cold.fetch(
            "SELECT a.job_id, a.account, a.carrier_id, j.state, (j.data->>'nth')::int AS nth"
            " FROM hermodr.event_accounts a JOIN hermodr.jobs j ON j.id = a.job_id WHERE a.project_id = $1",
            self.project,
        )
        assert sorted(row["job_id"] for row in rows) == sorted(self.events), "each event has one account"
        as_state = {"sent": "completed", "cancelled": "cancelled", "skipped": "failed"}
        assert all(as_state[row["account"]] == row["state"] for row in rows)
        carriers = await self.ledger.fetch(
            "SELECT id, data FROM hermodr.jobs WHERE project_id = $1 AND digest ? 'window_id'", self.project
        )
        for carrier in carriers:
            data = json.loads(carrier["data"])
            theirs = sorted(row["nth"] for row in rows if row["carrier_id"] == carrier["id"])
            assert sorted(each["nth"] for each in data["items"]) == theirs, "it shows its own, each once"
            assert data["total"] == len(theirs)
        (wakes,) = await self.ledger.fetch(
            "SELECT count(*) AS n FROM hermodr.jobs WHERE project_id = $1 AND finished_at IS NULL",
            self.project,
        )
        assert wakes["n"] == 0


class Windows(RuleBasedStateMachine):
    ledger: ClassVar[Ledger]
    runner: ClassVar[asyncio.Runner]
    world: World

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(step)

    @initialize()
    def begin(self) -> None:
        self.world = World(self.ledger, self.run(new_project(self.ledger)))

    @rule(
        key=st.sampled_from(KEYS),
        first=st.sampled_from(["wait", "now"]),
        slides=st.booleans(),
        priority=st.sampled_from([Priority.NORMAL, Priority.NORMAL, Priority.LOW, Priority.URGENT]),
        many=st.integers(1, 4),
    )
    def request(self, key: str, first: str, slides: bool, priority: Priority, many: int) -> None:
        for _ in range(many):
            self.run(self.world.request(key, first, slides, priority))

    @rule(dispatchers=st.integers(1, 3))
    def decide(self, dispatchers: int) -> None:
        self.run(together(*(self.world.decide(self.ledger) for _ in range(dispatchers))))

    @rule(after=st.integers(0, 9))
    def die_deciding(self, after: int) -> None:
        self.run(together(self.world.decide(Mortal(self.ledger, after))))

    @rule(seconds=st.integers(1, 100))
    def pass_time(self, seconds: int) -> None:
        self.run(self.world.pass_time(seconds))

    @rule(schedulers=st.integers(1, 3))
    def close(self, schedulers: int) -> None:
        self.run(together(*(closing.close_due(self.ledger.cold, 10) for _ in range(schedulers))))

    @rule(after=st.integers(0, 4))
    def die_closing(self, after: int) -> None:
        mortal: Any = Mortal(self.ledger, after)
        self.run(together(closing._close(mortal, 10, None)))

    @rule()
    def close_while_they_come(self) -> None:
        self.run(
            together(
                self.world.decide(self.ledger),
                closing.close_due(self.ledger.cold, 10),
                self.world.decide(self.ledger),
            )
        )

    @rule(nth=st.integers(0, 30))
    def cancel(self, nth: int) -> None:
        if self.world.events:
            job = self.world.events[nth % len(self.world.events)]
            self.run(
                together(
                    cancelling.cancel(self.ledger, self.world.project, job, OPERATOR),
                    self.world.decide(self.ledger),
                )
            )

    @rule(outcome=st.sampled_from([Outcome.SENT, Outcome.PERMANENT]), most=st.integers(1, 3))
    def send(self, outcome: Outcome, most: int) -> None:
        self.run(self.world.send(outcome, most))

    @rule(outcome=st.sampled_from([Outcome.SENT, Outcome.PERMANENT]), again=st.booleans())
    def a_whole_window(self, outcome: Outcome, again: bool) -> None:
        self.run(self.world.decide(self.ledger))
        self.run(self.world.pass_time(200))
        self.run(closing.close_due(self.ledger.cold, 10))
        self.run(self.world.decide(self.ledger))
        self.run(self.world.send(outcome, 10))
        self.run(closing.settle(self.ledger.cold, 10))
        if again:
            self.retry()

    @rule()
    def cancel_a_message(self) -> None:
        for job in self.run(self.world.jobs("digest ? 'window_id' AND finished_at IS NULL"))[:1]:
            self.run(cancelling.cancel(self.ledger, self.world.project, job, OPERATOR))

    @rule()
    def settle(self) -> None:
        self.run(
            together(closing.settle(self.ledger.cold, 10), closing.settle(self.ledger.cold, 10, again=True))
        )

    @rule()
    def retry(self) -> None:
        self.run(self.world.retry(self.run(self.world.jobs("state IN ('failed', 'cancelled')"))))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.run(finish(self.world))


async def together(*steps: Any) -> None:
    """What dies or collides is left for later, as it would be."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, Killed | LedgerUnavailable):
            raise result


async def finish(world: World) -> None:
    """Nothing more happens but what services do by themselves."""
    ledger = world.ledger
    for _ in range(3):
        await world.decide(ledger)
        await world.pass_time(1000)
        while (await closing.close_due(ledger.cold, 10)).windows:
            pass
        await world.send(Outcome.SENT, 1000)
    await closing.settle(ledger.cold, 1000)
    await closing.settle(ledger.cold, 1000, again=True)
    await world.judge()


async def test_each_event_ends_as_part_of_one_message(database_url: str) -> None:
    def check_all() -> None:
        with asyncio.Runner() as runner:

            async def begin() -> Any:
                context = opened(database_url, pool_size=12)
                return context, await context.__aenter__()

            context, ledger = runner.run(begin())
            Windows.ledger, Windows.runner = ledger, runner
            try:
                run_state_machine_as_test(
                    Windows,
                    settings=settings(
                        max_examples=40,
                        stateful_step_count=30,
                        deadline=None,
                        derandomize=True,
                        report_multiple_bugs=False,
                        phases=[Phase.generate],
                        suppress_health_check=list(HealthCheck),
                    ),
                )
            finally:
                runner.run(context.__aexit__(None, None, None))

    await asyncio.to_thread(check_all)
