"""The blocks of each page, in order, in a shell of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import walkthrough
from tests.support.brokers import Broker
from tests.support.documented import KEY, documented, reader
from tests.support.installation import Installation

DOCS = walkthrough.CLONE / "docs"
OTHER_MACHINES = {
    "behind-a-proxy": "a public host and its certificates",
    "containers": "Docker; `make test-compose` is its test",
    "kubernetes": "a cluster",
    "deliverability": "DNS of a domain",
    "providers": "accounts at providers",
    "rabbitmq": "an administrator of the broker",
    "monitoring": "Prometheus; `tests/e2e/test_observing.py` is its test",
}
"""Guides whose commands are for other machines than this one."""
PAGES = [
    page
    for page in (
        walkthrough.CLONE / "README.md",
        DOCS / "tutorial.md",
        *sorted(DOCS.glob("moving/*.md")),
        *sorted(DOCS.glob("guides/*.md")),
    )
    if page.stem not in OTHER_MACHINES and any(block.runs for block in walkthrough.blocks(page))
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clone(
    database_url: str, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    async with documented(tmp_path_factory.mktemp("logs"), database_url, broker) as installation:
        yield installation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_does_what_it_says(page: Path, clone: Installation, tmp_path: Path) -> None:
    await walkthrough.read(page, reader(clone, page, tmp_path / "clone", KEY))
