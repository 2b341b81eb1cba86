"""Two of every background service share the work and do nothing twice."""

import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from tests.support.brokers import Broker
from tests.support.freezing import ENOUGH, frozen
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.load import Load, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = (
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
    ServiceSpec("email-sender-2", "hermodr_email_sender", 13),
)

TOO_LATE = "an answer came too late"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pairs(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=(*MAIL_SERVICES, *SECONDS),
    ) as installation:
        yield installation
        await installation.sound()


async def test_two_of_each_share_the_work(pairs: Installation) -> None:
    """Among the mails are scheduled ones, which two schedulers see at once, and ones that need a second attempt."""
    await pairs.fault(
        stage="rcpt", action={"kind": "reply", "code": 451}, first_per_address=1, recipient="*+again@*"
    )
    load = Load(pairs, "pairs")
    async with under(load, 600, 400):
        for _ in range(4):
            await load.bulk(50, delay_seconds=2)
            await load.bulk(25, tag="+again")
    facts = await pairs.sound()
    assert all(len(jobs) == 1 for jobs in facts.arrivals.values())
    assert len(facts.arrivals) == 900
    assert await pairs.unknown_attempts("@pairs.") == 0
    claimants = await pairs.senders()
    assert len(claimants) == 2, "both senders have had a part in it"
    await pairs.clear_faults()


async def test_a_sender_frozen_past_its_lease(pairs: Installation) -> None:
    """Its claims become unknown and are sent by the other. When it wakes, it must not send them: only what the
    provider held at the moment of freezing may come twice."""
    sender = pairs.fleet["email-sender"]
    await pairs.fault(stage="after_data", action={"kind": "delay", "seconds": 0.5})
    async with under(Load(pairs, "frozen"), 600, 400):
        try:
            held = await frozen(pairs, sender)
            await pairs.clear_faults()
            _: bool = await wait_until(partial(pairs.all_sent, held), 60, "frozen claims sent by the other")
            # Not all of them: what it was just reporting when it was frozen counts as reported.
            assert await pairs.resent(held) >= ENOUGH // 2
        finally:
            sender.signal(signal.SIGCONT)
    await pairs.fleet.wait_ready("email-sender")
    await wait_until(lambda: _woke(pairs), 30, "the woken sender deals with its old claims")
    facts = await pairs.sound()
    doubled = [address for address, jobs in facts.arrivals.items() if len(jobs) > 1]
    assert len(doubled) <= 10, "more than the provider can have had in its hands"


def _woke(pairs: Installation) -> int:
    given_back = pairs.logged("email-sender", "claim given back unsent")
    return given_back + pairs.logged("email-sender", TOO_LATE)


async def test_a_late_answer_does_not_cover_up_an_unknown_outcome(pairs: Installation) -> None:
    """The provider takes the mail of a sender that stands still; the other sends it again; then the first reports
    success. Two mails were sent, and the job still says why."""
    rule = await pairs.fault(
        stage="after_data", action={"kind": "delay", "seconds": 1.5}, recipient="*@late.*", times=1
    )
    job_id = await Load(pairs, "late").single()
    assert job_id is not None

    # A claim alone is not enough: frozen before it has sent, the sender would have nothing to be late with.
    _: int = await wait_until(partial(pairs.fired, rule), 10, "the mail in the provider's hands")
    claimed_by = await pairs.claimed_by(job_id)
    sender = next(service for service in pairs.fleet.services.values() if f":{service.pid}:" in claimed_by)
    earlier = pairs.logged(sender.name, TOO_LATE)
    sender.signal(signal.SIGSTOP)
    try:
        found = await pairs.ended(job_id)
        assert [each["outcome"] for each in found["delivery_logs"]] == ["unknown", "sent"]
    finally:
        sender.signal(signal.SIGCONT)
    await wait_until(lambda: pairs.logged(sender.name, TOO_LATE) > earlier, 20, "the late answer")
    assert len(await pairs.mails_to(found["recipient"]["email"])) == 2
    first, second = (await pairs.job(job_id))["delivery_logs"]
    assert (first["outcome"], second["outcome"]) == ("unknown", "sent")
    await pairs.clear_faults()
    await pairs.sound()
