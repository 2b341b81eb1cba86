import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_api.access.authentication import BELIEVED_SECONDS
from hermodr_ledger.access import audit, keys, makers
from hermodr_ledger.access.makers import Maker
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.ids import new_id
from tests.support.api import MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.clocks import FakeClock

URL = "/v1/api-keys"
INVALID = "invalid-request"


async def test_a_key_works_until_it_is_revoked(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"name": "shop", "scopes": ["send"]})).json()
    assert made["key"].startswith("hk_")
    async with client_of(api.api, made["key"]) as client:
        assert (await client.post("/v1/notifications", json=MAIL)).status_code == 202
        assert (await api.http.delete(f"{URL}/{made['id']}")).status_code == 204
        problem(await client.post("/v1/notifications", json=MAIL), 401, "unauthenticated")
    shown = (await api.http.get(f"{URL}/{made['id']}")).json()
    assert shown["revoked_at"] is not None
    assert "key" not in shown


async def test_only_the_hash_is_stored_not_even_for_replays(api: ApiUnderTest) -> None:
    wanted, key = {"scopes": ["read"]}, {"idempotency-key": "a-1"}
    made = (await api.http.post(URL, json=wanted, headers=key)).json()
    again = await api.http.post(URL, json=wanted, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == made | {"key": None}
    rows = await api.api.ledger.fetch("SELECT key_hash FROM hermodr.api_keys WHERE id = $1::uuid", made["id"])
    assert rows[0]["key_hash"] == hashlib.sha256(made["key"].encode()).digest()
    kept = await api.api.ledger.fetch(
        "SELECT response FROM hermodr.idempotency_keys WHERE key = hermodr.kept_key('a-1')"
    )
    assert made["key"].encode() not in kept[0]["response"]


async def test_keys_are_listed_and_renamed(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["admin", "read"]})).json()
    assert made["scopes"] == ["read", "admin"]
    renamed = (await api.http.patch(f"{URL}/{made['id']}", json={"name": "ops"})).json()
    assert renamed["name"] == "ops"
    listed = (await api.http.get(URL)).json()["data"]
    assert [each["name"] for each in listed] == ["", "ops"]
    problem(await api.http.post(URL, json={"scopes": ["root"]}), 422, "invalid-request")
    problem(await api.http.post(URL, json={"scopes": []}), 422, "invalid-request")


async def test_a_project_is_made_by_its_first_key(api: ApiUnderTest) -> None:
    first = await keys.create(api.api.ledger, "shop", ["send"])
    second = await keys.create(api.api.ledger, "shop", ["read"])
    assert first.record.project_id == second.record.project_id != api.project_id


async def test_a_key_ends_when_it_said_it_would(database_url: str) -> None:
    clock = _standing()
    async with api_over(database_url, clock=clock) as api:
        ends = clock.now() + timedelta(hours=1)
        made = await api.http.post(URL, json={"scopes": ["read"], "expires_at": ends.isoformat()})
        assert datetime.fromisoformat(made.json()["expires_at"]) == ends
        key_id = made.json()["id"]
        async with client_of(api.api, made.json()["key"]) as client:
            assert (await client.get("/v1/jobs")).status_code == 200
            clock.advance(1)
            await _expire(api, key_id)
            assert (await client.get("/v1/jobs")).status_code == 200, "believed for some seconds"
            clock.advance(BELIEVED_SECONDS)
            problem(await client.get("/v1/jobs"), 401, "unauthenticated")
        shown = (await api.http.get(f"{URL}/{key_id}")).json()
        assert shown["expires_at"] is not None
        assert shown["revoked_at"] is None


async def test_a_remembered_key_ends_to_the_moment(database_url: str) -> None:
    """What is remembered for some seconds knows its end: the ledger is asked again."""
    clock = _standing()
    async with api_over(database_url, clock=clock) as api:
        ends = clock.now() + timedelta(seconds=BELIEVED_SECONDS / 2)
        made = await api.http.post(URL, json={"scopes": ["read"], "expires_at": ends.isoformat()})
        async with client_of(api.api, made.json()["key"]) as client:
            assert (await client.get("/v1/jobs")).status_code == 200
            await _expire(api, made.json()["id"])
            clock.advance(BELIEVED_SECONDS / 2)
            problem(await client.get("/v1/jobs"), 401, "unauthenticated")


def _standing() -> FakeClock:
    """At this moment, as the database's goes on."""
    clock = FakeClock()
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds())
    return clock


