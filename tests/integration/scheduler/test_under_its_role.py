"""Every duty does a round with the rights of the scheduler's role, and no others."""

import pytest

from hermodr_devkit.supervisor.identities import identities
from hermodr_scheduler.app import Scheduler
from hermodr_scheduler.settings import SchedulerSettings
from tests.support.api import DEAD_BROKER

pytestmark = pytest.mark.asyncio

AT_THE_BROKER = {"queues"}


async def test_every_duty_may_do_a_round(database_url: str) -> None:
    own = await identities(database_url)
    scheduler = Scheduler(
        SchedulerSettings(database_url=own.database["scheduler"], amqp_url=DEAD_BROKER, env="development")
    )
    done = set()
    try:
        for duty in scheduler._scheduling._duties:
            if duty.name not in AT_THE_BROKER:
                assert await duty.tick() >= 0, duty.name
            done.add(duty.name)
    finally:
        await scheduler.close()
    assert done > AT_THE_BROKER
    assert len(done) > 20
