import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings
from hermodr_ledger.access import keys
from tests.support.api import DEAD_BROKER, MAIL, SECRET, ApiUnderTest, client_of, problem, token_of


async def test_a_user_is_of_the_project_by_name_or_by_id(api: ApiUnderTest) -> None:
    made = await keys.create(api.api.ledger, "a shop of users", ["read"])
    for project in ("a shop of users", str(made.record.project_id)):
        caller = await api.api.authenticator.user(token_of("ada", project))
        assert (caller.project_id, caller.user_id) == (made.record.project_id, "ada")
        assert (caller.actor.kind, caller.actor.id) == ("user", "ada")


@pytest.mark.parametrize(
    ("project", "claims"), [("nobody's", {}), ("", {}), (None, {"exp": 1}), (None, {"aud": "others"})]
)
async def test_who_is_not_believed_is_told_why(
    api: ApiUnderTest, project: str | None, claims: dict[str, object]
) -> None:
    token = token_of("ada", str(api.project_id) if project is None else project, claims=claims)
    async with client_of(api.api, token) as client:
        refused = problem(await client.get("/v1/recipients"), 401, "unauthenticated")
    assert "token" in refused["detail"]
    assert token not in refused["detail"]


async def test_users_send_nothing_and_manage_nothing(api: ApiUnderTest) -> None:
    ada = api.user("ada")
    problem(await ada.post("/v1/notifications", json=MAIL), 403, "forbidden")
    problem(await ada.post("/v1/notifications/bulk", json=[MAIL]), 403, "forbidden")
    problem(await ada.get("/v1/templates"), 403, "forbidden")
    problem(await ada.get("/v1/api-keys"), 403, "forbidden")
    assert await api.jobs() == 0


@pytest.mark.parametrize(
    "header", ["Bearer a.b.c", "Bearer a.b", "Basic YTpi", "Bearer ", "Bearer " + "a.b." * 4000]
)
async def test_nonsense_is_refused(api: ApiUnderTest, header: str) -> None:
    answer = await api.http.get("/v1/recipients", headers={"authorization": header})
    assert "Bearer" in answer.headers["www-authenticate"]
    problem(answer, 401, "unauthenticated")


async def test_without_a_secret_no_token_is_believed(database_url: str) -> None:
    api = Api(ApiSettings(database_url=database_url, amqp_url=DEAD_BROKER))
    api.authenticator.opened = True
    async with client_of(api, token_of("ada", "shop")) as client:
        refused = problem(await client.get("/v1/recipients"), 401, "unauthenticated")
    assert "signing key of its project" in refused["detail"]
    await api.close()


class KeyHost:
    """An identity provider on a port of its own; `answer` makes its response."""

    def __init__(self) -> None:
        self.answer: Callable[[], bytes] = lambda: b"{}"
        self.asked = 0
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.let_go.wait()
        body = self.answer()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        writer.close()


@asynccontextmanager
async def host() -> AsyncIterator[KeyHost]:
    made = KeyHost()
    server = await asyncio.start_server(made.serve, "127.0.0.1")
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    async with server:
        yield made
        made.let_go.set()


def _published(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    made = jwt.get_algorithm_by_name("ES256").to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": kid}


async def test_a_providers_key_opens_and_a_slow_provider_stops_no_key(database_url: str) -> None:
    signing = ec.generate_private_key(ec.SECP256R1())
    async with host() as provider:
        provider.answer = lambda: json.dumps({"keys": [_published(signing, "k1")]}).encode()
        settings = ApiSettings(
            database_url=database_url,
            amqp_url=DEAD_BROKER,
            jwks_url=provider.url,
            jwt_secret=SecretStr(SECRET),
        )
        api = Api(settings)
        api.authenticator.opened = True
        key = await keys.create(api.ledger, "of the provider", ["read"])
        claims = jwt.decode(token_of("ada", "of the provider"), options={"verify_signature": False})

        provider.let_go.clear()
        stuck = asyncio.create_task(api.authenticator.user(_sign(claims, signing, "k1")))
        async with client_of(api, key.secret) as machine:
            assert (await machine.get("/v1/recipients")).status_code == 200
        assert not stuck.done()
        provider.let_go.set()
        assert (await stuck).user_id == "ada"

        other = ec.generate_private_key(ec.SECP256R1())
        async with client_of(api, _sign(claims, other, "k1")) as forger:
            problem(await forger.get("/v1/recipients"), 401, "unauthenticated")
        assert provider.asked == 1
        await api.close()


def _sign(claims: dict[str, Any], key: ec.EllipticCurvePrivateKey, kid: str) -> str:
    return jwt.encode(claims, key, "ES256", headers={"kid": kid})


async def test_a_dead_provider_is_a_503_for_users_alone(database_url: str) -> None:
    settings = ApiSettings(
        database_url=database_url, amqp_url=DEAD_BROKER, jwks_url="http://127.0.0.1:1/keys"
    )
    api = Api(settings)
    api.authenticator.opened = True
    claims = {"sub": "a", "project": "shop"}
    token = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "k"})
    async with client_of(api, token) as user:
        answer = await user.get("/v1/recipients")
        problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"]
    await api.close()


async def test_metadata_is_the_applications(api: ApiUnderTest) -> None:
    """Of a user's own jobs they see how they fare, not what the application noted."""
    sent = await api.http.post("/v1/notifications", json=MAIL | {"metadata": {"margin": 17}})
    job_id = sent.json()["job_id"]
    await api.api.ledger.fetch("UPDATE hermodr.jobs SET owner_id = 'ada' WHERE id = $1", job_id)
    ada = api.user("ada")
    for path in (
        f"/v1/jobs/{job_id}",
        f"/v1/jobs/{job_id}/timeline",
        "/v1/jobs",
        "/v1/jobs?include=metadata,result",
    ):
        answer = await ada.get(path)
        assert answer.status_code == 200
        assert job_id in answer.text
        assert "margin" not in answer.text, path
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["job"]["metadata"] == {"margin": 17}
    assert "margin" in (await api.http.get("/v1/jobs?include=metadata")).text
