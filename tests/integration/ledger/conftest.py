"""A ledger without rows for each test, in a database shared by the module."""

from collections.abc import AsyncIterator

import pytest

from hermodr_ledger.engine import Ledger
from tests.support import ledgers


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with ledgers.opened(database_url, pool_size=25) as opened:
        await ledgers.emptied(opened)
        yield opened
