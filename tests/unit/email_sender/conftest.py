from collections.abc import AsyncIterator

import pytest

from tests.support.scripted_smtp import ScriptedSmtp


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSmtp]:
    async with ScriptedSmtp().running() as running:
        yield running
