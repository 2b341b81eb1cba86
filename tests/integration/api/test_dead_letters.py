import asyncio
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import OnUnknown
from hermodr_ledger.dead_letters import replaying
from hermodr_ledger.dead_letters.burying import DeadMessage, bury
from hermodr_ledger.deliveries.attempts import Outcome, claim, record, settle
from hermodr_ledger.jobs.decisions import record_decisions
from tests.support.api import ApiUnderTest, problem
from tests.support.ledgers import attempt, decisions_of, emptied

MAIL: dict[str, Any] = {"to": {"email": "ada@example.com"}, "subject": "Hi", "body_text": "you"}
LADDER = parse_ladder("10s")


async def dead_jobs(api: ApiUnderTest, count: int, *, code: str = "smtp_451", **fields: Any) -> list[str]:
    """Jobs whose only delivery has used up its attempts."""
    ledger = api.api.ledger
    ids = [
        UUID((await api.http.post("/v1/notifications", json=MAIL | fields)).json()["job_id"])
        for _ in range(count)
    ]
    made = await record_decisions(ledger, await decisions_of(ledger, ids, max_attempts=1))
    rule = settle(Outcome.TRANSIENT, number=1, max_attempts=1, on_unknown=OnUnknown.RESEND, ladder=LADDER)
    for deliveries in made.values():
        for each in await claim(ledger, deliveries, owner="me", lease_seconds=60):
            await record(
                ledger,
                [(attempt(each.id, 1, Outcome.TRANSIENT, code=code, detail="try again later"), rule)],
            )
    return [str(each) for each in ids]


async def raw_letter(api: ApiUnderTest, body: bytes = b"no JSON", source: str = "jobs.dead/1") -> None:
    """One that belongs to no project, in an installation that this project operates."""
    await api.operate()
    await bury(
        api.api.ledger,
        DeadMessage(
            source, "jobs.dead", "undecodable: JobsRequested v1", "JobsRequested", body, {"x-death": []}
        ),
    )


