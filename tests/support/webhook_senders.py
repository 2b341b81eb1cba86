"""Webhook senders that run in the test's own process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from hermodr_webhook_sender.app import WebhookSender
from hermodr_webhook_sender.settings import WebhookSenderSettings
from tests.support.waiting import wait_until

KEY = "a-secret-key-of-tests-that-is-long-enough"


def settings(database_url: str, **more: Any) -> WebhookSenderSettings:
    given = {
        "database_url": database_url,
        "channels": "email",  # so that no broker is needed
        "http_port": 0,
        "secret_key": KEY,
        "webhook_allow": "127.0.0.0/8",
        "webhook_retry_ladder": "100ms,200ms",
        "webhook_seconds": 2.0,
    }
    return WebhookSenderSettings.model_validate(given | more)


@contextlib.asynccontextmanager
async def sending(database_url: str, **more: Any) -> AsyncIterator[WebhookSender]:
    sender, stop = WebhookSender(settings(database_url, **more)), asyncio.Event()
    task = asyncio.create_task(sender.run(stop))
    try:
        await wait_until(lambda: sender.started or task.done())
        yield sender
    finally:
        stop.set()
        await task
