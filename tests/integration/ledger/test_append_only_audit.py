"""The audit log is only added to; not even the owner of its table changes a line by accident or at will."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from hermodr_ledger.access import audit, keys
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name


async def lines(ledger: Ledger, project_id: UUID) -> list[tuple[str, str | None, str | None]]:
    rows = await ledger.fetch(
        "SELECT actor, actor_id, subject FROM hermodr.audit_log WHERE project_id = $1 ORDER BY id", project_id
    )
    return [(row["actor"], row["actor_id"], row["subject"]) for row in rows]


CHANGES = (
    "UPDATE hermodr.audit_log SET detail = '{}'",
    "UPDATE hermodr.audit_log SET actor_id = 'somebody else'",
    "UPDATE hermodr.audit_log SET action = 'erased-x'",
    "DELETE FROM hermodr.audit_log",
    "TRUNCATE hermodr.audit_log",
)
MADE_NOBODY = "UPDATE hermodr.audit_log SET actor_id = 'erased-x'"


@pytest.mark.parametrize(
    ("statement", "pretending"),
    [(MADE_NOBODY, False), *((each, how) for each in CHANGES for how in (False, True))],
)
async def test_nobody_changes_a_line(ledger: Ledger, statement: str, pretending: bool) -> None:
    """Pretending to erase a person allows to make an actor nobody, and nothing else."""
    made = await keys.create(ledger, fresh_name(), ["admin"])
    before = await lines(ledger, made.record.project_id)

    async def act() -> None:
        async with ledger.transaction() as transaction:
            if pretending:
                await transaction.fetch("SET LOCAL hermodr.pseudonymising = 'on'")
            await transaction.fetch(statement)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
        await act()
    assert before
    assert await lines(ledger, made.record.project_id) == before


async def test_a_persons_name_is_replaced_where_they_acted_and_where_they_are_the_subject(
    ledger: Ledger,
) -> None:
    project_id = (await keys.create(ledger, fresh_name(), ["admin"])).record.project_id
    other = (await keys.create(ledger, fresh_name(), ["admin"])).record.project_id
    for project in (project_id, other):
        await audit.record(ledger, project, audit.Actor("user", "ada"), "job.cancel", uuid4())
        await audit.record(ledger, project, audit.Actor("key", "ada"), "user.revoke", "ada")
    foreign = await lines(ledger, other)
    await ledger.fetch("SELECT hermodr.pseudonymise_audit_log($1, 'ada', 'erased-1')", project_id)
    _, acted, subject = await lines(ledger, project_id)
    assert acted[:2] == ("user", "erased-1")
    assert subject == ("key", "ada", "erased-1")
    assert await lines(ledger, other) == foreign


async def test_the_function_that_forgets_is_not_for_everybody(ledger: Ledger) -> None:
    (row,) = await ledger.fetch(
        "SELECT count(*) AS n FROM pg_proc p, aclexplode(p.proacl) a"
        " WHERE p.proname = 'pseudonymise_audit_log' AND a.grantee = 0"
    )
    assert row["n"] == 0
