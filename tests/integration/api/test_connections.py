"""`/v1/connections`, against the real PostgreSQL."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import trustme
from pydantic import SecretStr

from hermodr_ledger.connections import kept, reaching
from hermodr_ledger.engine.paging import Page
from hermodr_servicekit.guard.addresses import networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.sealing import Sealer, Unsealable
from tests.support.api import CONNECTION, WEBHOOK_KEY, ApiUnderTest, api_over, problem, resolved
from tests.support.tls_relays import relayed

HERE = networks("127.0.0.0/8")


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """It may reach this machine."""
    async with api_over(database_url) as under_test:
        under_test.api.connections.reach = partial(reaching.attempt, Guard(HERE, resolved))
        yield under_test


@pytest.fixture
def database(database_url: str) -> dict[str, Any]:
    """What leads to the tests' own server."""
    place = urlsplit(database_url)
    return {
        "name": "ours",
        "host": place.hostname,
        "port": place.port,
        "database": place.path.strip("/"),
        "user": unquote(place.username or ""),
        "password": unquote(place.password or ""),
    }


async def made(api: ApiUnderTest, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = await api.http.post("/v1/connections", json=wanted)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def flaw_of(body: dict[str, Any]) -> str:
    (flaw,) = body["errors"]
    return str(flaw["loc"][-1])


async def test_a_connection_from_its_creation_to_its_end(api: ApiUnderTest, database: dict[str, Any]) -> None:
    created = await made(api, database | {"owner": "ada"})
    assert {name: created[name] for name in database if name != "password"} == {
        name: value for name, value in database.items() if name != "password"
    }
    assert (created["sslmode"], created["owner"]) == ("prefer", "ada")
    at = f"/v1/connections/{created['id']}"
    assert (await api.http.get(at)).json() == created
    assert (await api.http.get("/v1/connections")).json()["data"] == [created]
    changed = (await api.http.patch(at, json={"name": "theirs", "owner": None})).json()
    assert (changed["name"], changed["owner"], changed["host"]) == ("theirs", None, database["host"])
    assert (await api.http.delete(at)).status_code == 204
    problem(await api.http.get(at), 404, "not-found")
    lines = (await api.http.get("/v1/audit-log", params={"subject": created["id"]})).json()["data"]
    assert sorted(each["action"] for each in lines) == [
        "connection.change",
        "connection.create",
        "connection.delete",
    ]


async def test_the_password_is_nowhere(api: ApiUnderTest, database: dict[str, Any]) -> None:
    wanted = database | {"sslmode": "disable"}
    answer = await api.http.post("/v1/connections", json=wanted, headers={"idempotency-key": "one"})
    again = await api.http.post("/v1/connections", json=wanted, headers={"idempotency-key": "one"})
    assert (answer.status_code, again.json()) == (201, answer.json())
    rows = await api.api.ledger.fetch(
        "SELECT c::text AS row FROM hermodr.connections c UNION ALL SELECT k::text FROM hermodr.idempotency_keys k"
    )
    texts = [answer.text, (await api.http.get("/v1/connections")).text, *(row["row"] for row in rows)]
    assert len(rows) >= 2
    assert not [text for text in texts if database["password"] in text]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": "not this one"}, "user"),
        ({"user": "nobody-of-that-name"}, "user"),
        ({"database": "no-such-database"}, "database"),
        ({"port": 1}, "host"),
        ({"sslmode": "require"}, "sslmode"),
        ({"sslmode": "verify-full"}, "sslmode"),
        ({"host": "db.internal"}, "host"),
        ({"host": "10.0.0.1"}, "host"),
        ({"host": "::1"}, "host"),
        ({"host": "2130706433"}, "host"),
        ({"host": "/var/run/postgresql"}, "host"),
        ({"host": "db.example.com,10.0.0.1"}, "host"),
    ],
)
async def test_what_lets_nobody_in_is_not_kept(
    api: ApiUnderTest, database: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    refused = problem(await api.http.post("/v1/connections", json=database | wrong), 422, "invalid-request")
    assert flaw_of(refused) == field
    assert database["password"] not in str(refused)
    assert (await api.http.get("/v1/connections")).json()["data"] == []
    at = f"/v1/connections/{(await made(api, database))['id']}"
    changed = await api.http.patch(at, json={"password": database["password"]} | wrong)
    assert flaw_of(problem(changed, 422, "invalid-request")) == field


@pytest.mark.parametrize(
    "change", [{"host": "db.example.com"}, {"port": 5433}, {"user": "x"}, {"sslmode": "disable"}]
)
async def test_a_password_is_sent_only_where_it_was_given_for(
    api: ApiUnderTest, database: dict[str, Any], change: dict[str, Any]
) -> None:
    """Else whoever may change a connection would read its password at a server of their own."""
    at = f"/v1/connections/{(await made(api, database))['id']}"
    refused = problem(await api.http.patch(at, json=change), 422, "invalid-request")
    assert flaw_of(refused) == "password"
    column = {"user": "username"}.get(*change, *change)
    (value,) = change.values()
    await api.api.ledger.fetch(f"UPDATE hermodr.connections SET {column} = $1", value)
    (moved,) = await kept.page(api.api.ledger.cold, kept.Whose(api.project_id), Page(1))
    with pytest.raises(Unsealable):
        kept.login_of(Sealer(WEBHOOK_KEY), moved)
    assert problem(await api.http.patch(at, json={"name": "x"}), 409, "conflict")["detail"].endswith("again")


async def test_keys_are_replaced(database_url: str, database: dict[str, Any]) -> None:
    old, new = WEBHOOK_KEY, "another-key-that-passwords-are-sealed-with"
    async with api_over(database_url) as api:
        at = f"/v1/connections/{(await made(api, database))['id']}"
        async with api_over(database_url, secret_key=SecretStr(f"{new} {old}")) as later:
            later.http.headers.update(api.http.headers)
            assert (await later.http.patch(at, json={"name": "sealed anew"})).status_code == 200
        (row,) = await kept.page(api.api.ledger.cold, kept.Whose(api.project_id), Page(1))
        assert kept.login_of(Sealer(new), row).password == database["password"]


async def test_owners_see_theirs_and_change_nothing(api: ApiUnderTest, database: dict[str, Any]) -> None:
    theirs, others = await made(api, database | {"owner": "ada"}), await made(api, database)
    ada = api.user("ada")
    assert (await ada.get("/v1/connections")).json()["data"] == [theirs]
    assert (await ada.get(f"/v1/connections/{theirs['id']}")).json() == theirs
    problem(await ada.get(f"/v1/connections/{others['id']}"), 404, "not-found")
    problem(await ada.patch(f"/v1/connections/{theirs['id']}", json={"name": "x"}), 403, "forbidden")
    problem(await ada.delete(f"/v1/connections/{theirs['id']}"), 403, "forbidden")


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 65536},
        {"port": "5432"},
        {"port": 10**30},
        {"database": "ä" * 32},
        {"user": "a\0b"},
        {"password": ""},
        {"password": None},
        {"name": None},
        {"sslmode": "allow"},
        {"options": "-c x"},
        {"owner": ""},
    ],
)
async def test_bad_fields_are_named(api: ApiUnderTest, wrong: dict[str, Any]) -> None:
    refused = await api.http.post("/v1/connections", json=CONNECTION | wrong)
    body = refused.json()
    assert refused.status_code in (400, 422), refused.text
    assert next(iter(wrong)) in str(body)
    assert CONNECTION["password"] not in str(body)


