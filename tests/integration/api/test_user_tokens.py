"""Keys that tokens of end users are signed with, rules for tokens, and tokens that are revoked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import SecretStr

from hermodr_api.access.users import BELIEVED_SECONDS
from hermodr_api.settings import ApiSettings
from hermodr_ledger.access import keys, signing_keys
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.token_signing import TokenSecrets
from tests.support.api import (
    SECRET,
    WEBHOOK_KEY,
    ApiUnderTest,
    api_over,
    client_of,
    problem,
    token_of,
)
from tests.support.clocks import FakeClock

URL = "/v1/projects/me/signing-keys"
RULES = "/v1/projects/me/token-rules"
REVOKED = "/v1/projects/me/revoked-users"
INVALID = "invalid-request"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


async def made(api: ApiUnderTest, **fields: object) -> dict[str, Any]:
    answer = await api.http.post(URL, json=fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def signed(project: object, key: Any, kid: str | None, algorithm: str = "HS256", **claims: Any) -> str:
    now = datetime.now(UTC)
    usual = {"sub": "ada", "project": str(project), "iat": now, "exp": now + timedelta(minutes=10)}
    named = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(named, key, algorithm, headers={"kid": kid} if kid is not None else None)


async def look(api: ApiUnderTest, token: str) -> httpx.Response:
    async with client_of(api.api, token) as user:
        return await user.get("/v1/recipients")


async def refusal(api: ApiUnderTest, token: str) -> str:
    told: str = problem(await look(api, token), 401, "unauthenticated")["detail"]
    assert token not in told
    return told


@asynccontextmanager
async def alone(database_url: str, **more: Any) -> AsyncIterator[ApiUnderTest]:
    """Nothing but the projects' own keys counts, unless `more` says so."""
    async with api_over(database_url, **({"jwt_secret": None} | more)) as api:
        yield api


async def test_a_projects_secret_signs_for_its_users_alone(database_url: str) -> None:
    async with alone(database_url) as api:
        key = await made(api, name="backend")
        assert key["secret"].startswith("hsk_")
        assert (await look(api, signed(api.project_id, key["secret"], key["id"]))).status_code == 200
        other = await keys.create(api.api.ledger, "a neighbour", ["admin"])
        for project in (other.record.project_id, "a neighbour"):
            told = await refusal(api, signed(project, key["secret"], key["id"]))
            assert "kid" in told
        async with client_of(api.api, other.secret) as neighbour:
            theirs = (await neighbour.post(URL, json={})).json()
        await refusal(api, signed(api.project_id, theirs["secret"], theirs["id"]))
        await refusal(api, signed(api.project_id, theirs["secret"], key["id"]))
        await refusal(api, signed(api.project_id, key["secret"], None))
        await refusal(api, signed(api.project_id, SECRET, None))


async def test_who_cannot_sign_learns_nothing_of_projects(database_url: str) -> None:
    async with alone(database_url) as api:
        kid = str(new_id())
        known = await refusal(api, signed(api.project_id, SECRET, kid))
        assert known == await refusal(api, signed("nobody's", SECRET, kid))


@pytest.mark.parametrize(("private", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
async def test_a_public_key_verifies_its_own_algorithm_alone(
    database_url: str, private: Any, algorithm: str
) -> None:
    async with alone(database_url) as api:
        key = await made(api, public_key=pem(private))
        assert (key["algorithm"], key["secret"], key["public_key"]) == (algorithm, None, pem(private))
        assert (await look(api, signed(api.project_id, private, key["id"], algorithm))).status_code == 200
        others = {"RS256": RSA, "ES256": EC, "EdDSA": ED}
        for name, another in others.items():
            if name != algorithm:
                await refusal(api, signed(api.project_id, another, key["id"], name))
        # the classic confusion: what everybody may know, taken for an HMAC secret
        text = jwt.encode(
            {"sub": "ada", "project": str(api.project_id), "exp": 1}, SECRET, headers={"kid": key["id"]}
        ).rpartition(".")[0]
        hmac = jwt.get_algorithm_by_name("HS256")
        forged = hmac.sign(text.encode(), pem(private).encode())
        await refusal(api, f"{text}.{jwt.utils.base64url_encode(forged).decode()}")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "no key",
        "\x00",
        pem(rsa.generate_private_key(65537, 1024)),
        pem(ec.generate_private_key(ec.SECP384R1())),
        ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "x" * 9000,
        7,
    ],
)
async def test_what_is_no_public_key_is_refused(api: ApiUnderTest, key: object) -> None:
    refused = problem(await api.http.post(URL, json={"public_key": key}), 422, INVALID)
    assert refused["errors"][0]["loc"][:2] == ["body", "public_key"]
    assert "PRIVATE" not in str(refused)


