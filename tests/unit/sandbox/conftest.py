from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.smtp_dialogue import House, sandbox_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with sandbox_house() as made:
        yield made
