"""Limits of the mail server, and mistakes of the operator, cost no mail an attempt."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.support.installation import Installation
from tests.support.load import Load
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def nothing_learned(installation: Installation) -> AsyncIterator[None]:
    """The sender has met no limit before, and remembers none after."""
    await installation.fleet.restart("email-sender")
    yield
    await installation.fleet.restart("email-sender")


async def attempts(installation: Installation, domain: str) -> dict[str, int]:
    """Attempts of mails to a domain, by outcome."""
    connection = await asyncpg.connect(installation.database_url)
    try:
        rows = await connection.fetch(
            "SELECT a.outcome, count(*) AS n FROM hermodr.attempts a JOIN hermodr.deliveries d ON d.id = a.delivery_id"
            " WHERE position($1 IN d.address) > 0 GROUP BY 1",
            domain,
        )
    finally:
        await connection.close()
    return {row["outcome"]: row["n"] for row in rows}


async def smtp(installation: Installation) -> dict[str, Any]:
    return dict((await installation.read("/health"))["providers"]["email:smtp"])


@pytest.mark.parametrize(
    ("name", "rule", "field", "within"),
    [
        ("three", {"stage": "connect", "above_connections": 3}, "calls_at_once", (1, 4)),
        ("paced", {"stage": "mail", "above_rate": 20}, "calls_per_second", (5, 40)),
    ],
)
async def test_all_mails_of_a_crowd_are_sent_at_the_first_attempt(
    installation: Installation, name: str, rule: dict[str, Any], field: str, within: tuple[float, float]
) -> None:
    code = 421 if rule["stage"] == "connect" else 454
    await installation.fault(action={"kind": "reply", "code": code}, **rule)
    await installation.fault(
        stage="after_data", action={"kind": "delay", "seconds": 0.05}, recipient=f"*@{name}.*"
    )
    load = Load(installation, name)
    began = time.monotonic()
    await asyncio.gather(load.bulk(140), load.bulk(10, lane="urgent"), load.bulk(10, lane="low"))

    async def shown() -> Any:
        value = (await smtp(installation))[field]
        return value is not None and within[0] <= value <= within[1]

    await wait_until(shown, 20.0, "limits in /health")
    await installation.sound()
    print(f"160 mails in {time.monotonic() - began:.1f} s; {await smtp(installation)}")
    assert await attempts(installation, f"@{name}.") == {"sent": 160}
    await installation.clear_faults()


async def test_a_server_that_does_not_let_us_in_is_left_alone_and_mails_wait(
    installation: Installation,
) -> None:
    # Whatever connections are open would do.
    await installation.fleet.restart("email-sender")
    rule = await installation.fault(stage="connect", action={"kind": "reply", "code": 554}, times=1)
    load = Load(installation, "barred")
    await load.bulk(20)

    async def told() -> Any:
        health = await installation.read("/health")
        return any("takes nothing from us (access: smtp_554)" in each for each in health["warnings"])

    await wait_until(told, 10.0, "the warning in /health")
    await installation.sound()
    assert await installation.fired(rule) == 1
    assert await attempts(installation, "@barred.") == {"sent": 20}
    await installation.clear_faults()
