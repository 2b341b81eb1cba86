"""A paused channel: no mail leaves, whatever is restarted; nothing is lost, no attempt is used up."""

import asyncio
from typing import Any

import httpx
import pytest

from hermodr_ledger.access import keys, operating
from hermodr_ledger.engine import Ledger
from tests.support.installation import Installation
from tests.support.load import Load, reached, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def operator(installation: Installation) -> httpx.AsyncClient:
    ledger = Ledger(installation.database_url, service="tests", pool_size=1)
    try:
        await operating.appoint(ledger, "operators")
        secret = (await keys.create(ledger, "operators", ["admin"])).secret
    finally:
        await ledger.close()
    return httpx.AsyncClient(
        base_url=installation.fleet.api_url,
        headers={"authorization": f"Bearer {secret}"},
        trust_env=False,
        timeout=15,
    )


async def waiting(installation: Installation) -> dict[str, int]:
    """Deliveries by whether they are parked, waiting, or held by a sender."""
    found = await installation._value(
        """
        SELECT json_build_object(
            'parked', count(*) FILTER (WHERE wake_at > now() + interval '1 year'),
            'waiting', count(*) FILTER (WHERE wake_at < now() + interval '1 year' AND state <> 'sending'),
            'sending', count(*) FILTER (WHERE state = 'sending'))::text
        FROM hermodr.deliveries WHERE wake_at IS NOT NULL
        """
    )
    return dict(httpx.Response(200, text=found).json())


async def test_nothing_leaves_while_paused_and_everything_when_resumed(installation: Installation) -> None:
    await installation.fault(
        stage="rcpt",
        action={"kind": "reply", "code": 451},
        first_per_address=1,
        recipient="*@paused.example.org",
    )  # so that retries come due in the pause as well
    async with await operator(installation) as house:
        async with under(Load(installation, "paused"), 1200, 300) as load:
            await reached(load, 400)

            async def in_full_flow() -> bool:
                return await installation.arrived() >= 50

            flow: bool = await wait_until(in_full_flow, 30)
            assert flow
            paused = await house.post("/v1/queues/email/pause", json={"reason": "a test"})
            assert paused.status_code == 200
            at_the_answer = await installation.arrived()
        assert load.requested == 1200  # all of them accepted

        async def at_rest() -> bool:
            arrived = await installation.arrived()
            now = await waiting(installation)
            return now["sending"] == 0 and now["waiting"] == 0 and now["parked"] >= load.requested - arrived

        parked: bool = await wait_until(at_rest, 60, "everything unsent is parked", interval=0.2)
        assert parked
        left = await installation.arrived()
        print(f"{at_the_answer} had arrived at the answer, {left} when everything was at rest")
        assert 50 <= left < 1200
        attempts = await installation._value("SELECT count(*) FROM hermodr.attempts")
        health = (await installation.api.get("/health")).json()
        assert health["status"] == "degraded"
        assert any("channel email is paused" in each for each in health["warnings"])
        await installation.fleet["email-sender"].kill()
        for service in ("email-sender", "scheduler", "dispatcher", "api"):
            await installation.fleet.restart(service)
        late = await load.single()
        assert late is not None
        parked = await wait_until(at_rest, 60, "the late one is parked too", interval=0.2)
        await mended_and_idle(installation)
        assert await installation.arrived() == left
        assert (await house.get("/v1/queues")).json()["data"][0]["paused"] is True
        assert await installation._value("SELECT count(*) FROM hermodr.attempts") == attempts
        await resume(installation, house, left)
    assert (await installation.ended(late))["job"]["status"] == "completed"
    facts = await installation.sound()
    assert all(len(jobs) == 1 for jobs in facts.arrivals.values())
    most = await installation._value(
        "SELECT max(attempt) FROM hermodr.deliveries WHERE address LIKE '%@paused.example.org'"
    )
    assert most == 2  # the one refusal each address gave, and nothing for the pause
    await installation.clear_faults()


async def resume(installation: Installation, house: httpx.AsyncClient, left: int) -> None:
    """Resumes, and waits until another mail than the `left` ones leaves."""
    resumed = asyncio.get_running_loop().time()
    assert (await house.post("/v1/queues/email/resume")).json()["changed"] is True

    async def flows() -> bool:
        return await installation.arrived() > left

    flowing: bool = await wait_until(flows, 10)
    assert flowing
    waited = asyncio.get_running_loop().time() - resumed
    print(f"first mail {waited:.2f} s after the end of the pause; {left} had left before it")


async def mended_and_idle(installation: Installation) -> None:
    """The queues have consumers, and the services are alive."""

    async def consumed() -> bool:
        health: Any = (await installation.api.get("/health/broker")).json()
        return bool(health["queues"]) and all(
            each["consumers"] > 0 for label, each in health["queues"].items() if ".retry." not in label
        )

    consuming: bool = await wait_until(consumed, 30, "every queue has a consumer", interval=0.2)
    assert consuming
