"""What comes back by mail for mails by SMTP, read as Hermodr reads it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
from pydantic import SecretStr

from hermodr_sandbox.app import SandboxService
from hermodr_sandbox.domain.faults import FaultSpec
from hermodr_sandbox.settings import SandboxSettings
from hermodr_servicekit.mail_reports import MailReport, ReportKind, read
from hermodr_servicekit.return_paths import BounceAddress, ReturnPaths
from tests.support.smtp_dialogue import Dialogue
from tests.support.waiting import wait_until

PATHS = ReturnPaths("a secret of tests, thirty-two bytes or more")
DELIVERY = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20001")
PATH = BounceAddress("bounces@example.com", PATHS).of(DELIVERY)
CONTENT = b"Subject: Hi\r\nMessage-ID: <me@example.com>\r\n\r\nHello\r\n"


class Receiver:
    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200 if len(self.requests) > 1 else 503)  # the first comes again

    @property
    def reports(self) -> list[MailReport]:
        return [each for request in self.requests[1:] for each in read(request.content).reports]


@contextlib.asynccontextmanager
async def reporting(**more: object) -> AsyncIterator[tuple[SandboxService, Receiver]]:
    secret = {"sandbox_smtp_port": 0, "sandbox_events_smtp": SecretStr("the-secret-of-the-pipe")}
    service = SandboxService(SandboxSettings.model_validate(secret | more))
    receiver = Receiver()
    assert service._callbacks is not None
    service._callbacks._client = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    await service.prepare()
    try:
        yield service, receiver
    finally:
        await service.take_no_more()
        await service.close()


async def send(service: SandboxService, *recipients: str, sender: str = PATH) -> None:
    dialogue = Dialogue(*await asyncio.open_connection("127.0.0.1", service._server.port))
    await dialogue.reply()
    await dialogue.ask("EHLO client.example")
    await dialogue.begin(*recipients, sender=sender)
    await dialogue.say(CONTENT + b".\r\n")
    assert (await dialogue.reply()).startswith("250")
    dialogue.hang_up()


async def test_tags_of_addresses_bounce_and_complain_to_the_return_path() -> None:
    async with reporting() as (service, receiver):
        await send(service, "ada+bounced@example.com")
        await wait_until(lambda: len(receiver.reports) == 1)
        await send(service, "bob+blocked@example.com", "eve+complained@example.com", "joe+opened@example.com")
        await wait_until(lambda: len(receiver.reports) == 3)
        first = receiver.requests[1]
        assert first.url == f"http://127.0.0.1:{service.settings.port_base}/v1/providers/smtp/events"
        assert first.headers["authorization"] == "Bearer the-secret-of-the-pipe"
        assert first.headers["content-type"] == "message/rfc822"
        assert {PATHS.delivery_in(" ".join(each.paths)) for each in receiver.reports} == {DELIVERY}
        assert receiver.reports[0].message_ids == ("<me@example.com>",)
        told = {(each.code, each.lasting, each.addresses) for each in receiver.reports}
        assert told == {
            ("dsn_failed_5.1.1", True, ("ada+bounced@example.com",)),
            ("dsn_failed_5.7.1", False, ("bob+blocked@example.com",)),
            ("arf_abuse", False, ()),
        }


async def test_a_rule_says_what_comes_back() -> None:
    async with reporting() as (service, receiver):
        action = {
            "kind": "report",
            "outcomes": ["delayed", "opened", "delivered"],
            "after": 0.01,
            "twice": True,
        }
        await service._sandbox.add_fault(
            FaultSpec.model_validate({"action": action, "recipient": "*@slow.example"})
        )
        await send(service, "ada+bounced@slow.example")
        await wait_until(lambda: len(receiver.reports) == 4)
    kinds = [ReportKind.DELAYED, ReportKind.DELIVERED]
    assert [each.kind for each in receiver.reports] == [kind for kind in kinds for _ in range(2)]


async def test_bounces_do_not_bounce_and_other_mails_do_not_either() -> None:
    async with reporting() as (service, receiver):
        await send(service, "ada+bounced@example.com", sender="")
        await send(service, "ada@example.com")
        await send(service, "ada+bounced@example.com")
        await wait_until(lambda: receiver.reports)
        assert len(receiver.reports) == 1
