"""Receivers of webhooks, pretended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from hermodr_sandbox.routes.application import application
from hermodr_servicekit.guard.addresses import networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.web import serve
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from hermodr_webhook_sender.calling import Caller
from hermodr_webhook_sender.domain import Answer
from tests.support.smtp_dialogue import House

SECRETS = WebhookSecrets("a-key-of-this-machine-long-enough-for-it")
ENDPOINT = UUID(int=7)
BODY = b'{"type":"job.completed","data":{"text":"Gr\xc3\xbc\xc3\x9fe"}}'


@pytest_asyncio.fixture
async def base(house: House) -> AsyncIterator[str]:
    app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}), webhook_secrets=SECRETS)
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield f"http://127.0.0.1:{port}"


@pytest_asyncio.fixture
async def http(base: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        yield client


async def send(
    base: str,
    name: str = "orders",
    body: bytes = BODY,
    version: int = 1,
    instead: Mapping[str, str] | None = None,
) -> Answer:
    """`instead`: other headers; empty ones are left out."""
    caller = Caller(Guard(networks("127.0.0.0/8")), 1.0)
    of = SecretOf(Purpose.ENDPOINT, ENDPOINT, version)
    headers = SECRETS.headers("m1", body, datetime.now(UTC), [of]) | {"hermodr-endpoint": str(ENDPOINT)}
    headers = {name: value for name, value in {**headers, **(instead or {})}.items() if value}
    try:
        return await caller.post(f"{base}/hooks/{name}", headers, body)
    finally:
        await caller.close()


async def came(http: httpx.AsyncClient, **query: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (await http.get("/v1/hooks", params=query)).json()["data"]
    return found


async def test_what_comes_is_kept_with_its_signature_checked(base: str, http: httpx.AsyncClient) -> None:
    assert await send(base) == Answer(204)
    (hook,) = await came(http)
    assert (hook["name"], hook["webhook_id"], hook["status"]) == ("orders", "m1", 204)
    assert (hook["signature"], hook["why"]) == ("valid", None)
    assert hook["body"] == BODY.decode()
    assert hook["headers"]["content-type"] == "application/json"


async def test_a_replaced_secret_is_known(base: str, http: httpx.AsyncClient) -> None:
    await send(base, version=3)
    assert (await came(http))[0]["signature"] == "valid"


@pytest.mark.parametrize(
    ("more", "signature", "why"),
    [
        ({"webhook-id": "m2"}, "invalid", "No matching signature found"),
        ({"webhook-timestamp": "1"}, "invalid", "Message timestamp too old"),
        ({"webhook-signature": ""}, "invalid", "there is no signature"),
        ({"webhook-signature": "v1,AAAA"}, "invalid", "No matching signature found"),
        ({"hermodr-endpoint": ""}, "unknown", "no secret is known"),
        ({"hermodr-endpoint": "nonsense"}, "unknown", "no secret is known"),
        ({"hermodr-endpoint": str(UUID(int=8))}, "invalid", "No matching signature found"),
    ],
)
async def test_what_is_wrong_with_a_signature_is_said(
    base: str, http: httpx.AsyncClient, more: dict[str, str], signature: str, why: str
) -> None:
    await send(base, instead=more)
    (hook,) = await came(http)
    assert (hook["signature"], hook["why"][: len(why)]) == (signature, why)


async def test_a_receivers_secret_can_be_given(base: str, http: httpx.AsyncClient) -> None:
    secret = SECRETS.secret(SecretOf(Purpose.RECIPIENT, ENDPOINT))
    put = await http.put("/v1/hooks/orders/secrets", json={"secrets": [secret]})
    assert put.status_code == 204
    await send(base)
    assert (await came(http))[0]["signature"] == "invalid"
    ours = SECRETS.secret(SecretOf(Purpose.ENDPOINT, ENDPOINT))
    await http.put("/v1/hooks/orders/secrets", json={"secrets": [secret, ours]})
    await send(base)
    assert (await came(http))[0]["signature"] == "valid"
    assert secret not in str((await http.get("/v1/hooks")).text)


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ({"kind": "reply", "code": 500}, Answer(500)),
        ({"kind": "reply", "code": 410}, Answer(410)),
        ({"kind": "lie", "code": 503}, Answer(503)),
        ({"kind": "throttle"}, Answer(429, retry_after=1.0)),
        ({"kind": "redirect"}, Answer(302)),
        ({"kind": "redirect", "code": 307, "location": "/elsewhere"}, Answer(307)),
        ({"kind": "flood", "octets": 5_000_000}, Answer(200)),
        ({"kind": "drop"}, Answer(error="bad_answer")),
        ({"kind": "drop_after_data"}, Answer(error="bad_answer")),
        ({"kind": "delay", "seconds": 3600}, Answer(error="timeout")),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) else "",
)
async def test_answers_are_set_by_fault_rules(
    base: str, http: httpx.AsyncClient, action: dict[str, Any], answer: Answer
) -> None:
    rule = {"provider": "webhook", "recipient": "orders", "first": 1, "action": action}
    assert (await http.post("/v1/faults", json=rule)).status_code == 201
    assert await send(base, "others") == Answer(204)
    assert await send(base) == answer
    assert await send(base) == Answer(204)
    statuses = [hook["status"] for hook in await came(http, name="orders")]
    assert statuses == [204, answer.status]


async def test_a_rule_of_mails_may_not_redirect(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/faults", json={"action": {"kind": "redirect"}})
    assert refused.status_code == 422


async def test_a_receiver_fails_by_its_name(base: str) -> None:
    answers = [(await send(base, "orders+503x2")).status for _ in range(3)]
    assert answers == [503, 503, 204]


async def test_lists_are_by_receiver_and_cleared_with_all_else(base: str, http: httpx.AsyncClient) -> None:
    for name in ("one", "two", "one"):
        await send(base, name)
    assert [hook["name"] for hook in await came(http)] == ["one", "two", "one"]
    assert len(await came(http, name="one")) == 2
    assert len(await came(http, limit="1")) == 1
    await http.delete("/v1/mails")
    assert await came(http) == []


async def test_what_is_no_json_and_not_posted(base: str, http: httpx.AsyncClient) -> None:
    await send(base, body=b"\xff not json")
    assert (await came(http))[0]["body"] == "\ufffd not json"
    assert (await http.get("/hooks/orders")).status_code == 404
    assert (await http.post("/hooks/a/b")).status_code == 404


async def test_the_page(http: httpx.AsyncClient) -> None:
    page = await http.get("/webhooks")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for asset in ("/assets/hooks.css", "/assets/hooks.js"):
        assert asset in page.text
        assert (await http.get(asset)).status_code == 200
