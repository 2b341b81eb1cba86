"""The JavaScript client, packed and installed as its users do it, on Node. `test_real_time` has its stream."""

import asyncio
from pathlib import Path

import pytest

from tests.support import javascript
from tests.support.installation import Installation

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return javascript.installed(tmp_path_factory.mktemp("application"), "client")


async def test_requests_answers_and_signatures(application: Path) -> None:
    await asyncio.to_thread(javascript.run_tests, application, "client", HERMODR_OPENAPI=str(OPENAPI))


async def test_journeys_in_an_installation(application: Path, installation: Installation) -> None:
    installation.judged_elsewhere = "@javascript.example"
    await asyncio.to_thread(
        javascript.run_tests,
        application,
        "client/installation",
        HERMODR_API_URL=installation.fleet.api_url,
        HERMODR_API_KEY=installation.key,
    )


async def test_the_inbox_without_a_page(tmp_path: Path) -> None:
    folder = javascript.installed(tmp_path / "application", "inbox")
    await asyncio.to_thread(javascript.run_tests, folder, "inbox")
