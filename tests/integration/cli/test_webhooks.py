"""`hermodr webhooks`, as processes, against an API process."""

import os
from collections.abc import AsyncIterator

import pytest_asyncio

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name
from tests.support.shell import Shell

URL = "https://203.0.113.7/in?key=s3cr3t"
"""An address, as names cannot be looked up here; of documentation, so the guard refuses it."""
PUBLIC = "https://93.184.216.34/in?key=s3cr3t"


@pytest_asyncio.fixture
async def shell(database_url: str, api_url: str) -> AsyncIterator[Shell]:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, fresh_name(), ["admin"])).secret
    await ledger.close()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    yield Shell(kept | {"HERMODR_PORT_BASE": api_url.rpartition(":")[2], "HERMODR_API_KEY": secret})


async def test_an_endpoint_is_made_tested_rotated_disabled_and_deleted(shell: Shell) -> None:
    assert await shell.json("webhooks", "list") == {"data": []}
    await shell.run("webhooks", "create", URL, status=1)
    await shell.run("webhooks", "create", PUBLIC, "--event", "job.eaten", status=1)
    made = await shell.json("webhooks", "create", PUBLIC, "--event", "job.failed", "--event", "job.queued")
    assert made["secret"].startswith("whsec_")
    endpoint = made["id"]
    rotated = await shell.json("webhooks", "rotate", endpoint)
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    listed = await shell.run("webhooks")
    assert endpoint in listed
    assert "https://93.184.216.34 " in listed
    assert "s3cr3t" not in listed
    shown = await shell.run("webhooks", "show", endpoint)
    assert PUBLIC in shown
    assert "job.failed, job.queued" in shown
    message = (await shell.json("webhooks", "test", endpoint))["id"]
    assert "webhook.test" in await shell.run("webhooks", "deliveries", endpoint)
    (sent,) = (await shell.json("webhooks", "deliveries", endpoint, "--state", "waiting", "--since", "1h"))[
        "data"
    ]
    assert (sent["id"], sent["attempts"]) == (message, [])
    assert message in await shell.run("webhooks", "redeliver", endpoint, message)
    assert await shell.run("webhooks", "recover", endpoint, "--since", "1h") == "0 messages are sent again\n"
    assert "disabled (manual)" in await shell.run("webhooks", "disable", endpoint)
    await shell.run("webhooks", "test", endpoint, status=1)
    assert "is enabled" in await shell.run("webhooks", "enable", endpoint)
    await shell.run("webhooks", "delete", endpoint)
    await shell.run("webhooks", "show", endpoint, status=1)