async def _expire(api: ApiUnderTest, key_id: str) -> None:
    """By the database's clock, which is the one that counts."""
    await api.api.ledger.fetch(
        "UPDATE hermodr.api_keys SET expires_at = now() - interval '1 s' WHERE id = $1::uuid", key_id
    )


async def test_the_end_of_a_key_lies_ahead_and_can_be_moved(api: ApiUnderTest) -> None:
    past = "2020-01-01T00:00:00Z"
    refused = problem(await api.http.post(URL, json={"scopes": ["read"], "expires_at": past}), 422, INVALID)
    assert refused["errors"][0]["loc"] == ["body", "expires_at"]
    made = (await api.http.post(URL, json={"scopes": ["read"]})).json()
    assert (made["expires_at"], made["last_used_at"]) == (None, None)
    where = f"{URL}/{made['id']}"
    problem(await api.http.patch(where, json={"expires_at": past}), 422, INVALID)
    moved = (await api.http.patch(where, json={"expires_at": "9999-12-31T23:59:59Z"})).json()
    assert moved["expires_at"] == "9999-12-31T23:59:59Z"
    renamed = (await api.http.patch(where, json={"name": "x"})).json()
    assert renamed["expires_at"] == moved["expires_at"]
    assert (await api.http.patch(where, json={"expires_at": None})).json()["expires_at"] is None


async def test_the_last_use_is_noted_once_a_minute(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["read"]})).json()

    async def used() -> datetime | None:
        shown = (await api.http.get(f"{URL}/{made['id']}")).json()["last_used_at"]
        return datetime.fromisoformat(shown) if shown else None

    async with client_of(api.api, made["key"]) as client:
        assert (await client.get("/v1/jobs")).status_code == 200
        await api.api.authenticator.close()
        first = await used()
        assert first is not None
        api.api.authenticator.forget_all()
        assert (await client.get("/v1/jobs")).status_code == 200
        await api.api.authenticator.close()
        assert await used() == first
        await keys.note_uses(api.api.ledger, [UUID(made["id"])])
        assert await used() == first, "whoever else asks"
        await api.api.ledger.fetch("UPDATE hermodr.api_key_uses SET used_at = now() - interval '61 s'")
        api.api.authenticator.forget_all()
        assert (await client.get("/v1/jobs")).status_code == 200
        await api.api.authenticator.close()
        assert await used() > first - timedelta(seconds=1)  # type: ignore[operator]


async def test_a_use_that_cannot_be_noted_keeps_nobody_waiting(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(keys, "note_uses", away)
    reader = await api.caller(["read"])
    assert (await reader.get("/v1/jobs")).status_code == 200
    await api.api.authenticator.close()


async def test_rotating_leaves_no_gap(api: ApiUnderTest) -> None:
    limit = {"requests": 100, "seconds": 1, "burst": 100}
    wanted = {"name": "shop", "scopes": ["send", "read"], "rate_limit": limit}
    old = (await api.http.post(URL, json=wanted)).json()
    before = datetime.now(UTC)
    answer = await api.http.post(f"{URL}/{old['id']}/rotate", json={"overlap": "1h"})
    assert answer.status_code == 201
    new = answer.json()
    assert {name: new[name] for name in wanted} == wanted
    assert new["expires_at"] is None
    assert new["key"] not in (None, old["key"])
    for each in (old, new):
        async with client_of(api.api, each["key"]) as client:
            assert (await client.get("/v1/jobs")).status_code == 200
    shown = (await api.http.get(f"{URL}/{old['id']}")).json()
    ends = datetime.fromisoformat(shown["expires_at"])
    assert timedelta(minutes=59) < ends - before < timedelta(minutes=61)
    await _expire(api, old["id"])
    api.api.authenticator.forget_all()
    async with client_of(api.api, old["key"]) as client:
        problem(await client.get("/v1/jobs"), 401, "unauthenticated")
    problem(await api.http.post(f"{URL}/{old['id']}/rotate", json={}), 409, "conflict")
    lines = (await api.http.get("/v1/audit-log", params={"action": "api-key.rotate"})).json()["data"]
    assert [(line["subject"], line["detail"]["by"]) for line in lines] == [(old["id"], new["id"])]


async def test_a_rotated_key_holds_no_longer_and_its_successor_as_long(api: ApiUnderTest) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=30)
    wanted = {"scopes": ["read"], "expires_at": ends.isoformat()}
    old = (await api.http.post(URL, json=wanted)).json()
    new = (await api.http.post(f"{URL}/{old['id']}/rotate", json={"overlap": "24h"})).json()
    shown = (await api.http.get(f"{URL}/{old['id']}")).json()
    assert datetime.fromisoformat(shown["expires_at"]) == ends
    life = datetime.fromisoformat(new["expires_at"]) - datetime.fromisoformat(new["created_at"])
    assert timedelta(minutes=29) < life < timedelta(minutes=31)
    other = {"overlap": "1s", "expires_at": "2090-01-01T00:00:00Z"}
    third = (await api.http.post(f"{URL}/{new['id']}/rotate", json=other)).json()
    assert third["expires_at"] == "2090-01-01T00:00:00Z"


