"""Two providers, the first of which fails: what it certainly did not take goes by the second at once, and what it may
have taken goes nowhere else. Mails are counted at the sandbox, by recipient."""

import signal
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hermodr_cli.addresses import port_base
from hermodr_devkit.supervisor import SANDBOX
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.load import Load, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT_SECONDS = 4.0
LOOK_UP_SECONDS = 10.0
"""From then on a mail that SendGrid's activity feed does not show was not accepted."""
SENDER = "email-sender"
FIRST = "sendgrid"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    """SendGrid, which can be asked for a mail, before Resend; both are the sandbox."""

    async def wiring(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
        place = f"KEY@127.0.0.1:{port_base(environment) + SANDBOX.port_offset}?tls=off&rate=off"
        first = f"sendgrid://{place}&timeout={TIMEOUT_SECONDS:g}&look_up={LOOK_UP_SECONDS:g}"
        return {SENDER: {"HERMODR_EMAIL_PROVIDERS": f"{first} resend://{place}"}}

    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        wiring=wiring,
    ) as installation:
        yield installation
        await installation.sound()


async def test_a_provider_that_is_unavailable_is_passed_over_at_once(two: Installation) -> None:
    await two.fault(stage="mail", action={"kind": "reply", "code": 503}, provider=FIRST)
    found = await two.ended(await _asked(two, "away"))
    await two.clear_faults()
    assert found["job"]["status"] == "completed"
    assert found["job"]["retry_count"] == 0, "a step of the ladder was taken"
    assert _attempts(found) == [(FIRST, "transient", "sendgrid_503"), ("resend", "sent", None)]
    told = [each["detail"] for each in await _attempted(two, found)]
    assert [(each["provider"], each["outcome"]) for each in told] == [
        (FIRST, "transient"),
        ("resend", "sent"),
    ]
    assert (told[0]["code"], told[0]["detail"][:3]) == ("sendgrid_503", "503")
    assert await _mails(two, found) == 1


async def test_a_provider_that_asks_for_a_rest_is_passed_over_and_gets_it(two: Installation) -> None:
    """The sandbox says `Retry-After: 1`."""
    await two.fault(stage="mail", action={"kind": "reply", "code": 429}, provider=FIRST, times=1)
    found = await two.ended(await _asked(two, "pace"))
    assert found["job"]["retry_count"] == 0
    assert _attempts(found) == [(FIRST, "throttled", "sendgrid_429"), ("resend", "sent", None)]
    assert await _mails(two, found) == 1

    again = Load(two, "pace-again")

    async def back_again() -> Any:
        later = await two.ended(str(await again.single()))
        return later if _attempts(later) == [(FIRST, "sent", None)] else None

    later: Any = await wait_until(back_again, 60, "mails go by the first provider again")
    rested = _at(later["delivery_logs"][0]["started_at"]) - _at(found["delivery_logs"][0]["finished_at"])
    assert rested.total_seconds() >= 1.0, "it was called before its rest was over"
    await two.clear_faults()


async def test_a_provider_that_lies_is_asked_and_gets_no_mail_twice(two: Installation) -> None:
    """It takes the mail and answers 500."""
    await two.fault(action={"kind": "lie"}, provider=FIRST, times=1)
    found = await two.ended(await _asked(two, "lie"))
    await two.clear_faults()
    assert found["job"]["status"] == "completed"
    assert _attempts(found) == [(FIRST, "unknown", "sendgrid_500"), (FIRST, "sent", "looked_up")]
    assert "nothing was sent again" in (await _attempted(two, found))[-1]["detail"]["detail"]
    assert await _mails(two, found) == 1


async def test_lies_under_load(two: Installation) -> None:
    rule = await two.fault(action={"kind": "lie"}, provider=FIRST, every=4)
    async with under(Load(two, "lies"), 200, 200):
        pass
    facts = await two.sound()
    assert await two.fired(rule) > 0
    arrivals = [jobs for address, jobs in facts.arrivals.items() if "@lies." in address]
    assert len(arrivals) == 200
    assert all(len(jobs) == 1 for jobs in arrivals)
    await two.clear_faults()