async def test_the_secret_is_shown_once_and_stored_nowhere(api: ApiUnderTest) -> None:
    header = {"idempotency-key": "s-1"}
    key = (await api.http.post(URL, json={"name": "x"}, headers=header)).json()
    again = await api.http.post(URL, json={"name": "x"}, headers=header)
    assert again.json() == key | {"secret": None}
    assert "secret" not in (await api.http.get(f"{URL}/{key['id']}")).json()
    (listed,) = (await api.http.get(URL)).json()["data"]
    assert listed == {name: value for name, value in key.items() if name != "secret"}
    rows = await api.api.ledger.fetch(
        "SELECT k::text AS row FROM hermodr.signing_keys k WHERE id = $1", UUID(key["id"])
    )
    assert key["secret"].removeprefix("hsk_") not in rows[0]["row"]
    answers = await api.api.ledger.fetch("SELECT response FROM hermodr.idempotency_keys")
    assert all(key["secret"].encode() not in row["response"] for row in answers)


async def test_keys_are_rotated_with_both_holding_and_revoked_at_once(database_url: str) -> None:
    async with alone(database_url) as api:
        old = await made(api, name="backend")
        new = (await api.http.post(f"{URL}/{old['id']}/rotate", json={})).json()
        assert (new["name"], new["expires_at"]) == ("backend", None)
        tokens = {key["id"]: signed(api.project_id, key["secret"], key["id"]) for key in (old, new)}
        for token in tokens.values():
            assert (await look(api, token)).status_code == 200
        shown = (await api.http.get(f"{URL}/{old['id']}")).json()
        ends = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
        assert timedelta(hours=23) < ends < timedelta(hours=25), "the longest lifetime of a token"
        await api.api.ledger.fetch(
            "UPDATE hermodr.signing_keys SET expires_at = now() WHERE id = $1", UUID(old["id"])
        )
        api.api.authenticator.forget_users()
        await refusal(api, tokens[old["id"]])
        problem(await api.http.post(f"{URL}/{old['id']}/rotate", json={}), 409, "conflict")
        assert (await api.http.delete(f"{URL}/{new['id']}")).status_code == 204
        assert (await api.http.delete(f"{URL}/{new['id']}")).status_code == 204
        await refusal(api, tokens[new["id"]])
        problem(await api.http.delete(f"{URL}/{new_id()}"), 404, "not-found")
        lines = (await api.http.get("/v1/audit-log", params={"actor": "key"})).json()["data"]
        told = [line["action"] for line in lines if line["action"].startswith("signing-key")]
        assert sorted(told) == ["signing-key.create", "signing-key.revoke", "signing-key.rotate"]


async def test_a_public_key_is_followed_by_a_public_key(api: ApiUnderTest) -> None:
    public, secret = await made(api, public_key=pem(ED)), await made(api)
    for key, body in ((public, {}), (secret, {"public_key": pem(EC)})):
        refused = problem(await api.http.post(f"{URL}/{key['id']}/rotate", json=body), 422, INVALID)
        assert refused["errors"][0]["loc"] == ["body", "public_key"]
    wanted = {"public_key": pem(EC), "overlap": "1h"}
    new = (await api.http.post(f"{URL}/{public['id']}/rotate", json=wanted)).json()
    assert (new["algorithm"], new["secret"]) == ("ES256", None)


async def test_a_project_has_so_many_keys(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "MOST_KEYS", 2)
    first, _ = await made(api), await made(api)
    problem(await api.http.post(URL, json={}), 409, "conflict")
    problem(await api.http.post(f"{URL}/{first['id']}/rotate", json={}), 409, "conflict")
    await api.http.delete(f"{URL}/{first['id']}")
    await made(api)


async def test_without_a_key_of_ours_only_public_keys_are_taken(database_url: str) -> None:
    async with alone(database_url, secret_key=None) as api:
        refused = problem(await api.http.post(URL, json={}), 409, "conflict")
        assert "HERMODR_SECRET_KEY" in refused["detail"]
        key = await made(api, public_key=pem(ED))
        assert (await look(api, signed(api.project_id, ED, key["id"], "EdDSA"))).status_code == 200


