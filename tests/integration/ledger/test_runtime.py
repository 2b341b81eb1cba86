from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.engine import Ledger
from hermodr_ledger.runtime import Worker
from hermodr_ledger.upkeep.due import PUT_BACK_SECONDS, take_due_deliveries
from hermodr_servicekit.ids import new_job_id
from hermodr_servicekit.settings import ServiceSettings
from tests.support.ledgers import new_deliveries, new_jobs
from tests.support.proxies import proxied


class _Settings(ServiceSettings):
    service: ClassVar[str] = "test"
    port_offset: ClassVar[int] = 99


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[Worker[_Settings]]:
    """Without a broker so far."""
    runtime = Worker(_Settings(database_url=database_url))
    yield runtime
    await runtime.ledger.close()


async def test_what_did_not_reach_the_broker_is_due_shortly_also_in_a_crowded_lane(
    ledger: Ledger, runtime: Worker[_Settings]
) -> None:
    deliveries, jobs = await new_deliveries(ledger, 3), await new_jobs(ledger, 2)
    runtime.announcer.deliveries(Channel.EMAIL, Priority.NORMAL, deliveries)
    runtime.announcer.jobs(Priority.NORMAL, jobs)
    await runtime.announcer.drain()
    (moments,) = await ledger.fetch(
        """SELECT max(wake_at) - now() < make_interval(secs => $1) AS soon FROM
        (SELECT wake_at FROM hermodr.deliveries UNION ALL SELECT wake_at FROM hermodr.jobs) AS waiting""",
        PUT_BACK_SECONDS,
    )
    assert moments["soon"]
    await ledger.fetch("UPDATE hermodr.deliveries SET wake_at = now()")
    due = await take_due_deliveries(ledger, 10, {(Channel.EMAIL, Priority.NORMAL)})
    assert sorted(each.id for each in due) == sorted(deliveries)


async def test_with_the_database_away_as_well_its_row_is_left_to_time(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        await proxy.block()
        runtime = Worker(_Settings(database_url=url))
        with capture_logs() as logs:
            runtime.announcer.deliveries(Channel.EMAIL, Priority.NORMAL, [new_job_id()])
            await runtime.announcer.drain()
        await runtime.ledger.close()
    assert [(each["log_level"], each["event"]) for each in logs][-1] == ("warning", "rows stay put off")
