import asyncio
import base64
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.datastructures import Headers

from hermodr_api.receipts import resend, sendgrid
from hermodr_api.receipts.signatures import SendGridSignature, Signature, StandardWebhooksSignature
from hermodr_sandbox.domain.faults import Report
from hermodr_sandbox.protocols.callbacks import Callbacks, Secrets, outcomes
from hermodr_sandbox.routes.application import application
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.web import serve
from tests.support.receipts import RESEND_SECRET, SENDGRID_KEY, SENDGRID_PUBLIC
from tests.support.smtp_dialogue import House
from tests.support.waiting import wait_until

JOB = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
KEY = base64.b64encode(SENDGRID_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
MAILS = {
    "resend": {"subject": "Hi", "tags": [{"name": "hermodr_job", "value": JOB}]},
    "sendgrid": {"custom_args": {"hermodr_message_id": f"<{JOB}@x>"}},
}


class Receiver:
    """Refuses the first request."""

    def __init__(self, failures: int = 1) -> None:
        self.requests: list[httpx.Request] = []
        self.failures = failures

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200 if len(self.requests) > self.failures else 503)


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
async def test_reports_are_signed_in_order_and_come_again(provider: Any) -> None:
    callbacks = Callbacks("http://api/v1/providers", Secrets.of(RESEND_SECRET, KEY), SystemClock())
    receiver = Receiver()
    callbacks._client = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    callbacks.report(provider, orjson.dumps(MAILS[provider]), "ada+scanned+complained@example.com")
    await wait_until(lambda: len(receiver.requests) == 4)
    await callbacks.close()
    signature: Signature = StandardWebhooksSignature(RESEND_SECRET)
    read: Any = resend.read
    if provider == "sendgrid":
        signature, read = SendGridSignature(SENDGRID_PUBLIC), sendgrid.read
    told = []
    for request in receiver.requests[1:]:
        headers = Headers(dict(request.headers))
        signature.verify(headers, request.content, SystemClock().now().timestamp())
        (report,) = read(orjson.loads(request.content), headers)
        assert report is not None
        assert (str(report.job), report.address) == (JOB, "ada+scanned+complained@example.com")
        told.append((str(report.kind), report.automatic))
        assert request.url == f"http://api/v1/providers/{provider}/events"
    assert told == [("delivered", False), ("clicked", True), ("complained", False)]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ada@example.com", ["delivered"]),
        ("ada+opened+clicked@example.com", ["delivered", "opened", "clicked"]),
        ("ada+opened+bounced@example.com", ["bounced"]),
        ("ada+451x1+blocked@example.com", ["blocked"]),
        ("ada+delivered+newsletter@example.com", ["delivered"]),
    ],
)
def test_tags_say_what_is_reported(address: str, told: list[str]) -> None:
    assert list(outcomes(address)) == told


async def test_a_rule_says_what_is_reported_in_which_order_and_how_often() -> None:
    callbacks = Callbacks("http://api", Secrets.of(RESEND_SECRET, KEY), SystemClock())
    receiver = Receiver(failures=0)
    callbacks._client = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    rule = Report(outcomes=("opened", "delayed", "delivered"), after=0.01, twice=True)
    callbacks.report("resend", orjson.dumps(MAILS["resend"]), "ada+bounced@example.com", rule)
    callbacks.report("sendgrid", orjson.dumps(MAILS["sendgrid"]), "bob@example.com", Report(outcomes=()))
    await wait_until(lambda: len(receiver.requests) == 6)
    await wait_until(lambda: not callbacks._under_way)
    await callbacks.close()
    told = [(orjson.loads(each.content)["type"], each.headers["svix-id"]) for each in receiver.requests]
    kinds = ["email.opened", "email.delivery_delayed", "email.delivered"]
    assert [kind for kind, _ in told] == [kind for kind in kinds for _ in range(2)]
    assert len({number for _, number in told}) == 3


async def test_the_mails_that_a_rule_matches_are_reported_as_it_says(house: House) -> None:
    callbacks = Callbacks("http://api", Secrets.of(RESEND_SECRET, KEY), SystemClock())
    receiver = Receiver(failures=0)
    callbacks._client = httpx.AsyncClient(transport=httpx.MockTransport(receiver))
    await house.fault(action={"kind": "report", "outcomes": ["bounced"]}, recipient="*@gone.example", times=1)
    app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}), callbacks=callbacks)
    mail = {"from": "a@example.com", "subject": "Hi", "text": "Hi", "headers": {}}
    async with serve(app, "127.0.0.1", 0, grace=1) as port, httpx.AsyncClient() as client:
        for address in ("a@example.org", "b@gone.example", "c@gone.example"):
            sent = await client.post(
                f"http://127.0.0.1:{port}/emails",
                json={**mail, "to": [address]},
                headers={"authorization": "Bearer KEY"},
            )
            assert sent.status_code == 200
    await wait_until(lambda: len(receiver.requests) == 3)
    await callbacks.close()
    told = {
        report["data"]["to"][0]: report["type"]
        for report in (orjson.loads(each.content) for each in receiver.requests)
    }
    assert told == {
        "a@example.org": "email.delivered",
        "b@gone.example": "email.bounced",
        "c@gone.example": "email.delivered",
    }


async def test_without_its_secret_a_provider_reports_nothing() -> None:
    callbacks = Callbacks("http://api", Secrets.of(RESEND_SECRET, None), SystemClock())
    callbacks.report("sendgrid", b"{}", "ada@example.com")
    assert not callbacks._under_way
    await asyncio.wait_for(callbacks.close(), 5)


@pytest.mark.parametrize(("resend_secret", "key"), [("whsec_!", None), (None, "AAAA"), (None, "!")])
def test_an_unusable_secret_is_refused(resend_secret: str | None, key: str | None) -> None:
    with pytest.raises(ValueError, match=r"."):
        Secrets.of(resend_secret, key)
