"""`/v1/webhooks`: endpoints, their secrets, and what was sent to them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from hermodr_contracts.webhook_events import EVENTS
from hermodr_ledger.webhooks import aftermath, endpoints
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from tests.support import endpoints as having
from tests.support.api import MAIL, WEBHOOK_KEY, ApiUnderTest, api_over, problem

URL = "https://hooks.example.com:8443/in/path?key=s3cr3t"


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url) as under_test:
        yield under_test


async def made(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/v1/webhooks", json={"url": URL} | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_an_endpoint_from_its_creation_to_its_end(api: ApiUnderTest) -> None:
    created = await made(
        api.http, events=["job.failed", "delivery.sent", "job.failed"], description="the shop"
    )
    assert created["url"] == URL
    assert created["events"] == ["job.failed", "delivery.sent"]
    assert created["secret"].startswith("whsec_")
    at = f"/v1/webhooks/{created['id']}"
    (listed,) = (await api.http.get("/v1/webhooks")).json()["data"]
    assert (listed["origin"], listed["url"], "secret" in listed) == (
        "https://hooks.example.com:8443",
        None,
        False,
    )
    assert (await api.http.get(at)).json()["url"] == URL
    changed = await api.http.patch(at, json={"events": None, "description": None, "enabled": False})
    assert changed.status_code == 200, changed.text
    assert {
        name: changed.json()[name] for name in ("events", "description", "enabled", "disabled_reason")
    } == {
        "events": None,
        "description": None,
        "enabled": False,
        "disabled_reason": "manual",
    }
    assert (await api.http.patch(at, json={"enabled": True})).json()["disabled_at"] is None
    other = await api.http.patch(at, json={"url": "https://elsewhere.example.com/"})
    assert other.json()["origin"] == "https://elsewhere.example.com"
    assert (await api.http.delete(at)).status_code == 204
    problem(await api.http.get(at), 404, "not-found")
    lines = (await api.http.get("/v1/audit-log", params={"subject": created["id"]})).json()["data"]
    assert sorted(each["action"] for each in lines) == [
        "webhook.change",
        "webhook.change",
        "webhook.create",
        "webhook.delete",
        "webhook.disable",
        "webhook.enable",
    ]
    assert "example.com" not in str(lines)


async def test_the_secret_is_shown_once_and_rotated(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "once"}
    first = await api.http.post("/v1/webhooks", json={"url": URL}, headers=key)
    again = await api.http.post("/v1/webhooks", json={"url": URL}, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json() == first.json() | {"secret": None, "url": None}
    endpoint_id = UUID(first.json()["id"])
    rotated = await api.http.post(f"/v1/webhooks/{endpoint_id}/rotate-secret")
    assert rotated.json()["secret"] not in (None, first.json()["secret"])
    until = datetime.fromisoformat(rotated.json()["previous_secret_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    signing = [SecretOf(Purpose.ENDPOINT, endpoint_id, version) for version in (2, 1)]
    headers = WebhookSecrets(WEBHOOK_KEY).headers("msg", b"{}", datetime.now(UTC), signing)
    for each in (first, rotated):  # the public library accepts either
        assert Webhook(each.json()["secret"]).verify(b"{}", headers) == {}


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({"url": "http://hooks.example.com/"}, "https://"),
        ({"url": "https://127.0.0.1/"}, "public internet"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "public internet"),
        ({"url": "https://db.internal/"}, "public internet"),
        ({"url": "https://u:p@hooks.example.com/"}, "user name or password"),
        ({"url": "ftp://hooks.example.com/"}, "https://"),
        ({"url": ""}, "at least 1"),
        ({"url": None}, "string"),
        ({}, "required"),
        ({"url": URL, "events": ["delivery.eaten"]}, "delivery.bounced"),
        ({"url": URL, "events": []}, "at least 1"),
        ({"url": URL, "events": "job.failed"}, "array"),
        ({"url": URL, "secret": "mine"}, "no such field"),
    ],
    ids=lambda each: str(each)[:40] if isinstance(each, dict) else "",
)
async def test_what_makes_no_sense_is_refused(api: ApiUnderTest, body: dict[str, Any], flaw: str) -> None:
    refused = problem(await api.http.post("/v1/webhooks", json=body), 422, "invalid-request")
    assert flaw in str(refused["errors"])
    assert "s3cr3t" not in str(refused)


@pytest.mark.parametrize(
    "body",
    [{"url": None}, {"enabled": None}, {"enabled": "yes"}, {"url": "https://10.0.0.1/"}, {"events": ["x"]}],
    ids=str,
)
async def test_changes_that_make_no_sense_are_refused(api: ApiUnderTest, body: dict[str, Any]) -> None:
    at = f"/v1/webhooks/{(await made(api.http))['id']}"
    problem(await api.http.patch(at, json=body), 422, "invalid-request")
    assert (await api.http.get(at)).json()["url"] == URL


async def test_scopes_and_projects(api: ApiUnderTest) -> None:
    created = await made(api.http)
    at = f"/v1/webhooks/{created['id']}"
    sent = (await api.http.post(f"{at}/test")).json()
    reader = await api.caller(["read"])
    assert (await reader.get(at)).json()["url"] is None
    for call in (
        reader.post("/v1/webhooks", json={"url": URL}),
        reader.patch(at, json={"enabled": False}),
        reader.delete(at),
        reader.post(f"{at}/test"),
        reader.post(f"{at}/rotate-secret"),
        reader.post(f"{at}/recover", json={"since": "2026-11-22T09:00:00Z"}),
        reader.post(f"{at}/deliveries/{sent['id']}/redeliver"),
        (await api.caller(["send"])).get("/v1/webhooks"),
        api.user("ann").get("/v1/webhooks"),
    ):
        problem(await call, 403, "forbidden")
    stranger = await api.caller(["admin"], f"strangers of {created['id']}")
    own = await made(stranger)
    for call in (
        stranger.get(at),
        stranger.patch(at, json={"enabled": False}),
        stranger.patch(at, json={"url": "https://stranger.example.com/"}),
        stranger.delete(at),
        stranger.post(f"{at}/test"),
        stranger.post(f"{at}/rotate-secret"),
        stranger.post(f"{at}/recover", json={"since": "2026-11-22T09:00:00Z"}),
        stranger.get(f"{at}/deliveries"),
        stranger.get(f"{at}/deliveries/{sent['id']}"),
        stranger.post(f"{at}/deliveries/{sent['id']}/redeliver"),
        stranger.get(f"/v1/webhooks/{own['id']}/deliveries/{sent['id']}"),
        stranger.post(f"/v1/webhooks/{own['id']}/deliveries/{sent['id']}/redeliver"),
    ):
        problem(await call, 404, "not-found")
    assert len((await api.http.get(f"{at}/deliveries")).json()["data"]) == 1
    assert (await api.http.get(at)).json()["enabled"] is True


async def test_what_was_sent_is_shown_and_sent_again(api: ApiUnderTest) -> None:
    ledger = api.api.ledger
    created = await made(api.http, events=["job.queued"])
    at = f"/v1/webhooks/{created['id']}"
    for _ in range(3):
        assert (await api.http.post("/v1/notifications", json=MAIL)).status_code == 202
    await having.fanned_out(ledger, api.project_id)
    listed = (await api.http.get(f"{at}/deliveries")).json()["data"]
    assert [(each["event"], each["state"], each["attempts"]) for each in listed] == [
        ("job.queued", "waiting", [])
    ] * 3
    failed, delivered, _ = (UUID(each["id"]) for each in listed)
    await having.finish(ledger, failed, "failed", status=500, outcome="failed", error="http_500")
    await having.finish(ledger, delivered, "delivered")
    found = (await api.http.get(f"{at}/deliveries", params={"state": "failed"})).json()["data"]
    (attempt,) = found[0]["attempts"]
    assert (attempt["number"], attempt["status"], attempt["duration_ms"], attempt["error"]) == (
        1,
        500,
        12,
        "http_500",
    )
    assert (await api.http.get(f"{at}/deliveries", params={"event": "job.failed"})).json()["data"] == []
    assert "body" not in found[0]
    one = (await api.http.get(f"{at}/deliveries/{failed}")).json()
    assert set(EVENTS) >= {one["event"]}
    assert '"type": "job.queued"' in one["body"]
    again = await api.http.post(f"{at}/deliveries/{failed}/redeliver")
    assert (again.status_code, again.json()["state"], again.json()["body"]) == (202, "waiting", one["body"])
    await having.finish(ledger, failed, "failed", status=500, outcome="failed", error="http_500")
    since = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    assert (await api.http.post(f"{at}/recover", json=since)).json() == {"recovered": 1, "more": False}
    assert (await api.http.post(f"{at}/recover", json=since)).json() == {"recovered": 0, "more": False}
    problem(await api.http.post(f"{at}/recover", json={"since": "yesterday"}), 422, "invalid-request")
    problem(await api.http.get(f"{at}/deliveries", params={"state": "eaten"}), 422, "invalid-request")


async def test_a_disabled_endpoint_is_sent_nothing(api: ApiUnderTest) -> None:
    created = await made(api.http)
    at = f"/v1/webhooks/{created['id']}"
    sent = (await api.http.post(f"{at}/test")).json()
    assert (sent["event"], sent["state"]) == ("webhook.test", "waiting")
    await api.http.patch(at, json={"enabled": False})
    await aftermath.discard(api.api.ledger)
    for path in ("test", f"deliveries/{sent['id']}/redeliver"):
        assert "enable it first" in problem(await api.http.post(f"{at}/{path}"), 409, "conflict")["detail"]
    since = {"since": "2026-11-22T09:00:00Z"}
    problem(await api.http.post(f"{at}/recover", json=since), 409, "conflict")
    await api.http.patch(at, json={"enabled": True})
    since = {"since": created["created_at"]}
    assert (await api.http.post(f"{at}/recover", json=since)).json()["recovered"] == 1


async def test_health_warns_of_endpoints_that_were_disabled(api: ApiUnderTest) -> None:
    endpoint_id = UUID((await made(api.http))["id"])
    async with api.api.ledger.transaction() as transaction:
        await endpoints.disable(transaction, endpoint_id, "gone")
    (listed,) = (await api.http.get("/v1/webhooks")).json()["data"]
    assert (listed["enabled"], listed["disabled_reason"]) == (False, "gone")
    health = (await api.http.get("/health")).json()
    assert [each for each in health["warnings"] if each.startswith("webhook endpoints disabled")]


async def test_a_project_has_a_bounded_number(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 2)
    answers = await asyncio.gather(*(api.http.post("/v1/webhooks", json={"url": URL}) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409]


async def test_without_a_key_there_are_no_secrets(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.api.webhooks, "_secrets", None)
    refused = problem(await api.http.post("/v1/webhooks", json={"url": URL}), 409, "conflict")
    assert "HERMODR_SECRET_KEY" in refused["detail"]
