"""Fixtures of the tests with servers."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.api_process import answering


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api_url(database_url: str) -> AsyncIterator[str]:
    """A running API process over the module's database, without a broker."""
    async with answering(database_url) as url:
        yield url
