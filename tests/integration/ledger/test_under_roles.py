"""What keeps services' statements within their rights notices one that is not (`tests.support.under_roles`)."""

import pytest

from hermodr_dispatcher import service as of_dispatcher
from hermodr_ledger.engine import Ledger
from tests.support.under_roles import Statement, noted, refused

pytestmark = pytest.mark.asyncio

FORBIDDEN = "UPDATE hermodr.templates SET name = $1 WHERE id = $2"


async def test_a_statement_without_a_right_is_told_with_who_ran_it(database_url: str) -> None:
    statements = [
        Statement("dispatcher", FORBIDDEN, "hermodr_dispatcher.service.rename"),
        Statement("api", FORBIDDEN, "hermodr_api.templates.service.rename"),
        Statement("worker", "LISTEN anything", "hermodr_worker.service.listen"),
        Statement("worker", "SELECT hermodr.make_week('jobs', now())", "hermodr_worker.service.make"),
        Statement("scheduler", "SELECT hermodr.make_week('jobs', now())", "hermodr_scheduler.duties.make"),
    ]
    assert await refused(database_url, statements) == [
        "dispatcher, hermodr_dispatcher.service.rename: permission denied for table templates",
        "worker, hermodr_worker.service.make: permission denied for function make_week",
    ]


async def test_what_a_service_runs_is_noted_and_what_a_test_runs_is_not(database_url: str) -> None:
    ledger = Ledger(database_url, service="test", pool_size=1)
    of_service: dict[str, object] = {"__name__": of_dispatcher.__name__, "ledger": ledger}
    exec("async def look():\n    return await ledger.fetch('SELECT 1 AS one')", of_service)
    try:
        with noted() as found:
            await ledger.fetch("SELECT 2 AS two")
            await of_service["look"]()  # type: ignore[operator]
    finally:
        await ledger.close()
    assert list(found.values()) == [
        Statement("dispatcher", "SELECT 1 AS one", "hermodr_dispatcher.service.look")
    ]
