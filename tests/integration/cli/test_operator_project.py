"""Which project operates the installation, and that migrations move the office only when asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hermodr_cli.commands.schema import migrated
from hermodr_cli.refusal import Refusal
from hermodr_ledger.access import keys, operating
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger(database_url, service="tests", pool_size=4)
    await ledger.fetch("UPDATE hermodr.projects SET operates = false")
    yield ledger
    await ledger.close()


async def operators(ledger: Ledger) -> list[str]:
    rows = await ledger.fetch("SELECT name FROM hermodr.projects WHERE operates")
    return [row["name"] for row in rows]


async def test_the_first_migration_makes_it_and_later_ones_leave_it(
    ledger: Ledger, database_url: str
) -> None:
    await asyncio.to_thread(migrated, database_url, None)
    assert await operators(ledger) == ["operator"]
    shop = fresh_name()
    tenant = (await keys.create(ledger, shop, ["admin"])).record.project_id
    assert not await operating.operates(ledger, tenant)
    for named in (shop, None, shop):
        await asyncio.to_thread(migrated, database_url, named)
        assert await operators(ledger) == [shop]
    assert await operating.operates(ledger, tenant)
    rows = await ledger.fetch(
        "SELECT actor FROM hermodr.audit_log WHERE project_id = $1 AND action = 'project.operate'", tenant
    )
    assert [row["actor"] for row in rows] == ["cli"]


async def test_two_at_once_leave_one(ledger: Ledger) -> None:
    names = [fresh_name() for _ in range(4)]
    await asyncio.gather(*(operating.appoint(ledger, name) for name in names))
    (one,) = await operators(ledger)
    assert one in names


async def test_a_change_is_told_and_a_slip_of_the_pen_refused(
    ledger: Ledger, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = fresh_name()
    assert await operating.present(ledger) is None
    await asyncio.to_thread(migrated, database_url, None)
    assert "operates" not in capsys.readouterr().err
    with pytest.raises(Refusal, match=f"HERMODR_OPERATOR_PROJECT: there is no project '{shop}'"):
        await asyncio.to_thread(migrated, database_url, shop)
    assert await operating.present(ledger) == "operator"
    await keys.create(ledger, shop, ["admin"])
    await asyncio.to_thread(migrated, database_url, shop)
    assert f"the project {shop} operates now; before: operator" in capsys.readouterr().err
    await asyncio.to_thread(migrated, database_url, "operator")
    assert f"the project operator operates now; before: {shop}" in capsys.readouterr().err


async def test_the_first_one_is_made_whatever_its_name(ledger: Ledger) -> None:
    name = fresh_name()
    assert await operating.appoint(ledger, name) == (name, None)
    assert await operators(ledger) == [name]