async def test_our_key_can_be_replaced(database_url: str) -> None:
    """`new old`: secrets of both verify, those of the new one are shown."""
    new, old = "n" * 40, WEBHOOK_KEY
    async with alone(database_url, secret_key=SecretStr(f"{new} {old}")) as api:
        key = await made(api)
        assert key["secret"] == TokenSecrets(new).secret(UUID(key["id"]))
        before = TokenSecrets(old).secret(UUID(key["id"]))
        for secret in (key["secret"], before):
            assert (await look(api, signed(api.project_id, secret, key["id"]))).status_code == 200
        told = await refusal(api, signed(api.project_id, key["secret"], key["id"], exp=1))
        assert "expired" in told
        await refusal(api, signed(api.project_id, "x" * 40, key["id"]))


async def test_the_shared_secret_is_the_operators_unless_it_is_shared(database_url: str) -> None:
    shared: dict[str, Any] = {"jwt_secret": SecretStr(SECRET)}
    async with api_over(database_url, **shared, jwt_shared=False) as api:
        token = token_of("ada", str(api.project_id))
        assert "kid" in await refusal(api, token)
        await api.operate()
        api.api.authenticator.forget_users()
        assert (await look(api, token)).status_code == 200
    async with api_over(database_url, **shared, jwt_shared=True) as api:
        assert (await look(api, token_of("ada", str(api.project_id)))).status_code == 200
        key = await made(api)
        assert (await look(api, signed(api.project_id, key["secret"], key["id"]))).status_code == 200