async def listed(api: ApiUnderTest, **query: Any) -> list[dict[str, Any]]:
    answer = await api.http.get("/v1/dead-letters", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


@pytest.fixture(autouse=True)
async def _empty(api: ApiUnderTest) -> None:
    await emptied(api.api.ledger)


async def test_a_letter_says_what_it_was_and_why_it_died(api: ApiUnderTest) -> None:
    (job_id,) = await dead_jobs(api, 1, type="greeting")
    (letter,) = await listed(api)
    assert (letter["queue"], letter["reason"]) == ("email.dead", "attempts exhausted: smtp_451")
    assert (letter["job_id"], letter["type"], letter["raw_bytes"]) == (job_id, "greeting", None)
    assert letter["replayed_at"] is None
    opened = (await api.http.get(f"/v1/dead-letters/{letter['id']}")).json()
    assert opened["failure"] == {
        "channel": "email",
        "state": "failed",
        "attempt": 1,
        "max_attempts": 1,
        "provider": "smtp",
        "code": "smtp_451",
        "detail": "try again later",
    }
    assert (opened["body"], opened["status_url"]) == (None, f"/v1/jobs/{job_id}")


async def test_pages_and_filters(api: ApiUnderTest) -> None:
    await dead_jobs(api, 5, type="a")
    await dead_jobs(api, 2, code="smtp_452", type="b")
    await raw_letter(api)
    whole = await listed(api)
    assert len(whole) == 8
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query: dict[str, Any] = {"limit": 3, "sort": "-created_at"} | ({"cursor": cursor} if cursor else {})
        page = (await api.http.get("/v1/dead-letters", params=query)).json()
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole[::-1]
    filters: tuple[tuple[dict[str, Any], int], ...] = (
        ({"type": "b"}, 2),
        ({"type": "JobsRequested"}, 1),
        ({"queue": "jobs.dead"}, 1),
        ({"channel": "email"}, 7),
        ({"channel": "sms"}, 0),
        ({"reason": "attempts exhausted: smtp_45"}, 7),
        ({"reason": "attempts exhausted: smtp_452"}, 2),
        ({"created_after": whole[5]["created_at"]}, 3),
        ({"created_before": whole[5]["created_at"]}, 5),
        ({"job_id": whole[0]["job_id"]}, 1),
        ({"replayed": "true"}, 0),
        ({"replayed": "false"}, 8),
    )
    for query, expected in filters:
        assert len(await listed(api, **query)) == expected, query
    problem(await api.http.get("/v1/dead-letters", params={"channel": "pigeon"}), 422, "invalid-request")


async def test_a_letter_is_replayed_once_and_says_so_the_second_time(api: ApiUnderTest) -> None:
    (job_id,) = await dead_jobs(api, 1)
    (letter,) = await listed(api)
    path = f"/v1/dead-letters/{letter['id']}/replay"
    answers = await asyncio.gather(*(api.http.post(path) for _ in range(5)))
    assert {each.status_code for each in answers} == {202}
    outcomes = sorted(each.json()["outcome"] for each in answers)
    assert outcomes == ["already_replayed"] * 4 + ["requeued"]
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["job"]["status"] == "queued"
    assert (await listed(api))[0]["replayed_at"] is not None
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    assert [each["event"] for each in timeline].count("retry_requested") == 1
    entries = await api.api.ledger.fetch(
        "SELECT action, detail FROM hermodr.audit_log WHERE subject = $1", letter["id"]
    )
    assert {each["action"] for each in entries} == {"dead_letter.replay"}
    assert len(entries) == 5


async def test_the_same_key_replays_nothing_twice(api: ApiUnderTest) -> None:
    await dead_jobs(api, 1)
    (letter,) = await listed(api)
    headers = {"Idempotency-Key": "once"}
    first, again = [
        await api.http.post(f"/v1/dead-letters/{letter['id']}/replay", headers=headers) for _ in range(2)
    ]
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_replaying_by_filter_spreads_the_letters_over_time(api: ApiUnderTest) -> None:
    ledger = api.api.ledger
    await dead_jobs(api, 10, type="a")
    await dead_jobs(api, 3, type="b")
    wanted = {"filter": {"type": "a"}, "rate": 2, "dry_run": True}
    dry = (await api.http.post("/v1/dead-letters/replay", json=wanted)).json()
    assert {**dry, "at": None} == {
        "at": None,
        "matched": 10,
        "scheduled": 0,
        "remaining": 0,
        "dry_run": True,
        "rate": 2.0,
        "seconds": 4.5,
    }
    assert [each["replay_at"] for each in await listed(api)] == [None] * 13
    wet = (await api.http.post("/v1/dead-letters/replay", json=wanted | {"dry_run": False})).json()
    assert (wet["matched"], wet["scheduled"], wet["seconds"]) == (10, 10, 4.5)
    twice = (await api.http.post("/v1/dead-letters/replay", json=wanted | {"dry_run": False})).json()
    assert (twice["matched"], twice["scheduled"]) == (0, 0)
    (spread,) = await ledger.fetch(
        "SELECT extract(epoch FROM max(replay_at) - min(replay_at))::float8 AS s, count(*) AS n"
        " FROM hermodr.dead_letters WHERE replay_at IS NOT NULL"
    )
    assert (spread["s"], spread["n"]) == (4.5, 10)
    due = await replaying.take_due(ledger, 100)
    assert 1 <= len(due) < 10
    assert [
        each.id for each in due if each.id in {one.id for one in await replaying.take_due(ledger, 100)}
    ] == []
    results = [await replaying.replay_job(ledger, each) for each in due]
    assert {each.outcome for each in results} == {"requeued"}
    assert {each.outcome for each in [await replaying.replay_job(ledger, each) for each in due]} == {
        "already_replayed"
    }


async def test_a_raw_message_is_for_operators_and_shown_as_far_as_fits(api: ApiUnderTest) -> None:
    await raw_letter(api, b"\xff" + b"x" * 70_000)
    await raw_letter(api, "kaputt: é".encode(), "jobs.dead/2")
    first, second = await listed(api)
    assert (first["raw_bytes"], second["raw_bytes"]) == (70_001, 10)
    big = (await api.http.get(f"/v1/dead-letters/{first['id']}")).json()["body"]
    assert (big["encoding"], big["truncated"]) == ("base64", True)
    assert len(big["content"]) < 90_000
    small = (await api.http.get(f"/v1/dead-letters/{second['id']}")).json()
    assert small["body"] == {"encoding": "text", "content": "kaputt: é", "truncated": False}
    assert small["headers"] == {"x-death": []}
    manager = await api.caller(["read", "manage", "send"])
    assert (await manager.get("/v1/dead-letters")).json()["data"] == []
    path = f"/v1/dead-letters/{first['id']}"
    for answer in (
        await manager.get(path),
        await manager.post(path + "/replay"),
        await manager.delete(path),
    ):
        problem(answer, 404, "not-found")
    planned = await manager.post("/v1/dead-letters/replay", json={"filter": {}})
    assert planned.json()["matched"] == 0
    assert (await manager.delete("/v1/dead-letters", params={"replayed": "false"})).json()["deleted"] == 0
    answer = await api.http.post(path + "/replay")
    assert (answer.status_code, answer.json()["outcome"]) == (202, "scheduled")
    assert (await api.http.post(path + "/replay")).json()["outcome"] == "already_scheduled"


async def test_only_the_operators_project_sees_raw_messages(api: ApiUnderTest) -> None:
    await raw_letter(api)
    tenant = await api.caller(["admin"], "a tenant")
    reader = await api.caller(["read", "manage"])
    assert (await tenant.get("/v1/dead-letters")).json()["data"] == []
    assert (await reader.get("/v1/dead-letters")).json()["data"] == []
    (letter,) = await listed(api)
    problem(await tenant.get(f"/v1/dead-letters/{letter['id']}"), 404, "not-found")


async def test_another_project_finds_nothing(api: ApiUnderTest) -> None:
    await dead_jobs(api, 2)
    (letter, _) = await listed(api)
    stranger = await api.caller(["admin"], project="another house")
    assert (await stranger.get("/v1/dead-letters")).json()["data"] == []
    path = f"/v1/dead-letters/{letter['id']}"
    problem(await stranger.get(path), 404, "not-found")
    problem(await stranger.post(path + "/replay"), 404, "not-found")
    problem(await stranger.delete(path), 404, "not-found")
    assert (await stranger.post("/v1/dead-letters/replay", json={"filter": {}})).json()["matched"] == 0
    assert (await stranger.delete("/v1/dead-letters", params={"channel": "email"})).json()["deleted"] == 0
    assert len(await listed(api)) == 2
    problem(await api.user("ann").get("/v1/dead-letters"), 403, "forbidden")


async def test_letters_are_deleted_singly_and_by_filter(api: ApiUnderTest) -> None:
    await dead_jobs(api, 2, type="a")
    await dead_jobs(api, 2, type="b")
    letters = await listed(api)
    assert (await api.http.delete(f"/v1/dead-letters/{letters[0]['id']}")).status_code == 204
    problem(await api.http.delete(f"/v1/dead-letters/{letters[0]['id']}"), 404, "not-found")
    problem(await api.http.delete("/v1/dead-letters"), 422, "invalid-request")
    misspelt = {"replayed": "false", "chanel": "sms"}
    problem(await api.http.delete("/v1/dead-letters", params=misspelt), 422, "invalid-request")
    answer = (await api.http.delete("/v1/dead-letters", params={"type": "b"})).json()
    assert answer == {"deleted": 2, "more": False}
    log = (await api.http.get("/v1/audit-log", params={"action": "dead_letter.delete"})).json()["data"]
    assert [line["subject"] for line in log] == [letters[0]["id"], None]
    assert [each["id"] for each in await listed(api)] == [letters[1]["id"]]
    assert (await api.http.get(f"/v1/jobs/{letters[0]['job_id']}")).json()["job"]["status"] == "failed"
