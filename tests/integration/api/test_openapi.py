import asyncio
import time
from typing import Any
from uuid import UUID

from tests.support.api import CONNECTION, ApiUnderTest, client_of

METHODS = {"get", "post", "put", "patch", "delete"}
WITHOUT_KEY = {"/", "/health", "/health/broker", "/v1/files/{token}", "/v1/providers/{provider}/events"}


async def _operations(api: ApiUnderTest) -> list[tuple[str, str, dict[str, Any]]]:
    schema = (await api.http.get("/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


async def test_every_status_is_described(api: ApiUnderTest) -> None:
    for path, method, operation in await _operations(api):
        described = set(operation["responses"])
        if path in WITHOUT_KEY:
            continue
        assert operation["security"] in (
            [{"apiKey": []}],
            [{"apiKey": []}, {"userToken": []}],
            [{"userToken": []}],
        )
        assert {"401", "403", "422", "500", "503"} <= described, path
        if "requestBody" in operation:
            assert {"413", "415"} <= described, path
            assert ("400" in described) == ("application/json" in operation["requestBody"]["content"]), path
        if "{" in path:
            assert "404" in described, (method, path)
        if method == "post":
            assert "409" in described
            assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, status)


async def test_writing_it_keeps_nobody_waiting(api: ApiUnderTest) -> None:
    await api.http.get("/health/live")  # what the first request of all costs is not asked here
    in_all, here = time.process_time(), time.thread_time()
    async with asyncio.TaskGroup() as asking:
        both = [asking.create_task(api.http.get(path)) for path in ("/openapi.json", "/")]
    in_all, here = time.process_time() - in_all, time.thread_time() - here
    assert here < in_all / 2
    description, index = (each.result() for each in both)
    assert description.json() == api.api.description()
    assert index.json()["routes"]["index"] == ["GET /"]
    head = await api.http.head("/openapi.json")
    assert (head.status_code, head.headers["content-type"]) == (200, "application/json")


async def test_every_field_of_a_request_is_described(api: ApiUnderTest) -> None:
    schemas = (await api.http.get("/openapi.json")).json()["components"]["schemas"]
    requests = {name for name in schemas if name.endswith(("In", "Patch"))} | {
        "To",
        "Preference",
        "QuietHours",
    }
    assert len(requests) >= 12
    for name in sorted(requests):
        for field, described in schemas[name]["properties"].items():
            assert described.get("description"), (name, field)


async def test_titles_keep_their_case(api: ApiUnderTest) -> None:
    for path, method, operation in await _operations(api):
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            assert operation["responses"]["400"]["description"] == "The body is not JSON", (method, path)


async def test_the_index_names_every_route(api: ApiUnderTest) -> None:
    async with client_of(api.api) as anyone:
        index = (await anyone.get("/")).json()
        assert (await anyone.get(index["openapi"])).json()["info"]["version"] == index["version"]
    listed = {route for group in index["routes"].values() for route in group}
    described = {f"{method.upper()} {path}" for path, method, _ in await _operations(api)}
    assert listed == described


async def test_every_reference_leads_somewhere(api: ApiUnderTest) -> None:
    schema = (await api.http.get("/openapi.json")).json()
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert value["$ref"] in known
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


async def _prepared(api: ApiUnderTest) -> None:
    await api.operate()
    theirs = UUID((await api.http.post("/v1/api-keys", json={"scopes": ["read"]})).json()["id"])
    by = "UPDATE hermodr.api_keys SET made_by_kind = 'person', made_by = 'https://id.example.com 1815' WHERE id = $1"
    await api.api.ledger.fetch(by, theirs)


async def test_every_example_works_as_printed(api: ApiUnderTest) -> None:
    await _prepared(api)
    recipient = await api.recipient(user_id="user-17")
    template = await api.template(name="another")
    key = (await api.http.post("/v1/api-keys", json={"scopes": ["read"]})).json()
    signing = (await api.http.post("/v1/projects/me/signing-keys", json={})).json()
    group = (await api.http.post("/v1/groups", json={"name": "Us"})).json()
    members = f"/v1/groups/{group['id']}/members"
    added = await api.http.post(members, json={"members": [{"recipient_id": recipient["id"]}]})
    update = (await api.http.post(f"/v1/groups/{group['id']}/updates", json={"title": "Hi"})).json()
    sender = (await api.http.post("/v1/senders", json={"domain": "example.org"})).json()
    endpoint = (await api.http.post("/v1/webhooks", json={"url": "https://hooks.example.com/x"})).json()
    daily = {"name": "daily", "every": "1d", "job": {"type": "data-export"}}
    schedule = (await api.http.post("/v1/schedules", json=daily)).json()
    await api.api.ledger.fetch(
        "UPDATE hermodr.senders SET verified_at = now() WHERE id = $1::uuid", sender["id"]
    )
    olga = await api.recipient()
    body = {"organizer_id": olga["id"], "group_id": group["id"], "event_name": "Party"}
    sync = (await api.http.post("/v1/auto-syncs", json=body)).json()
    weekly = {"recipient_id": recipient["id"], "group_id": group["id"], "frequency": "weekly"}
    digest = (await api.http.post("/v1/digest-schedules", json=weekly | {"delivery_day": 7})).json()
    ids = {
        "project_id": str(api.project_id),
        "digest_schedule_id": digest["id"],
        "organizer_id": olga["id"],
        "sync_id": sync["id"],
        "sender_id": sender["id"],
        "endpoint_id": endpoint["id"],
        "schedule_id": schedule["id"],
        "recipient_id": recipient["id"],
        "template_id": template["id"],
        "preference_id": template["id"],
        "connection_id": (await api.http.post("/v1/connections", json=CONNECTION)).json()["id"],
        "key_id": key["id"],
        "signing_key_id": signing["id"],
        "group_id": group["id"],
        "member_id": added.json()["data"][0]["id"],
        "update_id": update["id"],
        "channel": "email",
    }
    tried = 0
    for path, method, operation in await _operations(api):
        example = (
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        )
        # a sender would have to run, and a code to be sent
        if example is not None and "{provider}" not in path and not path.endswith("/confirm"):
            if path.startswith(("/v1/auto-syncs", "/v1/digest-schedules")):  # about people who are not here
                example = {name: ids.get(name, value) for name, value in example.items()}
            if "{notification_id}" in path:
                continue  # `test_inbox` tries those
            http = api.user("user-17") if path.startswith("/v1/inbox") else api.http
            answer = await http.request(method, path.format(**ids), json=example)
            assert answer.is_success, (method, path, answer.text)
            assert str(answer.status_code) in operation["responses"]
            tried += 1
            if path == "/v1/webhooks/{endpoint_id}":  # the example disables it
                await api.http.patch(path.format(**ids), json={"enabled": True})
    assert tried >= 10
