from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.api import ApiUnderTest, api_over


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """A fresh project on the module's database; the broker is dead."""
    async with api_over(database_url) as under_test:
        yield under_test
