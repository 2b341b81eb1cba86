"""Recipients' own URLs pass what every provider has to, but for what only one server for all could mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import (
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_delivery.provider import Provider, ProviderOptions
from hermodr_delivery.testing import Answer, ProviderContract, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_delivery.testing.server import RETRY_AFTER
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.guard.addresses import Address, networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from hermodr_webhook_sender.calling import Caller
from hermodr_webhook_sender.domain import Answer as Said
from hermodr_webhook_sender.hosts import Hosts
from hermodr_webhook_sender.outgoing import OutgoingWebhook
from hermodr_webhook_sender.providers import endpoint
from hermodr_webhook_sender.providers.endpoint import Endpoint
from tests.support.scripted_http import Reply, Script, ScriptedHttp

SECRETS = WebhookSecrets("a-key-of-thirty-two-bytes-or-more")
WHO = UUID("01900000-0000-7000-8000-0000000000aa")
PROJECT = UUID("01900000-0000-7000-8000-0000000000bb")
CLOCK = SystemClock()
HERE = networks("127.0.0.0/8")

SCRIPT: Script = {
    Answer.ACCEPT: Reply(204, taken=True),
    Answer.BAD_ADDRESS: Reply(410, b"gone: s3cret-path"),
    Answer.BAD_MESSAGE: Reply(413, b"too large: s3cret-word"),
    Answer.NOT_NOW: Reply(500, b"s3cret-word"),
    Answer.THROTTLE: Reply(429, headers={"retry-after": f"{RETRY_AFTER:.0f}"}),
    Answer.NONSENSE: Reply(502, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: Reply(401, b"who? s3cret-path"),
    Answer.TOO_MUCH: Reply(429),
}


def webhook(number: int, url: str, body: str = '{"word": "s3cret-word"}') -> OutgoingWebhook:
    return OutgoingWebhook(UUID(int=number + 1), PROJECT, WHO, url, body.encode())


def url_at(port: int) -> str:
    return f"http://127.0.0.1:{port}/hooks/s3cret-path?token=s3cret-token"


class TestEndpoint(ProviderContract[OutgoingWebhook]):
    secrets = ("s3cret-path", "s3cret-token", "s3cret-word", "whsec_", "/hooks/")
    knows_what_was_read = False
    _port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        scripted = ScriptedHttp(
            SCRIPT, key=lambda request: request.headers["webhook-id"], sends=lambda _: True
        )
        async with scripted.running() as running:
            self._port = running.port
            yield running

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[OutgoingWebhook]:
        options = ProviderOptions(concurrency=CONCURRENCY, one_place=False)
        post = Caller(Guard(HERE), patience).post
        return Endpoint(post, SECRETS, CLOCK, Hosts(CLOCK, CONCURRENCY), options=options)

    def message(self, number: int) -> OutgoingWebhook:
        return webhook(number, url_at(self._port))

    def unsendable(self) -> OutgoingWebhook:
        return webhook(1, "ftp://127.0.0.1/s3cret-path")

    def key(self, message: OutgoingWebhook) -> str:
        return str(message.delivery_id)

    async def test_a_refused_address_is_a_bounce(self) -> None:
        """A URL that is gone is no address to be suppressed: the application gives another one."""
        failure = await self._refused(Answer.BAD_ADDRESS)
        assert isinstance(failure, PermanentError)
        assert (failure.code, failure.bounced) == ("http_410", False)

    async def test_wrong_credentials_are_the_operators_to_mend_and_tried_once(self) -> None:
        """There are none: a receiver that refuses one recipient's webhook says nothing about another's."""
        assert isinstance(await self._refused(Answer.WRONG_CREDENTIALS), TransientError)

    async def test_too_much_at_once_is_no_fault_of_the_message(self) -> None:
        """Of one receiver."""
        assert isinstance(await self._refused(Answer.TOO_MUCH), Throttled)

    async def test_checking_sends_nothing(self) -> None:
        """There is no server that is everybody's."""
        async with self._case() as case:
            assert "nothing to check" in await case.provider.check()
            assert case.server.tried == 0

    async def test_checking_tells_of_wrong_credentials(self) -> None:
        """See there."""

    async def test_what_is_posted_is_signed_with_the_recipients_own_secret(self) -> None:
        async with self._case() as case:
            await self._send(case, 1)
            (request,) = cast("ScriptedHttp", case.server).requests
            body = json.dumps(request.json)
            assert request.path == "/hooks/s3cret-path?token=s3cret-token"
            assert request.headers["content-type"] == "application/json"
            own = SECRETS.secret(SecretOf(Purpose.RECIPIENT, WHO))
            assert Webhook(own).verify(body, dict(request.headers)) == {"word": "s3cret-word"}
            other = SECRETS.secret(SecretOf(Purpose.RECIPIENT, UUID(int=1)))
            with pytest.raises(WebhookVerificationError):
                Webhook(other).verify(body, dict(request.headers))


