"""Who cannot be asked for whom a statement waits holds nothing up."""

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from hermodr_ledger.migrations import locks
from tests.support.waiting import wait_until

NOBODY = "postgresql+asyncpg://somebody@127.0.0.1:1/nothing"


async def test_without_a_second_connection_it_is_said_once_that_nobody_can_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "SAID_FIRST", 0.0)
    monkeypatch.setattr(locks, "SAID_EVERY", 0.0)
    engine = create_async_engine(NOBODY)
    tries: list[object] = []
    connect = engine.connect

    class Counted:
        def connect(self) -> object:
            tries.append(None)
            return connect()

    said: list[str] = []
    async with locks.saying_for_whom(4711, "the index jobs_to", Counted(), said.append):  # type: ignore[arg-type]
        await wait_until(lambda: len(tries) > 2, timeout=30)
    assert said == ["whether the index jobs_to waits for somebody cannot be seen (ConnectionRefusedError)"]
    await engine.dispose()
