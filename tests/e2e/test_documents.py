"""The README and the tutorial do what they say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import walkthrough
from tests.support.brokers import Broker
from tests.support.documented import documented, reader
from tests.support.installation import Installation

PAGES = ("README.md", "docs/tutorial.md")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clone(logs: Path, database_url: str, broker: Broker) -> AsyncIterator[Installation]:
    async with documented(logs, database_url, broker) as installation:
        yield installation


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_does_what_it_says(name: str, clone: Installation, tmp_path: Path) -> None:
    page = walkthrough.CLONE / name
    assert await walkthrough.read(page, reader(clone, page, tmp_path / "clone")) > 3
