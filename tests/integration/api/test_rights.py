"""Every route by every kind of caller, against the table of rights. A route without a line there fails here."""

from uuid import uuid4

import httpx
import pytest

from hermodr_ledger.access import operating
from tests.integration.api.test_every_route import Route, described, routes, sending, unchanged
from tests.support.api import ApiUnderTest, problem
from tests.support.possessions import OWNER, possessions
from tests.support.rights import CALLERS, Caller, rights

OPERATORS = "the operators"
NO_RIGHT = (401, 403)


def body_of(route: Route) -> object:
    return next(iter(route.bodies()))


async def test_every_route_has_its_line(api: ApiUnderTest) -> None:
    there = {(method, path) for method, path, _ in await described(api)}
    table = set(rights())
    assert not there - table, "tests/support/rights.py does not say who may call these"
    assert not table - there, "these routes are no more"


async def test_the_description_says_the_same(api: ApiUnderTest) -> None:
    for method, path, operation in await described(api):
        right = rights()[method, path]
        where = (method, path)
        scope = "admin" if right.scope == "operator" else right.scope
        assert f"scope `{scope}`" in operation["description"], where
        users = any("userToken" in each for each in operation["security"])
        assert users == (right.users != "-"), where


@pytest.mark.parametrize("kind", CALLERS)
async def test_a_key_does_what_its_scope_says_and_nothing_else(api: ApiUnderTest, kind: Caller) -> None:
    ids = await possessions(api)
    client = await key_of(api, kind)
    nobodys = {name: str(uuid4()) if "-" in value else value for name, value in ids.items()}
    refused = [each for each in await routes(api, ids) if not may(each, kind)]
    allowed = [each for each in await routes(api, nobodys) if may(each, kind)]
    assert len(refused) + len(allowed) == len(rights())
    async with unchanged(api, nothing_added=True):
        for route in refused:
            answer = await client.request(route.method, route.url(), **sending(body_of(route)))
            assert answer.status_code == 403, (kind, route.method, route.path, answer.text)
    for route in allowed:
        answer = await client.request(route.method, route.url(), **sending(body_of(route)))
        assert answer.status_code < 500, (route.method, route.path, answer.text)
        assert answer.status_code not in NO_RIGHT, (kind, route.method, route.path, answer.text)


async def key_of(api: ApiUnderTest, kind: Caller) -> httpx.AsyncClient:
    if kind != "operator":
        return await api.caller([kind])
    await operating.appoint(api.api.ledger, OPERATORS)
    return await api.caller(["admin"], OPERATORS)


def may(route: Route, kind: Caller) -> bool:
    needed = rights()[route.method, route.path].scope
    return kind == "operator" or kind == needed or (kind == "admin" and needed != "operator")


REFUSALS = {
    "-": "not for end users",
    "asked": "the application asked for this job",
    "declared": "users=True",
}


async def test_an_end_user_does_what_the_table_says_and_nothing_else(api: ApiUnderTest) -> None:
    """With a token of the owner of all these things, none of which the owner asked for."""
    tried = [(each, rights()[each.method, each.path]) for each in await routes(api, await possessions(api))]
    user = api.user(OWNER)
    async with unchanged(api, nothing_added=True):
        for route, right in tried:
            if right.users in ("own", "code"):
                continue
            answer = await user.request(route.method, route.url(), **sending(body_of(route)))
            assert REFUSALS[right.users] in problem(answer, 403, "forbidden")["detail"], (
                route.method,
                route.path,
            )
    for route, right in sorted(tried, key=lambda each: each[0].method == "delete"):
        if right.users == "code":  # none was sent
            problem(await user.post(route.url(), json={"code": "062914"}), 409, "conflict")
        if right.users == "own":
            body: object = (
                None if route.method == "get" else {"preferences": []} if route.method == "put" else {}
            )
            if route.path.startswith("/v1/inbox"):
                body = body_of(route)
            answer = await user.request(route.method, route.url(), **sending(body))
            assert answer.status_code in (200, 202, 204), (route.method, route.path, answer.text)


async def test_nobody_gets_nowhere(api: ApiUnderTest) -> None:
    """But where the table has no line: those routes ask for nothing."""
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    free = {
        path for path, operations in paths.items() for each in operations.values() if not each["security"]
    }
    assert free == {"/", "/health", "/health/broker", "/v1/files/{token}", "/v1/providers/{provider}/events"}
