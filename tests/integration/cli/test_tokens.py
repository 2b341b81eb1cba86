"""`hermodr tokens create`: the api believes what it makes, by a key of the user's project."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import jwt
import pytest_asyncio

from hermodr_ledger.access import audit, signing_keys, trust
from hermodr_ledger.access.signing_keys import MOST_KEYS, Material
from tests.support.api import DEAD_BROKER, SECRET, WEBHOOK_KEY, ApiUnderTest, api_over, client_of
from tests.support.shell import Shell

CREATE = ("tokens", "create", "--user", "ada", "--project")


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """Nothing but the projects' own keys counts."""
    async with api_over(database_url, jwt_secret=None) as under_test:
        yield under_test


def shell(database_url: str, **variables: str) -> Shell:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    places = {"HERMODR_DATABASE_URL": database_url, "HERMODR_AMQP_URL": DEAD_BROKER}
    return Shell(kept | places | (variables or {"HERMODR_SECRET_KEY": WEBHOOK_KEY}))


async def look(api: ApiUnderTest, token: str) -> httpx.Response:
    async with client_of(api.api, token.strip()) as user:
        return await user.get("/v1/recipients")


def kid(token: str) -> UUID:
    return UUID(jwt.get_unverified_header(token.strip())["kid"])


async def test_the_first_token_makes_a_key_and_later_ones_use_it(
    api: ApiUnderTest, database_url: str
) -> None:
    tokens = [await shell(database_url).run(*CREATE, str(api.project_id)) for _ in range(2)]
    for token in tokens:
        assert (await look(api, token)).status_code == 200
    assert kid(tokens[0]) == kid(tokens[1])
    (made,) = (await api.http.get("/v1/projects/me/signing-keys")).json()["data"]
    assert made["id"] == str(kid(tokens[0]))
    await api.http.delete(f"/v1/projects/me/signing-keys/{made['id']}")
    assert (await look(api, tokens[0])).status_code == 401
    again = await shell(database_url).run(*CREATE, str(api.project_id))
    api.api.authenticator.forget_users()
    assert (await look(api, again)).status_code == 200


async def test_it_keeps_to_the_rules_of_the_project(api: ApiUnderTest, database_url: str) -> None:
    rules = {"lifetime": "2h", "issuer": "https://shop/", "audience": "shop"}
    await api.http.patch("/v1/projects/me/token-rules", json=rules)
    project = str(api.project_id)
    await shell(database_url).run(*CREATE, project, status=1)
    assert (
        await look(api, await shell(database_url).run(*CREATE, project, "--hours", "2"))
    ).status_code == 200
    await shell(database_url).run(*CREATE, "nobody's", status=1)


async def test_with_nothing_but_the_shared_secret_it_signs_with_that(database_url: str) -> None:
    async with api_over(database_url) as api:
        token = await shell(database_url, HERMODR_JWT_SECRET=SECRET).run(*CREATE, str(api.project_id))
        assert "kid" not in jwt.get_unverified_header(token.strip())
        assert (await look(api, token)).status_code == 200


async def test_where_keys_cannot_be_derived_it_says_so(api: ApiUnderTest, database_url: str) -> None:
    await shell(database_url, HERMODR_ENV="production").run(*CREATE, str(api.project_id), status=1)


async def test_it_passes_over_keys_that_end_or_are_public(api: ApiUnderTest, database_url: str) -> None:
    async with api.api.ledger.transaction() as transaction:
        old = await signing_keys.create(transaction, api.project_id, "", Material(), audit.CLI)
        new = await signing_keys.rotate(
            transaction, api.project_id, old.id, timedelta(hours=1), Material(), audit.CLI
        )
        public = Material("EdDSA", "-----BEGIN PUBLIC KEY-----")
        await signing_keys.create(transaction, api.project_id, "", public, audit.CLI)
    assert new is not None
    assert kid(await shell(database_url).run(*CREATE, str(api.project_id))) == new.id


async def test_a_project_full_of_other_keys_is_told(api: ApiUnderTest, database_url: str) -> None:
    public = Material("EdDSA", "-----BEGIN PUBLIC KEY-----")
    async with api.api.ledger.transaction() as transaction:
        for _ in range(MOST_KEYS):
            await signing_keys.create(transaction, api.project_id, "", public, audit.CLI)
    await shell(database_url).run(*CREATE, str(api.project_id), status=1)
    found = await trust.find(api.api.ledger, [str(api.project_id)])
    assert len(found[str(api.project_id)].keys) == MOST_KEYS
