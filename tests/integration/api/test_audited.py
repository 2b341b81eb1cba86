"""Every change and every look at contents leaves a line in the audit log, whoever made it."""

import json
from typing import Any

from tests.integration.api.test_every_route import Route, described, routes, sending
from tests.support.api import ApiUnderTest
from tests.support.audited import AUDITED, NOT_AUDITED
from tests.support.possessions import MARK, OWNER, possessions

TRIED_ELSEWHERE = {
    "DELETE /v1/auto-syncs/{sync_id}": "test_auto_syncs",
    "DELETE /v1/dead-letters": "test_dead_letters: a filter is wanted",
    "DELETE /v1/digest-schedules/{digest_schedule_id}": "below: gone with its group",
    "DELETE /v1/recipients/{recipient_id}": "test_audit_log: it takes other things along",
    "DELETE /v1/suppressions": "below: gone by its id",
    "PATCH /v1/auto-syncs/{sync_id}": "test_auto_syncs: this one has ended",
    "POST /v1/api-keys/revoke": "test_api_keys: somebody has to have made some",
    "PATCH /v1/inbox/preferences": "test_inbox: a key has to say whose",
    "PATCH /v1/inbox/preferences/{preference_id}": "likewise",
    "GET /v1/inbox": "likewise",
    "PATCH /v1/inbox/read-all": "likewise",
    "POST /v1/auto-syncs": "test_auto_syncs",
    "POST /v1/auto-syncs/{sync_id}/complete": "test_auto_syncs",
    "POST /v1/auto-syncs/{sync_id}/pause": "test_auto_syncs",
    "POST /v1/auto-syncs/{sync_id}/responses": "test_auto_syncs",
    "POST /v1/auto-syncs/{sync_id}/resume": "test_auto_syncs",
    "POST /v1/bulk-actions": "test_bulk_actions: the example only counts",
    "POST /v1/dead-letters/replay": "test_dead_letters: the example only counts",
    "POST /v1/dead-letters/{letter_id}/replay": "test_dead_letters: its job is not finished",
    "POST /v1/digest-schedules": "below",
    "POST /v1/groups/{group_id}/members": "below",
    "POST /v1/jobs/cancel": "test_job_control: nothing has the key",
    "POST /v1/jobs/retry": "test_job_control: the example only counts",
    "POST /v1/jobs/{job_id}/retry": "test_job_control: it has not failed",
    "POST /v1/recipients/{recipient_id}/addresses/confirm": "test_address_changes: no code was sent",
    "POST /v1/providers/{provider}/test": "test_queues: no sender runs here",
}


def name_of(method: str, path: str) -> str:
    return f"{method.upper()} {path}"


async def actions(api: ApiUnderTest) -> list[dict[str, Any]]:
    rows = await api.api.ledger.fetch(
        "SELECT action, actor, actor_id, detail::text AS detail FROM hermodr.audit_log"
        " WHERE project_id = $1 OR project_id IS NULL ORDER BY id",
        api.project_id,
    )
    return [dict(row) for row in rows]


async def test_every_route_that_changes_something_has_a_line(api: ApiUnderTest) -> None:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    there = {name_of(method, path) for path, operations in paths.items() for method in operations}
    changing = {name for name in there if not name.startswith("GET ")}
    known = AUDITED.keys() | NOT_AUDITED.keys()
    assert not changing - known, "say in tests/support/audited.py what the audit log says of it"
    assert not known - there, "these routes are gone"
    assert not AUDITED.keys() & NOT_AUDITED.keys()


async def test_what_succeeds_is_in_the_log(api: ApiUnderTest) -> None:
    await api.operate()
    tried = await routes(api, await possessions(api))
    order = ("get", "post", "put", "patch", "delete")
    done: set[str] = set()
    for route in sorted(tried, key=lambda each: (order.index(each.method), -each.path.count("/"))):
        name = name_of(route.method, route.path)
        if name in AUDITED and name not in TRIED_ELSEWHERE:
            done |= {name} if await succeeds(api, route) else set()
    assert sorted(AUDITED.keys() - done) == sorted(TRIED_ELSEWHERE)