async def test_a_provider_that_is_too_slow_is_asked_once_it_must_know(two: Installation) -> None:
    """It takes the mail when nobody waits for its answer any more. Until it must know of it, nothing is sent again."""
    rule = {"action": {"kind": "delay", "seconds": TIMEOUT_SECONDS + 2}, "provider": FIRST, "times": 1}
    await two.fault(stage="after_data", **rule)
    found = await two.ended(await _asked(two, "slow"))
    await two.clear_faults()
    assert [each[:2] for each in _attempts(found)] == [(FIRST, "unknown"), (FIRST, "sent")]
    assert found["delivery_logs"][1]["code"] == "looked_up"
    assert await _mails(two, found) == 1


async def test_a_mail_that_a_slow_provider_never_took_is_sent_again(two: Installation) -> None:
    """It reads the mail and cuts the connection: once it must know of it, it is believed, and gets the mail."""
    await two.fault(action={"kind": "drop_before_accept"}, provider=FIRST, times=1)
    found = await two.ended(await _asked(two, "lost"))
    await two.clear_faults()
    first, second = found["delivery_logs"]
    assert (first["outcome"], second["outcome"]) == ("unknown", "sent")
    assert second["detail"] == first["proof"] == "looked up: no earlier attempt was accepted"
    assert first["resolved_as"] == "not_sent"
    assert (_at(second["started_at"]) - _at(first["finished_at"])).total_seconds() >= LOOK_UP_SECONDS - 1
    assert await _mails(two, found) == 1


async def test_a_sender_killed_between_acceptance_and_commit_makes_no_second_mail(two: Installation) -> None:
    """The mail is in the sandbox, its answer on the way, and nobody is there to read it."""
    job_id = await _killed_after_acceptance(two, "killed")
    found = await two.ended(job_id)
    assert found["job"]["status"] == "completed"
    assert _attempts(found) == [(FIRST, "unknown", "lease_expired"), (FIRST, "sent", "looked_up")]
    assert await _mails(two, found) == 1


async def test_a_held_mail_whose_sender_was_killed_is_found_at_its_provider(two: Installation) -> None:
    """Nobody has to requeue it."""
    found = await two.ended(await _killed_after_acceptance(two, "held", on_unknown="hold"))
    assert [each["state"] for each in found["deliveries"]] == ["sent"]
    assert _attempts(found) == [(FIRST, "unknown", "lease_expired"), (FIRST, "sent", "looked_up")]
    first = found["delivery_logs"][0]
    assert (first["resolved_as"], first["proof"]) == ("sent", found["delivery_logs"][1]["detail"])
    assert await _mails(two, found) == 1


async def _killed_after_acceptance(two: Installation, name: str, **fields: Any) -> str:
    sender = two.fleet[SENDER]
    delay = {"kind": "delay", "seconds": TIMEOUT_SECONDS - 1}
    rule = await two.fault(stage="after_data", action=delay, provider=FIRST, times=1)
    job_id = await _asked(two, name, **fields)
    address = (await two.job(job_id))["recipient"]["email"]
    _: int = await wait_until(partial(two.fired, rule), 30, "the mail in the provider's hands")
    sender.signal(signal.SIGSTOP)
    _mail: list[Any] = await wait_until(partial(two.mails_to, address), 30, "its acceptance")
    assert await two.claimed_by(job_id), "the sender was quicker"
    await sender.kill()
    await two.fleet.restart(SENDER)
    return job_id


async def _asked(two: Installation, name: str, **fields: Any) -> str:
    job_id = await Load(two, name).single(**fields)
    assert job_id is not None
    return job_id


def _attempts(found: Any) -> list[tuple[str, str, str | None]]:
    return [(each["provider"], each["outcome"], each["code"]) for each in found["delivery_logs"]]


async def _attempted(two: Installation, found: Any) -> list[Any]:
    return [each for each in await two.timeline(found["job"]["id"]) if each["event"] == "attempted"]


async def _mails(two: Installation, found: Any) -> int:
    return len(await two.mails_to(found["recipient"]["email"]))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
