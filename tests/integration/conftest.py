"""Fixtures of the tests with servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support import under_roles
from tests.support.api_process import answering
from tests.support.databases import Databases


@pytest.fixture(scope="session", autouse=True)
def rights_of_services(databases: Databases) -> Iterator[None]:
    """At the end of the session: each service's role may do what the service did."""
    with under_roles.noted() as statements:
        yield
    if statements:
        with databases.migrated() as url:
            refused = asyncio.run(under_roles.refused(url, statements.values()))
        assert refused == [], "a line in hermodr_ledger/rights/declared.py is missing"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api_url(database_url: str) -> AsyncIterator[str]:
    """A running API process over the module's database, without a broker."""
    async with answering(database_url) as url:
        yield url
