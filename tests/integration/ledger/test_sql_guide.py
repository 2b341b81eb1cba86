"""Every example of docs/guides/sql.md, run as the role it names."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from hermodr_ledger import migrate
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.support import ledgers
from tests.support.psql import Psql, Refused
from tests.support.servers import private_postgres
from tests.support.sql_house import House

TOP = Path(__file__).parents[3]
GUIDE = (TOP / "docs/guides/sql.md").read_text(encoding="utf-8")
FIRST_STEPS = (TOP / "docs/guides/first-steps.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sql\n-- as ([^\n]+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
FUNCTIONS = (
    "enqueue_notification_job",
    "queue_notification",
    "enqueue_task",
    "get_queued_notifications",
    "update_notification_status",
    "cleanup_notification_data",
    "calculate_next_retry",
    "create_digest_jobs",
    "offer_in",
)


@pytest.fixture
def shop_app(admin: Psql) -> Iterator[str]:
    """A unique name for the guide's `shop_app`: roles belong to the whole server."""
    name = f"hermodr_test_{secrets.token_hex(6)}"
    yield name
    admin.ask(f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def test_every_example_runs(
    admin: Psql, operator: Psql, reader: Psql, house: House, database_url: str, shop_app: str
) -> None:
    project = house.ids["shop"]["project"]
    (named,) = set(re.findall(r"keys create --project (\w+)", FIRST_STEPS))
    admin.ask(
        f"UPDATE hermodr.projects SET name = '{named}' WHERE id = '{project}'",
        f"UPDATE hermodr.recipients SET external_id = 'guest-7' WHERE id = '{house.ids['shop']['ada']}'",
        "INSERT INTO hermodr.templates (id, project_id, name, current_version)"
        f" VALUES (gen_random_uuid(), '{project}', 'booking', 1)",
    )
    parts = urlsplit(database_url)
    at = f"{shop_app}:a%20long%20one@{parts.hostname}:{parts.port or 5432}"
    application = Psql(urlunsplit(parts._replace(netloc=at)))
    roles = {"shop_app": application, "the owner": admin, "an operator": operator, "a reader": reader}
    # tables first: the guide begins with what it is for
    order = sorted(EXAMPLES, key=lambda example: not re.match("CREATE", example[1]))
    for whom, statements in order:
        if "max_prepared_transactions" not in whom:
            roles[whom].run(statements.replace("shop_app", shop_app))
    (repeatable,) = [statements for _, statements in EXAMPLES if "idempotency_key =>" in statements]
    assert application.run(repeatable) == application.run(repeatable)
    found = admin.ask(
        f"SELECT type, count(*) FROM hermodr.jobs WHERE project_id = '{project}' GROUP BY type ORDER BY type"
    )
    assert found == [["booking", "2"], ["data-export", "2"], ["receipt", "2"], ["schema-rebuild", "1"]]


def test_the_example_of_a_prepared_transaction_runs() -> None:
    (example,) = [statements for whom, statements in EXAMPLES if "max_prepared_transactions" in whom]
    with private_postgres() as server:
        Psql(server.url("postgres")).run("ALTER SYSTEM SET max_prepared_transactions = 4;")
        server.stop()
        server.start()
        migrate.upgrade(server.url())
        admin = Psql(server.url())
        House(admin)
        shop = "SET hermodr.project = 'shop';\n"
        template = example.replace("'booking', 'edda", "'magic_link', 'edda")
        with pytest.raises(Refused, match=r"cannot PREPARE a transaction that has executed .*NOTIFY"):
            admin.run(shop + template.replace("SET LOCAL hermodr.notify = off;", ""))
        admin.run(shop + template)
        assert asyncio.run(_requested(server.url())) == [True]


async def _requested(database_url: str) -> list[bool]:
    async with ledgers.opened(database_url) as ledger:
        return [each.requested for each in await take_due_jobs(ledger, 10)]


def test_what_the_examples_ask_for_was_made_in_first_steps() -> None:
    types = set(re.findall(r"(?:notification_type => |queue_notification\()'(\w+)'", GUIDE))
    assert types == {"booking"}
    assert '"name": "booking"' in FIRST_STEPS
    assert '"external_id": "guest-7"' in FIRST_STEPS


def test_every_function_has_an_example() -> None:
    code = "".join(statements for _, statements in EXAMPLES)
    assert [name for name in FUNCTIONS if f"{name}(" not in code] == []
    assert len(EXAMPLES) == GUIDE.count("```sql")