@pytest.mark.parametrize(("env", "shared"), [("development", True), ("production", False)])
def test_only_in_development_it_is_shared_by_default(
    env: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {
        "env": env,
        "database_url": "postgresql://x/y",
        "amqp_url": "amqp://x/",
        "email_providers": "smtp://x",
        "email_from": "a@example.com",
        "secret_key": SecretStr(WEBHOOK_KEY),
        "link_secret": SecretStr(WEBHOOK_KEY),
    }
    assert ApiSettings(**given).tokens_shared is shared


async def test_a_token_holds_for_a_day_unless_the_project_says_otherwise(api: ApiUnderTest) -> None:
    assert (await api.http.get(RULES)).json() == {"lifetime": "24h", "issuer": None, "audience": None}
    key = await made(api)
    now = datetime.now(UTC)

    def token(**claims: Any) -> str:
        return signed(api.project_id, key["secret"], key["id"], **claims)

    day = timedelta(hours=24)
    assert (await look(api, token(iat=now, exp=now + day))).status_code == 200
    assert (await look(api, token(iat=None, exp=now + day))).status_code == 200
    too_long: tuple[dict[str, Any], ...] = (
        {"iat": now, "exp": now + day + timedelta(seconds=2)},
        {"iat": None, "exp": now + day + timedelta(minutes=1)},
    )
    for claims in too_long:
        assert "at most 24 h" in await refusal(api, token(**claims))
    ahead = now + timedelta(minutes=2)
    assert "iat" in await refusal(api, token(iat=ahead, exp=ahead + day))
    changed = await api.http.patch(RULES, json={"lifetime": "30m"})
    assert changed.json()["lifetime"] == "30m"
    assert "at most 0.5 h" in await refusal(api, token(iat=now, exp=now + timedelta(hours=1)))
    await api.http.patch(RULES, json={"lifetime": "7d"})
    assert (await look(api, token(iat=now, exp=now + 6 * day))).status_code == 200
    await api.http.patch(RULES, json={"lifetime": None})
    assert "at most 24 h" in await refusal(api, token(iat=now, exp=now + 6 * day))


async def test_issuer_and_audience_are_the_projects_else_the_installations(database_url: str) -> None:
    given: dict[str, Any] = {"jwt_issuer": "https://house/", "jwt_audience": "house"}
    async with api_over(database_url, **given) as api:
        key = await made(api)

        async def takes(**claims: Any) -> bool:
            answer = await look(api, signed(api.project_id, key["secret"], key["id"], **claims))
            assert answer.status_code in (200, 401)
            return answer.is_success

        assert await takes(iss="https://house/", aud="house")
        assert not await takes(iss="https://shop/", aud="shop")
        rules = {"issuer": "https://shop/", "audience": "shop"}
        assert (await api.http.patch(RULES, json=rules)).json() == {"lifetime": "24h", **rules}
        assert await takes(iss="https://shop/", aud=["x", "shop"])
        assert not await takes(iss="https://house/", aud="house")
        assert not await takes(iss="https://shop/")
        assert (await api.http.patch(RULES, json={})).json() == {"lifetime": "24h", **rules}
        (line,) = (await api.http.get("/v1/audit-log", params={"action": "token-rules.change"})).json()[
            "data"
        ]
        assert line["detail"] == {"token_issuer": "https://shop/", "token_audience": "shop"}


@pytest.mark.parametrize(
    "rules",
    [
        {"lifetime": "0s"},
        {"lifetime": 5},
        {"lifetime": "400d"},
        {"issuer": ""},
        {"audience": "a\nb"},
        {"x": 1},
    ],
)
async def test_rules_that_make_no_sense_are_refused(api: ApiUnderTest, rules: dict[str, object]) -> None:
    problem(await api.http.patch(RULES, json=rules), 422, INVALID)


async def test_revoked_tokens_are_refused_and_later_ones_are_not(api: ApiUnderTest) -> None:
    key = await made(api)

    def token(user: str = "ada", **claims: Any) -> str:
        return signed(api.project_id, key["secret"], key["id"], sub=user, **claims)

    before, undated, bobs = token(), token(iat=None), token("bob")
    assert (await look(api, before)).status_code == 200
    answer = await api.http.post(REVOKED, json={"user_id": "ada"})
    assert answer.status_code == 201
    at = datetime.fromisoformat(answer.json()["revoked_at"])
    assert at.microsecond == 0
    assert "revoked" in await refusal(api, before)
    assert "revoked" in await refusal(api, undated)
    assert "revoked" in await refusal(api, token(iat=at - timedelta(seconds=1)))
    assert (await look(api, token(iat=at))).status_code == 200
    assert (await look(api, bobs)).status_code == 200
    assert (await look(api, token("bob", iat=None))).status_code == 200
    again = datetime.fromisoformat(
        (await api.http.post(REVOKED, json={"user_id": "ada"})).json()["revoked_at"]
    )
    assert again >= at
    await api.http.post(REVOKED, json={"user_id": "ludwig"})  # a name that no hash in hexadecimal can hold
    rows = await api.api.ledger.fetch("SELECT u::text AS row FROM hermodr.revoked_users u")
    assert all("ludwig" not in row["row"] for row in rows)


async def test_who_is_revoked_in_one_process_is_so_in_another_within_seconds(database_url: str) -> None:
    clock = FakeClock()
    clock.advance((datetime.now(UTC) - clock.now()).total_seconds())
    async with api_over(database_url) as one, api_over(database_url, clock=clock) as other:
        key = await made(one)
        await made(other)
        ada, bob = (signed(one.project_id, key["secret"], key["id"], sub=name) for name in ("ada", "bob"))
        await one.http.post(REVOKED, json={"user_id": "zoe"})  # so that each user is asked for
        for token in (ada, bob):
            assert (await look(other, token)).status_code == 200
        await one.http.post(REVOKED, json={"user_id": "ada"})
        await one.http.delete(f"{URL}/{key['id']}")
        await refusal(one, ada)
        clock.advance(BELIEVED_SECONDS)
        for token in (ada, bob):
            await refusal(other, token)


async def test_revoking_tells_the_audit_log_whom_by_their_recipient(api: ApiUnderTest) -> None:
    known = await api.recipient(user_id="ada")
    for user in ("ada", "nobody"):
        assert (await api.http.post(REVOKED, json={"user_id": user})).status_code == 201
    lines = (await api.http.get("/v1/audit-log", params={"action": "user.revoke"})).json()["data"]
    assert [line["subject"] for line in lines] == [known["id"], None]
    for wrong in ({}, {"user_id": ""}, {"user_id": "a\u0000"}, {"user_id": 7}, {"user_id": "x" * 201}):
        problem(await api.http.post(REVOKED, json=wrong), 422, INVALID)


async def test_only_admins_keep_keys_and_rules(api: ApiUnderTest) -> None:
    key = await made(api)
    for caller in (await api.caller(["send", "read", "manage"]), api.user("ada")):
        for method, path in (
            ("GET", URL),
            ("POST", URL),
            ("GET", f"{URL}/{key['id']}"),
            ("POST", f"{URL}/{key['id']}/rotate"),
            ("DELETE", f"{URL}/{key['id']}"),
            ("GET", RULES),
            ("PATCH", RULES),
            ("POST", REVOKED),
        ):
            problem(await caller.request(method, path, json={}), 403, "forbidden")