async def test_rotating_is_for_keys_that_are_there_and_whole_spans(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["read"]})).json()
    where = f"{URL}/{made['id']}/rotate"
    for overlap in ("0s", "-1h", "x", 5, "9" * 400 + "h"):
        problem(await api.http.post(where, json={"overlap": overlap}), 422, INVALID)
    problem(await api.http.post(where, json={"expires_at": "2020-01-01T00:00:00Z"}), 422, INVALID)
    problem(await api.http.post(f"{URL}/{new_id()}/rotate", json={}), 404, "not-found")
    stranger = await api.caller(["admin"], "somebody else")
    problem(await stranger.post(where, json={}), 404, "not-found")
    key = {"idempotency-key": "r-1"}
    first = await api.http.post(where, json={}, headers=key)
    again = await api.http.post(where, json={}, headers=key)
    assert again.json() == first.json() | {"key": None}
    await api.http.delete(f"{URL}/{made['id']}")
    problem(await api.http.post(where, json={}), 409, "conflict")


async def test_what_is_left_of_a_rotated_key_is_no_lifetime_to_pass_on(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["read"]})).json()
    where = f"{URL}/{made['id']}/rotate"
    both = await asyncio.gather(*(api.http.post(where, json={"overlap": "1h"}) for _ in range(2)))
    first, second = sorted(both, key=lambda answer: answer.status_code)
    assert (first.status_code, first.json()["expires_at"]) == (201, None)
    assert first.json()["id"] in problem(second, 409, "conflict")["detail"]
    third = await api.http.post(f"{URL}/{first.json()['id']}/rotate", json={"overlap": "1h"})
    assert (third.status_code, third.json()["expires_at"]) == (201, None)


async def test_a_key_that_has_ended_is_not_revived(api: ApiUnderTest) -> None:
    expired, revoked = [(await api.http.post(URL, json={"scopes": ["read"]})).json()["id"] for _ in range(2)]
    await _expire(api, expired)
    await api.http.delete(f"{URL}/{revoked}")
    for key_id in (expired, revoked):
        for ends in (None, "2090-01-01T00:00:00Z"):
            problem(await api.http.patch(f"{URL}/{key_id}", json={"expires_at": ends}), 409, "conflict")
        renamed = await api.http.patch(f"{URL}/{key_id}", json={"name": "of last year"})
        assert (renamed.status_code, renamed.json()["name"]) == (200, "of last year")


async def test_all_keys_that_somebody_made_are_revoked_and_those_of_these(api: ApiUnderTest) -> None:
    mine = (await api.http.post(URL, json={"name": "theirs", "scopes": ["admin"]})).json()
    other = (await api.http.post(URL, json={"name": "other", "scopes": ["read"]})).json()
    assert mine["made_by"]["actor"] == "key"
    person = {"actor": "person", "actor_id": "https://id.example 1815"}
    values = "made_by_kind = 'person', made_by = 'https://id.example 1815', made_by_name = 'ada@example.com (1815)'"
    await api.api.ledger.fetch(f"UPDATE hermodr.api_keys SET {values} WHERE id = $1", UUID(mine["id"]))
    async with client_of(api.api, mine["key"]) as theirs:
        second = (await theirs.post(URL, json={"scopes": ["admin"]})).json()
        rotated = (await theirs.post(f"{URL}/{second['id']}/rotate", json={})).json()
        async with client_of(api.api, rotated["key"]) as last:
            third = (await last.post(URL, json={"scopes": ["read"]})).json()
    assert third["made_by"] == {"actor": "key", "actor_id": rotated["id"], "name": None}
    made_by = (await api.http.get(f"{URL}/{mine['id']}")).json()["made_by"]
    assert made_by == person | {"name": "ada@example.com (1815)"}
    for stranger in ("bob", "ada@example.com (1815)", "https://other.example 1815"):
        unknown = await api.http.post(f"{URL}/revoke", json=person | {"actor_id": stranger})
        assert "made_by" in problem(unknown, 404, "not-found")["detail"]
    answer = await api.http.post(f"{URL}/revoke", json=person)
    assert answer.json() == {"revoked": sorted(each["id"] for each in (mine, second, rotated, third))}
    for each, status in ((mine, 401), (third, 401), (other, 200)):
        async with client_of(api.api, each["key"]) as client:
            assert (await client.get("/v1/jobs")).status_code == status
    log = (await api.http.get("/v1/audit-log", params={"action": "api-key.revoke"})).json()["data"]
    assert [each["detail"] for each in log] == [{"maker": person}] * 4
    assert (await api.http.post(f"{URL}/revoke", json=person)).json() == {"revoked": []}


