import hashlib

from hermodr_ledger.access import keys
from tests.support.api import MAIL, ApiUnderTest, client_of, problem

URL = "/v1/api-keys"


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