def endpoint_saying(said: Said, calls: list[str] | None = None) -> Endpoint:
    async def post(url: str, *_: Any) -> Said:
        if calls is not None:
            calls.append(url)
        return said

    return Endpoint(post, SECRETS, CLOCK, Hosts(CLOCK))


async def failure_of(said: Said) -> DeliveryFailure:
    with pytest.raises(DeliveryFailure) as raised:
        await endpoint_saying(said).prepare(webhook(1, "https://hooks.example.com/x"))()
    return raised.value


KINDS = {
    endpoint.Verdict.NEVER: PermanentError,
    endpoint.Verdict.LATER: TransientError,
    endpoint.Verdict.PACE: Throttled,
    endpoint.Verdict.UNKNOWN: OutcomeUnknown,
}


@pytest.mark.parametrize("status", sorted(endpoint.STATUSES))
async def test_each_status_of_the_table_is_read_for_what_it_says(status: int) -> None:
    failure = await failure_of(Said(status, retry_after=30.0))
    assert type(failure) is KINDS[endpoint.STATUSES[status]]
    assert failure.code == f"http_{status}"
    if not isinstance(failure, PermanentError):
        assert failure.retry_after == 30.0


@pytest.mark.parametrize("status", [301, 302, 308, 400, 401, 403, 404, 409, 422, 500, 501, 599, 999])
async def test_any_other_status_is_sent_again(status: int) -> None:
    failure = await failure_of(Said(status))
    assert type(failure) is TransientError
    assert failure.code == f"http_{status // 100}xx"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_what_is_2xx_is_taken(status: int) -> None:
    accepted = await endpoint_saying(Said(status)).prepare(webhook(1, "https://hooks.example.com/x"))()
    assert accepted.provider_message_id == str(UUID(int=2))


@pytest.mark.parametrize("error", sorted(endpoint.ERRORS))
async def test_without_an_answer_the_error_decides(error: str) -> None:
    failure = await failure_of(Said(error=error))
    assert (type(failure), failure.code) == (KINDS[endpoint.ERRORS[error]], error)


@pytest.mark.parametrize("error", ["forbidden_address", "plain_http", "bad_port"])
async def test_what_the_guard_refuses_is_not_tried_again(error: str) -> None:
    assert type(await failure_of(Said(error=error))) is PermanentError


async def test_a_name_that_leads_inside_by_now_is_not_called() -> None:
    async def inside(_: str) -> tuple[Address, ...]:
        return (next(iter(networks("10.0.0.1/32")))[0],)

    provider = Endpoint(Caller(Guard(names=inside), 5.0).post, SECRETS, CLOCK, Hosts(CLOCK))
    with pytest.raises(PermanentError) as raised:
        await provider.prepare(webhook(1, "https://hooks.example.com/x"))()
    assert raised.value.code == "forbidden_address"


async def test_a_host_that_hangs_takes_few_calls() -> None:
    running, released = 0, asyncio.Event()

    async def post(url: str, *_: Any) -> Said:
        nonlocal running
        if "hanging" not in url:
            return Said(204)
        running += 1
        await released.wait()
        return Said(error="timeout")

    provider = Endpoint(post, SECRETS, CLOCK, Hosts(CLOCK))

    async def sent(number: int, host: str) -> Any:
        return await provider.prepare(webhook(number, f"https://{host}.example.com/x"))()

    calls = [asyncio.create_task(sent(number, "hanging")) for number in range(40)]
    others = await asyncio.gather(*(sent(100 + number, f"h{number}") for number in range(40)))
    assert len(others) == 40
    assert running == 2
    released.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in outcomes} <= {OutcomeUnknown, Withheld}


async def test_a_project_whose_receiver_hangs_holds_up_no_other_at_the_same_host() -> None:
    """Large services receive for many projects under one name."""
    released = asyncio.Event()

    async def post(url: str, *_: Any) -> Said:
        if "hanging" in url:
            await released.wait()
        return Said(204)

    provider = Endpoint(post, SECRETS, CLOCK, Hosts(CLOCK))
    hanging = asyncio.gather(
        *(provider.prepare(webhook(number, "https://hooks.example.com/hanging"))() for number in range(5)),
        return_exceptions=True,
    )
    other = webhook(9, "https://hooks.example.com/good")._replace(project_id=UUID(int=9))
    assert (await provider.prepare(other)()).provider_message_id
    released.set()
    await hanging