async def test_whose_keys_are_revoked_has_to_be_said(api: ApiUnderTest) -> None:
    for given in ({}, {"actor_id": ""}, {"actor_id": "x", "actor": "cli"}):
        assert (await api.http.post(f"{URL}/revoke", json=given)).status_code == 422


async def test_a_key_that_goes_on_making_keys_is_no_faster_than_its_revocation(api: ApiUnderTest) -> None:
    first = (await api.http.post(URL, json={"scopes": ["admin"]})).json()
    maker = Maker("person", "https://id.example 1815")
    await api.api.ledger.fetch(
        "UPDATE hermodr.api_keys SET made_by_kind = $2, made_by = $3 WHERE id = $1",
        UUID(first["id"]),
        maker.kind,
        maker.id,
    )
    made = [UUID(first["id"])]
    under_way = asyncio.Event()

    async def goes_on(rotates: bool) -> None:
        """Each key makes the next, as another process of the api would, which believes each for some seconds."""
        own = made[0]
        for _ in range(500):
            async with api.api.ledger.transaction() as transaction:
                next_one, _ = await keys.create_in(
                    transaction, api.project_id, ["admin"], "", audit.Actor("key", str(own))
                )
            own = next_one.id
            made.append(own)
            if rotates:
                actor, day = audit.Actor("key", str(own)), timedelta(days=1)
                async with api.api.ledger.transaction() as transaction:
                    both = await keys.rotate(transaction, api.project_id, own, day, None, actor)
                assert both is not None
                own = both[0].id
                made.append(own)
            if len(made) > 30:
                under_way.set()

    going_on = [asyncio.create_task(goes_on(rotates)) for rotates in (False, True, False, True)]
    await under_way.wait()
    person = {"actor": maker.kind, "actor_id": maker.id}
    answer = await api.http.post(f"{URL}/revoke", json=person)
    ends = await asyncio.gather(*going_on, return_exceptions=True)
    assert [type(each) for each in ends] == [makers.Ended] * 4
    assert answer.status_code == 200
    assert {UUID(each) for each in answer.json()["revoked"]} == set(made)
    held = "SELECT count(*) FROM hermodr.api_keys WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL"
    assert (await api.api.ledger.fetch(held, made))[0]["count"] == 0
    made_since = await api.api.ledger.fetch(
        "SELECT made_by FROM hermodr.api_keys WHERE project_id = $1 AND revoked_at IS NULL", api.project_id
    )
    assert not {row["made_by"] for row in made_since} & {str(each) for each in made}


async def test_keys_that_rotate_each_other_wait_in_turn(api: ApiUnderTest) -> None:
    first, second = [(await api.http.post(URL, json={"scopes": ["admin"]})).json() for _ in range(2)]

    async def rotated(key_id: str, by: str) -> None:
        actor, day = audit.Actor("key", by), timedelta(days=1)
        async with api.api.ledger.transaction() as transaction:
            assert await keys.rotate(transaction, api.project_id, UUID(key_id), day, None, actor) is not None

    await asyncio.gather(rotated(first["id"], second["id"]), rotated(second["id"], first["id"]))


async def test_a_key_that_another_process_still_believes_makes_no_other(
    database_url: str, api: ApiUnderTest
) -> None:
    made = (await api.http.post(URL, json={"scopes": ["admin"]})).json()
    old = (await api.http.post(URL, json={"scopes": ["read"]})).json()
    async with api_over(database_url) as elsewhere, client_of(elsewhere.api, made["key"]) as client:
        assert (await client.get(URL)).status_code == 200
        assert (await api.http.delete(f"{URL}/{made['id']}")).status_code == 204
        assert (await client.get(URL)).status_code == 200, "believed for some seconds"
        problem(await client.post(f"{URL}/{old['id']}/rotate", json={}), 401, "unauthenticated")
        problem(await client.get(URL), 401, "unauthenticated")
    assert (await api.http.get(f"{URL}/{old['id']}")).json()["expires_at"] is None
