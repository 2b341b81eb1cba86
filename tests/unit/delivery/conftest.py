from collections.abc import AsyncIterator

import pytest

from hermodr_servicekit.periodic import running
from tests.unit.delivery.lanes import Lane


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    lane = Lane()
    async with running(lane.pump.run()):
        yield lane
