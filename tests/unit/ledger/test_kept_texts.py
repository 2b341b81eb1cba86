"""Texts in memory, and when they are read again."""

import asyncio

import pytest

from hermodr_contracts.brands import Brand
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.templates.kept import SECONDS, KeptTexts
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_servicekit.ids import new_id
from tests.support.clocks import FakeClock

PROJECT, TEMPLATE = new_id(), new_id()


class Ledger:
    """Its texts speak of their project if it has a `name`."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.asked = 0
        self.away = self.deleted = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.clock = FakeClock()
        self.kept = KeptTexts(self.read, self.clock.monotonic)

    async def read(self, key: int) -> CompiledTexts | None:
        self.asked += 1
        name = self.name
        await self.answers.wait()
        if self.away:
            raise LedgerUnavailable("away")
        brand = Brand(PROJECT, name) if name is not None else None
        return None if self.deleted else CompiledTexts(TEMPLATE, key, "en", "s", "t", None, brand=brand)

    async def named(self) -> str | None:
        found = await self.kept.of(1)
        return found.brand.name if found is not None and found.brand is not None else None


async def test_what_says_nothing_of_the_project_is_kept_for_good() -> None:
    ledger = Ledger(None)
    assert ledger.kept.at_once(1) is None
    found = await ledger.kept.of(1)
    ledger.clock.advance(1e6)
    assert ledger.kept.at_once(1) is found
    assert ledger.asked == 1


async def test_another_name_is_seen_after_some_seconds() -> None:
    ledger = Ledger("old")
    assert await ledger.named() == "old"
    ledger.name = "new"
    ledger.clock.advance(SECONDS - 1)
    assert await ledger.named() == "old"
    ledger.clock.advance(2)
    assert ledger.kept.at_once(1) is None
    assert await ledger.named() == "new"
    assert ledger.asked == 2


async def test_one_asks_again_and_nobody_waits_for_it() -> None:
    ledger = Ledger("old")
    await ledger.named()
    ledger.name = "new"
    ledger.clock.advance(SECONDS + 1)
    ledger.answers.clear()
    asking = asyncio.create_task(ledger.named())
    while ledger.asked < 2:
        await asyncio.sleep(0)
    assert await ledger.named() == "old"
    there = ledger.kept.at_once(1)
    assert there is not None
    ledger.answers.set()
    assert await asking == "new"
    assert ledger.asked == 2


async def test_old_ones_count_while_the_database_is_away() -> None:
    ledger = Ledger("old")
    await ledger.named()
    ledger.away = True
    ledger.clock.advance(SECONDS + 1)
    assert await ledger.named() == "old"
    with pytest.raises(LedgerUnavailable):
        await ledger.kept.of(2)
    ledger.away, ledger.name = False, "new"
    assert await ledger.named() == "new"


async def test_a_deleted_template_has_none() -> None:
    ledger = Ledger("old")
    await ledger.named()
    ledger.deleted = True
    ledger.clock.advance(SECONDS + 1)
    assert await ledger.kept.of(1) is None
    assert ledger.kept.at_once(1) is None
