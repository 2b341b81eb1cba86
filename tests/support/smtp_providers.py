from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermodr_delivery.failures import (
    DeliveryFailure,
)
from hermodr_email_sender.providers.smtp.endpoint import Security, SmtpEndpoint
from hermodr_email_sender.providers.smtp.pool import PoolLimits
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts
from tests.support.mails import SENDER, mail
from tests.support.scripted_smtp import ScriptedSmtp

PATIENT = Timeouts(send=60, connect=10, command=10, content=10, quit=10)
BOTH_WAYS = pytest.mark.parametrize(
    "extensions", [("PIPELINING", "SIZE 100000"), ()], ids=["pipelined", "in turn"]
)


@asynccontextmanager
async def provider(
    server: ScriptedSmtp, *, timeouts: Timeouts = PATIENT, limits: PoolLimits | None = None
) -> AsyncIterator[SmtpProvider]:
    endpoint = SmtpEndpoint(
        "127.0.0.1",
        server.port,
        Security.NONE,
        ssl.create_default_context(),
        helo="test.example",
        timeouts=timeouts,
    )
    made = SmtpProvider(endpoint, sender=SENDER, limits=limits or PoolLimits(size=4))
    try:
        yield made
    finally:
        await made.close()


async def failure_of(sender: SmtpProvider, **changes: object) -> DeliveryFailure:
    with pytest.raises(DeliveryFailure) as caught:
        await sender.prepare(mail(**changes))()
    assert "jane" not in str(caught.value).lower()
    return caught.value