async def test_there_are_only_so_many(api: ApiUnderTest, database: dict[str, Any]) -> None:
    await made(api, database)
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.connections"
        " SELECT hermodr.new_id(now()), project_id, name, host, port, database, username, sealed_password, sslmode"
        " FROM hermodr.connections, generate_series(2, $2::int) WHERE project_id = $1",
        api.project_id,
        kept.MOST_CONNECTIONS,
    )
    problem(await api.http.post("/v1/connections", json=database), 409, "conflict")


async def test_without_a_key_nothing_is_kept(database_url: str) -> None:
    async with api_over(database_url, secret_key=None) as api:
        problem(await api.http.post("/v1/connections", json=CONNECTION), 409, "conflict")


async def test_a_servers_certificate_counts_as_the_sslmode_says(
    api: ApiUnderTest,
    database_url: str,
    database: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, stranger = trustme.CA(), trustme.CA()
    known.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    whole = {"require", "prefer"}
    for authority, name, taken in (
        (known, "127.0.0.1", whole | {"verify-full"}),
        (known, "db.example.com", whole),
        (stranger, "127.0.0.1", whole),
    ):
        async with relayed(database_url, authority, name) as (url, spoken):
            for sslmode in ("require", "prefer", "verify-full"):
                wanted = database | {"port": urlsplit(url).port, "sslmode": sslmode}
                before = len(spoken)
                answer = await api.http.post("/v1/connections", json=wanted)
                if sslmode in taken:
                    assert answer.status_code == 201, (sslmode, answer.text)
                    assert len(spoken) == before + 1
                else:
                    assert flaw_of(problem(answer, 422, "invalid-request")) == "sslmode"
            bare = database | {"port": urlsplit(url).port, "sslmode": "disable"}
            assert flaw_of(problem(await api.http.post("/v1/connections", json=bare), 422, "invalid-request"))


async def test_who_wants_tls_is_not_let_into_a_server_without(
    api: ApiUnderTest, database: dict[str, Any]
) -> None:
    for sslmode in ("require", "verify-full"):
        answer = await api.http.post("/v1/connections", json=database | {"sslmode": sslmode})
        assert flaw_of(problem(answer, 422, "invalid-request")) == "sslmode"
    await made(api, database | {"sslmode": "prefer"})
