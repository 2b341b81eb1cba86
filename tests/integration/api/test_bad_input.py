"""Errors in a request are reported precisely, and nothing of it is stored."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.api import MAIL, ApiUnderTest, client_of, problem

URL = "/v1/notifications"
JSON = {"content-type": "application/json"}
NESTED: dict[str, Any] = {}
for _ in range(300):
    NESTED = {"a": NESTED}


async def _chunks(count: int = 40) -> AsyncIterator[bytes]:
    """Of 64 KiB."""
    for _ in range(count):
        yield b"x" * 65536


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"to":', "line 1 column 7"),
        (b"", "empty"),
        (b'{"a": "\xff"}', "not UTF-8 at octet 8 of line 1"),
        (b'{"a": "\0"}', "line 1 column 8"),
        (b'{"a":\n NaN}', "NaN is no JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at octet 1"),
    ],
)
async def test_malformed_json_is_told_with_its_position(
    api: ApiUnderTest, content: bytes, words: str
) -> None:
    body = problem(await api.http.post(URL, content=content, headers=JSON), 400, "malformed-json")
    assert words in body["detail"]
    assert await api.jobs() == 0


@pytest.mark.parametrize(
    ("change", "loc", "words"),
    [
        ({"colour": "red"}, ["body", "colour"], "no such field"),
        ({"to": {"email": "a@b.co", "fax": "1"}}, ["body", "to", "fax"], "no such field"),
        ({"to": {"email": "nobody"}}, ["body", "to", "email"], "email address"),
        ({"to": {"email": "a@b.co\r\nBcc: x@y.zz"}}, ["body", "to", "email"], "email address"),
        ({"to": {}}, ["body", "to"], "exactly one"),
        ({"to": {"email": "a@b.co", "user_id": "u"}}, ["body", "to"], "exactly one"),
        ({"to": {"external_id": "nobody"}}, ["body", "to", "external_id"], "no such recipient"),
        ({"to": {"phone": "+15550100123"}}, ["body", "to", "phone"], "HERMODR_SMS_PROVIDERS"),
        (
            {"channels": ["sms"]},
            ["body", "channels"],
            "not available: sms (available: email, in_app, webhook)",
        ),
        ({"channels": ["pigeon"]}, ["body", "channels", 0], "input should be"),
        ({"subject": "a\r\nBcc: x@y.zz"}, ["body", "subject"], "single line"),
        ({"subject": None}, ["body", "subject"], "needs a subject"),
        ({"body_text": None}, ["body", "body_text"], "body_text or body_html"),
        ({"type": "nope", "subject": None, "body_text": None}, ["body", "type"], "unknown type"),
        ({"subject": None, "body_text": None}, ["body", "type"], "needs a type"),
        ({"scheduled_for": "2026-01-01T00:00:00"}, ["body", "scheduled_for"], "2026-11-22T09:00:00Z"),
        ({"scheduled_for": 1893456000}, ["body", "scheduled_for"], "RFC 3339"),
        ({"scheduled_for": "2999-01-01T00:00:00Z"}, ["body", "scheduled_for"], "days ahead"),
        ({"scheduled_for": "2999-01-01T00:00:00Z", "delay_seconds": 1}, ["body", "delay_seconds"], "beside"),
        ({"delay_seconds": -1}, ["body", "delay_seconds"], "greater than or equal"),
        ({"delay_seconds": "5"}, ["body", "delay_seconds"], "number"),
        ({"data": {"a": ["\0"]}}, ["body", "data", "a", 0], "null byte"),
        ({"metadata": {"a\0": 1}}, ["body", "metadata", "a\\u0000"], "null byte"),
        ({"data": NESTED}, ["body", "data"], "nested more than 100 levels"),
        ({"data": [1]}, ["body", "data"], "object"),
        ({"priority": "asap"}, ["body", "priority"], "input should be"),
    ],
)
async def test_a_flaw_is_named_where_it_is(
    api: ApiUnderTest, change: dict[str, Any], loc: list[object], words: str
) -> None:
    body = problem(await api.http.post(URL, json=MAIL | change), 422, "invalid-request")
    assert [error["msg"] for error in body["errors"] if error["loc"] == loc], body
    assert words in next(error["msg"] for error in body["errors"] if error["loc"] == loc)
    assert await api.jobs() == 0


async def test_an_escaped_backslash_is_no_null_byte(api: ApiUnderTest) -> None:
    content = b'{"to":{"email":"a@b.co"},"subject":"\\\\u0000","body_text":"x"}'
    assert (await api.http.post(URL, content=content, headers=JSON)).status_code == 202


async def test_bodies_have_limits_chunked_ones_too(api: ApiUnderTest) -> None:
    big = MAIL | {"body_text": "x" * 2 * 1024 * 1024}
    problem(await api.http.post(URL, json=big), 413, "too-large")
    problem(await api.http.post(URL, content=_chunks(140), headers=JSON), 413, "too-large")
    problem(await api.http.post("/v1/recipients", content=_chunks(), headers=JSON), 413, "too-large")
    problem(
        await api.http.post(f"{URL}/bulk", content=b" " * (10 * 2**20 + 1), headers=JSON), 413, "too-large"
    )
    assert await api.jobs() == 0


async def test_only_json_is_understood(api: ApiUnderTest) -> None:
    problem(await api.http.post(URL, data={"a": "b"}), 415, "unsupported-media-type")
    problem(await api.http.post(URL, content=b"{}"), 415, "unsupported-media-type")
    headers = {"content-type": "application/json; charset=utf-8"}
    assert (await api.http.post(URL, json=MAIL, headers=headers)).status_code == 202


async def test_keys_are_checked_before_anything_else(api: ApiUnderTest) -> None:
    async with client_of(api.api) as nobody, client_of(api.api, "hk_" + "x" * 43) as stranger:
        for client in (nobody, stranger):
            refused = await client.post(URL, content=b"{", headers=JSON)
            problem(refused, 401, "unauthenticated")
            assert refused.headers["www-authenticate"].startswith("Bearer")
            problem(await client.get("/v1/jobs/nonsense"), 401, "unauthenticated")
    reader = await api.caller(["read"])
    problem(await reader.post(URL, json=MAIL), 403, "forbidden")
    sender = await api.caller(["send"])
    problem(await sender.get("/v1/recipients"), 403, "forbidden")
    problem(await sender.post("/v1/api-keys", json={"scopes": ["admin"]}), 403, "forbidden")
    assert (await sender.post(URL, json=MAIL)).status_code == 202


async def test_what_belongs_to_others_looks_as_if_it_were_not_there(api: ApiUnderTest) -> None:
    recipient = await api.recipient(external_id="ours")
    template = await api.template()
    job = (await api.http.post(URL, json=MAIL)).json()["job_id"]
    other = await api.caller(["admin"], project="another")
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/timeline", f"/v1/recipients/{recipient['id']}"):
        problem(await other.get(path), 404, "not-found")
    problem(await other.get(f"/v1/templates/{template['id']}/versions"), 404, "not-found")
    problem(await other.patch(f"/v1/recipients/{recipient['id']}", json={}), 404, "not-found")
    problem(await other.delete(f"/v1/templates/{template['id']}"), 404, "not-found")
    for to in ({"recipient_id": recipient["id"]}, {"external_id": "ours"}):
        problem(await other.post(URL, json=MAIL | {"to": to}), 422, "invalid-request")
    wanted = {"type": "magic_link", "to": {"email": "a@b.co"}}
    problem(await other.post(URL, json=wanted), 422, "invalid-request")


async def test_the_frameworks_own_errors_are_problems_too(api: ApiUnderTest) -> None:
    problem(await api.http.get("/nowhere"), 404, "not-found")
    problem(await api.http.get(URL), 405, "method-not-allowed")
    problem(await api.http.post(f"{URL}/", json=MAIL), 404, "not-found")
    for path in ("/v1/jobs/nonsense", "/v1/jobs/%00", "/v1/recipients?limit=0", "/v1/recipients?cursor=zzz"):
        problem(await api.http.get(path), 422, "invalid-request")
    echoed = await api.http.get("/nowhere", headers={"x-request-id": "trace-1"})
    assert echoed.json()["request_id"] == "trace-1"
    odd = await api.http.get("/nowhere", headers={"x-request-id": "a b"})
    assert odd.json()["request_id"] != "a b"


async def test_our_own_mistakes_say_nothing_but_where_to_look(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM hidden")

    monkeypatch.setattr("hermodr_ledger.jobs.reading.read", broken)
    transport_error = await api.http.get(f"/v1/jobs/{api.project_id}")
    body = problem(transport_error, 500, "internal-error")
    assert "secret" not in str(body)
