"""After migrating, templates of before are looked through for what they need."""

import asyncio

from hermodr_cli.commands.schema import migrated
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.templates import needs, versions
from hermodr_ledger.templates.versions import Texts
from tests.support.sessions import fresh_name


async def test_templates_of_before_get_their_needs(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    project = (await keys.create(ledger, fresh_name(), ["admin"])).record.project_id
    contents = {
        "email": {
            "en": Texts("{{ a }}", "{{ b.c }}{{ recipient.name }}", None),
            "de": Texts("x", "{{ broken", None),
        }
    }
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project, "old", False, "en", contents)
    assert (await needs.find(ledger, [(project, "old")]))[project, "old"] == {"email": ([], False)}
    await asyncio.to_thread(migrated, database_url, None)
    after = (await needs.find(ledger, [(project, "old")]))[project, "old"]
    assert after == {"email": ([("a",), ("b", "c")], True)}
    await ledger.close()
