"""What keeps pages of the console fresh: when a page is told, and when its stream ends."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import pytest

from hermodr_api.access.authentication import Caller
from hermodr_api.console import live as live_module
from hermodr_api.console.live import BELIEVED_SECONDS, Live
from hermodr_api.console.sessions import Sessions, Visitor
from hermodr_api.realtime.watching import Watching
from hermodr_ledger.engine import LedgerUnavailable
from tests.support.clocks import FakeClock

SHOP = uuid4()
CHANGED, ALIVE, OVER = (b"event: changed\ndata:\n\n", b":\n\n", b"event: over\ndata:\n\n")


class Rows:
    """The sessions: `holds` as long as nobody ends it, and the ledger is there."""

    holds = True
    away = False

    async def visitor(self, _: str) -> Visitor | None:
        if self.away:
            raise LedgerUnavailable
        return VISITOR if self.holds else None


VISITOR = Visitor(
    Caller(None, SHOP, frozenset({"read"}), None, expires_at=None),
    *("till", "shop", "csrf"),
    datetime(2026, 11, 30, tzinfo=UTC),
)


class House:
    def __init__(self) -> None:
        self.watching, self.rows, self.clock = Watching(), Rows(), FakeClock()
        self.live = Live(self.watching, cast("Sessions", self.rows), self.clock)

    def opened(self) -> AsyncIterator[bytes]:
        return cast("AsyncIterator[bytes]", self.live.follow(VISITOR, "secret").body_iterator)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(live_module, "SPACING_SECONDS", 0.0)
    monkeypatch.setattr(live_module, "ALIVE_SECONDS", 0.01)
    return House()


async def test_news_of_the_project_is_told_once_however_much_it_is(house: House) -> None:
    lines = house.opened()
    assert CHANGED in await anext(lines), "what changed before the stream was there"
    for _ in range(3):
        house.watching.stir(SHOP)
    assert await anext(lines) == CHANGED
    assert await anext(lines) == ALIVE
    house.watching.stir(uuid4())
    assert await anext(lines) == ALIVE


async def test_it_ends_with_the_session(house: House) -> None:
    lines = house.opened()
    await anext(lines)
    house.rows.holds = False
    assert await anext(lines) == ALIVE, "a session is believed for a while"
    house.clock.advance(BELIEVED_SECONDS + 1)
    assert await anext(lines) == OVER
    with pytest.raises(StopAsyncIteration):
        await anext(lines)


async def test_it_goes_on_while_nobody_can_tell(house: House) -> None:
    lines = house.opened()
    await anext(lines)
    house.rows.away = True
    for _ in range(2):
        house.clock.advance(BELIEVED_SECONDS + 1)
        assert await anext(lines) == ALIVE


async def test_it_ends_with_the_process(house: House) -> None:
    lines = house.opened()
    await anext(lines)
    house.watching.close()
    with pytest.raises(StopAsyncIteration):
        await anext(lines)