async def succeeds(api: ApiUnderTest, route: Route) -> bool:
    """Whether the log says that it was done; it holds no text of it."""
    name = name_of(route.method, route.path)
    for query in route.queries():
        for body in route.bodies():
            before = await actions(api)
            answer = await api.http.request(route.method, route.url(), params=query, **sending(body))
            assert answer.status_code < 500, (name, answer.text)
            new = (await actions(api))[len(before) :]
            assert answer.is_success or not new, (name, answer.text)
            if AUDITED[name] not in [line["action"] for line in new]:
                continue  # there was nothing to do, or it was refused
            assert all(line["actor"] == "key" for line in new), (name, new)
            assert not [line for line in new if personal(line)], (name, new)
            return True
    return False


def personal(line: dict[str, Any]) -> bool:
    """Templates and keys are told by their names."""
    named = line["action"].startswith(("template.", "api-key."))
    return "@" in line["detail"] or (MARK in line["detail"] and not named)


async def test_what_end_users_do_stands_under_their_name(api: ApiUnderTest) -> None:
    ids = await possessions(api)
    user = api.user(OWNER)
    url = f"/v1/recipients/{ids['recipient_id']}"
    assert (await user.put(f"{url}/preferences", json={"muted_until": None})).is_success
    assert (await user.get(f"{url}/export")).is_success
    mine = [line for line in await actions(api) if line["actor"] == "user"]
    assert [line["action"] for line in mine] == ["recipient.change", "recipient.export"]
    assert {line["actor_id"] for line in mine} == {OWNER}


async def test_a_key_that_may_not_look_leaves_no_line(api: ApiUnderTest) -> None:
    ids = await possessions(api)
    before = await actions(api)
    stranger = await api.caller(["admin"], "a stranger's project")
    for _, path, _ in await described(api):
        if name_of("get", path) in AUDITED and "{" in path:
            known = {**ids, "provider": "smtp", "channel": "email", "version": "1"}
            assert (await stranger.get(path.format(**known))).status_code == 404
    assert await actions(api) == before


async def test_who_is_in_a_group_and_what_they_are_sent_is_in_the_log(api: ApiUnderTest) -> None:
    person, group = await api.recipient(), (await api.http.post("/v1/groups", json={"name": "g"})).json()
    members = f"/v1/groups/{group['id']}/members"
    before = len(await actions(api))
    added = await api.http.post(members, json={"members": [{"recipient_id": person["id"]}]})
    member = added.json()["data"][0]["id"]
    await api.http.patch(f"{members}/{member}", json={"muted_until": None})
    wanted = {"recipient_id": person["id"], "group_id": group["id"], "frequency": "daily"}
    digest = (await api.http.post("/v1/digest-schedules", json=wanted)).json()["id"]
    await api.http.patch(f"/v1/digest-schedules/{digest}", json={"is_active": False})
    await api.http.delete(f"/v1/digest-schedules/{digest}")
    await api.http.delete(f"{members}/{member}")
    await api.http.post("/v1/suppressions", json={"address": "x@example.com"})
    await api.http.delete("/v1/suppressions", params={"address": "x@example.com"})
    await api.http.put("/v1/recipients", json=[{"external_id": "1"}, {"external_id": "2", "name": "Bea"}])
    new = (await actions(api))[before:]
    assert [line["action"] for line in new] == [
        "member.add", "member.change", "digest_schedule.create", "digest_schedule.change",
        "digest_schedule.delete", "member.remove", "suppression.add", "suppression.remove", "recipient.upsert",
    ]  # fmt: skip
    assert json.loads(new[-1]["detail"]) == {"fields": ["external_id", "name"], "created": 2, "updated": 0}
