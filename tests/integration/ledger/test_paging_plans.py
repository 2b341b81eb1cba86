"""The cost of a page does not depend on its depth, in generic plans."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from hermodr_ledger.access import audit
from hermodr_ledger.dead_letters import lookup
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.core import equal, written
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.people import groups, members, recipients, updates
from hermodr_ledger.people.recipients import RecipientSearch
from hermodr_ledger.templates import versions
from tests.support.ledgers import new_project
from tests.support.plans import Spied, generic_plan, looked_at

ROWS, LIMIT = 2_000, 5
_MADE = """
WITH people AS (
    INSERT INTO hermodr.recipients (id, project_id, external_id, user_id, email)
    SELECT md5('person' || n || $1::uuid)::uuid, $1, 'person-' || n, 'user-' || n, 'p' || n || '@example.org'
    FROM generate_series(1, $2::int) n
), circles AS (
    INSERT INTO hermodr.groups (id, project_id, external_id, name)
    SELECT md5('circle' || n || $1::uuid)::uuid, $1, 'circle-' || n, 'Circle' FROM generate_series(1, $2::int) n
), belonging AS (
    INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through)
    SELECT md5('member' || n || $1::uuid)::uuid, md5('circle1' || $1::uuid)::uuid,
        md5('person' || n || $1::uuid)::uuid, $1
    FROM generate_series(1, $2::int) n
), posted AS (
    INSERT INTO hermodr.updates (id, project_id, group_id, author_id, external_id, body)
    SELECT md5('post' || n || $1::uuid)::uuid, $1, md5('circle1' || $1::uuid)::uuid,
        md5('person' || n || $1::uuid)::uuid, 'post-' || n, 'Hello'
    FROM generate_series(1, $2::int) n
), named AS (
    INSERT INTO hermodr.templates (id, project_id, name, current_version)
    SELECT md5('template' || n || $1::uuid)::uuid, $1, 'template-' || n, 1 FROM generate_series(1, $2::int) n
), dead AS (
    INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, job_id)
    SELECT md5('letter' || n || $1::uuid)::uuid, $1, $1::uuid || '-' || n, 'email.dead', 'gone', md5('job' || n)::uuid
    FROM generate_series(1, $2::int) n
), noted AS (
    INSERT INTO hermodr.audit_log (id, project_id, actor, action)
    SELECT md5('line' || n || $1::uuid)::uuid, $1, 'cli', 'looked' FROM generate_series(1, $2::int) n
)
SELECT 1
"""


@pytest.fixture
async def project_id(ledger: Ledger) -> UUID:
    """A project with as many of everything."""
    made = await new_project(ledger)
    await ledger.fetch(_MADE, made, ROWS)
    await ledger.fetch("ANALYZE")  # as autovacuum does once a table has so many rows
    return made


async def looks(ledger: Ledger, spied: Spied, tables: tuple[str, ...]) -> dict[str, int]:
    """Rows the only statement read, by table."""
    ((sql, arguments),) = list(spied.statements.items())[:1]
    found = await generic_plan(ledger.cold, sql, arguments)
    return {table: looked_at(found, table) for table in tables}


async def test_deep_pages_look_at_what_is_on_them(ledger: Ledger, project_id: UUID) -> None:
    (circle,) = await ledger.fetch("SELECT md5('circle1' || $1::uuid)::uuid AS id", project_id)
    deep = UUID("f" + "0" * 31)  # the ids are spread evenly: fifteen sixteenths of them come before
    pages: dict[str, Any] = {
        "recipients": lambda spied, page: recipients.page(spied, project_id, page, RecipientSearch()),
        "groups": lambda spied, page: groups.page(spied, project_id, page, external_id=None),
        "group_members": lambda spied, page: members.page(spied, circle["id"], page),
        "updates": lambda spied, page: updates.page(spied, circle["id"], page),
        "dead_letters": lambda spied, page: lookup.page(
            spied, lookup.Sight(project_id, raw=True), lookup.DeadLetterSearch(), page
        ),
        "audit_log": lambda spied, page: audit.page(spied, project_id, audit.AuditSearch(), page),
    }
    for table, read in pages.items():
        for page in (Page(LIMIT, deep), Page(LIMIT, UUID("0" + "f" * 31), newest_first=True), Page(LIMIT)):
            spied = Spied(ledger.cold)
            rows = await read(spied, page)
            assert len(rows) == LIMIT, (table, page)
            assert (await looks(ledger, spied, (table,)))[table] <= 2 * LIMIT, (table, page)


async def test_a_look_up_finds_its_row_by_its_index(ledger: Ledger, project_id: UUID) -> None:
    (ids,) = await ledger.fetch(
        "SELECT md5('circle1' || $1::uuid)::uuid AS circle, md5('person7' || $1::uuid)::uuid AS person,"
        " md5('job7')::uuid AS job",
        project_id,
    )
    circle, page = ids["circle"], Page(LIMIT)
    sight = lookup.Sight(project_id, raw=True)
    finds: dict[str, tuple[str, Any]] = {
        "by external id": (
            "recipients",
            lambda s: recipients.page(s, project_id, page, RecipientSearch(external_id="person-7")),
        ),
        "by address": (
            "recipients",
            lambda s: recipients.page(s, project_id, page, RecipientSearch(email="P7@example.org")),
        ),
        "group": ("groups", lambda s: groups.page(s, project_id, page, external_id="circle-7")),
        "member": ("group_members", lambda s: members.page(s, circle, page, recipient_id=ids["person"])),
        "member by name": ("recipients", lambda s: members.page(s, circle, page, external_id="person-7")),
        "update": ("updates", lambda s: updates.page(s, circle, page, external_id="post-7")),
        "template": ("templates", lambda s: versions.page(s, project_id, page, name="template-7")),
        "letter": (
            "dead_letters",
            lambda s: lookup.page(s, sight, lookup.DeadLetterSearch(job_id=ids["job"]), page),
        ),
    }
    for name, (table, find) in finds.items():
        spied = Spied(ledger.cold)
        assert len(await find(spied)) == 1, name
        assert (await looks(ledger, spied, (table,)))[table] <= 4, name


def test_only_what_is_asked_for_stands_in_the_statement_and_any_values_have_one_text() -> None:
    def asked(name: str | None, author: str, seen: int) -> tuple[str, list[object]]:
        columns: list[sa.ColumnClause[Any]] = [
            sa.column("name", sa.Text),
            sa.column("author", sa.Text),
            sa.column("seen", sa.Integer),
        ]
        wanted: list[tuple[sa.ColumnElement[Any], object]] = list(
            zip(columns, (name, author, seen), strict=True)
        )
        sql, arguments = written(sa.select(columns[0]).where(*equal(*wanted)))
        return " ".join(sql.split()), list(arguments)

    sql, arguments = asked(None, "ann", 0)
    assert sql == "SELECT name WHERE author = $1::VARCHAR AND seen = $2::INTEGER"
    assert arguments == ["ann", 0]
    assert asked(None, "bob", 1) == (sql, ["bob", 1])
    assert asked("x", "bob", 1)[1] == ["x", "bob", 1]
