"""Every route of the description, tried by those whose business it is not, with real ids of everything there is.

They find nothing and change nothing. A new route is tried by itself; one with an id that `possessions` does not have
fails here until it has one.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from hermodr_ledger.access.keys import Scope
from tests.support.api import ApiUnderTest, client_of, token_of
from tests.support.possessions import MARK, OWNER, possessions

METHODS = ("get", "put", "patch", "post", "delete")
SHARED = {"channel": "email", "version": "1", "provider": "smtp", "token": "of-no-file"}
"""What belongs to no project, or is nothing without the id before it."""
NEIGHBOUR = "a project of a neighbour"
_SEEN = frozenset({"accepted_days", "api_key_uses", "rate_buckets", "service_heartbeats", "schema_version"})


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: Mapping[str, Any]
    ids: Mapping[str, str]

    @property
    def callers(self) -> set[str]:
        return {name for way in self.operation["security"] for name in way}

    @property
    def names(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def url(self) -> str:
        return self.path.format(**self.ids)

    def queries(self) -> Iterator[dict[str, str]]:
        """None, and each filter with something that is there."""
        yield {}
        for parameter in self.operation.get("parameters", ()):
            if parameter["in"] == "query" and parameter["name"] in self.ids:
                yield {parameter["name"]: self.ids[parameter["name"]]}

    def bodies(self) -> Iterator[Any]:
        """The example, and the one about somebody else's things. Bytes are CSV."""
        contents = self.operation.get("requestBody", {}).get("content", {})
        content = contents.get("application/json")
        if content is None:
            yield contents["text/csv"]["example"].encode() if "text/csv" in contents else None
            return
        example = content.get("example", {})
        yield example
        yield _about(example, self.ids)


def sending(body: Any) -> dict[str, Any]:
    """The arguments of a request."""
    if isinstance(body, bytes):
        return {"content": body, "headers": {"content-type": "text/csv"}}
    return {"json": body} if body is not None else {}


def _about(example: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(example, list):
        return [_about(each, ids) for each in example]
    if not isinstance(example, dict):
        return example
    changed = {name: _about(value, ids) for name, value in example.items()}
    foreign = {name: value for name, value in ids.items() if MARK not in value and name not in SHARED}
    changed |= {name: foreign[name] for name in example if name in foreign}
    if isinstance(example.get("to"), dict):
        changed["to"] = {"recipient_id": ids["recipient_id"]}
    return changed


async def described(api: ApiUnderTest) -> list[tuple[str, str, dict[str, Any]]]:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    return [
        (method, path, operations[method])
        for path, operations in paths.items()
        for method in METHODS
        if method in operations and operations[method]["security"]
    ]


async def routes(api: ApiUnderTest, ids: Mapping[str, str]) -> list[Route]:
    known = {**ids, **SHARED}
    found = [Route(method, path, operation, known) for method, path, operation in await described(api)]
    lacking = {f"{each.path}: {name}" for each in found for name in each.names if name not in known}
    assert not lacking, f"tests/support/possessions.py has nothing to try there: {sorted(lacking)}"
    return found


async def everything(api: ApiUnderTest) -> dict[str, set[str]]:
    """Every row of every table; those of the project are marked."""
    ledger = api.api.ledger
    tables = await ledger.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'hermodr'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    return {
        name: {row["row"] for row in await ledger.fetch(f"SELECT t::text AS row FROM hermodr.{name} t")}
        for table in tables
        if (name := table["relname"]) not in _SEEN
    }


@asynccontextmanager
async def unchanged(api: ApiUnderTest, *, nothing_added: bool) -> AsyncIterator[None]:
    """Existing rows stay as they are, but for the caller's own project; `nothing_added`: and the project gets no new
    ones."""
    before = await everything(api)
    yield
    after = await everything(api)
    for name, rows in before.items():
        gone = {row for row in rows - after[name] if name != "projects" or str(api.project_id) in row}
        assert not gone, (name, gone)
        if nothing_added:
            added = {row for row in after[name] - rows if str(api.project_id) in row}
            assert not added, (name, added)


def finds_nothing(route: Route, answer: httpx.Response, told: str) -> None:
    """Neither an id nor a text of those things, except what the caller `told` before."""
    where = (route.method, route.path, answer.status_code, answer.text[:500])
    assert answer.status_code < 500, where
    told += str(answer.request.url)
    for value in {*route.ids.values(), MARK}:
        assert value in SHARED.values() or value not in answer.text or value in told, where
    if any(name not in SHARED for name in route.names):
        assert answer.status_code in (401, 403, 404), where
        return
    listing = route.method == "get" and answer.is_success and "json" in answer.headers["content-type"]
    if listing and isinstance(answer.json().get("data"), list):
        assert not [each for each in answer.json()["data"] if MARK in str(each)], where


async def walk(client: httpx.AsyncClient, tried: list[Route]) -> list[tuple[Route, httpx.Response]]:
    """Everything a caller can try; reading comes first."""
    answers = []
    told = ""
    for route in sorted(tried, key=lambda each: each.method != "get"):
        for query in route.queries():
            for body in route.bodies():
                answer = await client.request(route.method, route.url(), params=query, **sending(body))
                told += answer.request.content.decode()
                finds_nothing(route, answer, told)
                answers.append((route, answer))
    return answers


async def test_the_things_are_real(api: ApiUnderTest) -> None:
    """Their owners find them, or the tests below would prove nothing."""
    await api.operate()
    tried = await routes(api, await possessions(api))
    owner = api.user(OWNER)
    found = 0
    for route in tried:
        if route.method == "get":
            whose = {"user_id": OWNER} if route.path.startswith("/v1/inbox") else {}
            if route.path != "/v1/inbox/stream":  # which is for users alone
                seen = await api.http.get(route.url(), params=whose)
                assert seen.status_code == 200, (route.path, seen.text)
                found += MARK in seen.text
            theirs = await owner.get(route.url())
            assert theirs.status_code == (200 if "userToken" in route.callers else 403), (
                route.path,
                theirs.text,
            )
    assert found >= 12


async def test_another_project_finds_nothing(api: ApiUnderTest) -> None:
    neighbour = await api.caller(["admin"], NEIGHBOUR)
    tried = await routes(api, await possessions(api))
    async with unchanged(api, nothing_added=True):
        answers = await walk(neighbour, tried)
    assert any(answer.is_success for _, answer in answers)


async def test_another_user_finds_nothing(api: ApiUnderTest) -> None:
    """But the names of the project's types, which every user of the project may have preferences about."""
    tried = await routes(api, await possessions(api))
    tried = [each for each in tried if not each.path.startswith("/v1/inbox/preferences")]
    async with unchanged(api, nothing_added=False):
        answers = await walk(api.user("mallory"), tried)
    for route, answer in answers:
        if "userToken" not in route.callers:
            assert answer.status_code == 403, (route.method, route.path, answer.text)


async def test_a_user_of_the_same_name_in_another_project_finds_nothing(api: ApiUnderTest) -> None:
    await api.caller(["read"], NEIGHBOUR)
    tried = await routes(api, await possessions(api))
    async with unchanged(api, nothing_added=True):
        await walk(api.user(OWNER, NEIGHBOUR), tried)


async def test_who_is_nobody_gets_nowhere(api: ApiUnderTest) -> None:
    tried = await routes(api, await possessions(api))
    expired = token_of(OWNER, str(api.project_id), {"exp": 1})
    for secret in (None, "hk_" + "x" * 43, expired):
        async with client_of(api.api, secret) as nobody, unchanged(api, nothing_added=True):
            for route, answer in await walk(nobody, tried):
                assert answer.status_code == 401, (route.method, route.path, answer.text)


async def test_a_key_without_the_scope_does_nothing(api: ApiUnderTest) -> None:
    tried = await routes(api, await possessions(api))
    scopes: tuple[Scope, ...] = ("send", "read", "manage")
    for scope in scopes:
        client = await api.caller([scope])
        for route in tried:
            needed = re.search(r"scope `(\w+)`", route.operation["description"])
            if needed is not None and needed[1] != scope:
                answer = await client.request(route.method, route.url())
                assert answer.status_code == 403, (scope, route.method, route.path, answer.text)


async def test_every_post_can_be_repeated(api: ApiUnderTest) -> None:
    await api.operate()
    done = 0
    for route in await routes(api, await possessions(api)):
        if route.method != "post":
            continue
        key = {"idempotency-key": f"every-{route.path}"}
        (body, *ours) = route.bodies()
        arguments = sending(body)
        arguments["headers"] = arguments.get("headers", {}) | key
        first = await api.http.post(route.url(), **arguments)
        if first.status_code == 422 and ours:  # the example is about somebody who is not here
            arguments["json"] = body = ours[0]
            first = await api.http.post(route.url(), **arguments)
        before = await everything(api)
        again = await api.http.post(route.url(), **arguments)
        where = (route.path, first.text, again.text)
        assert again.status_code == first.status_code, where
        assert await everything(api) == before, where
        if first.is_success:
            assert again.headers["idempotent-replayed"] == "true", where
            assert again.json() == _without_secret(first.json()), where
            another = (
                {"content": body + b"\r\n"} if isinstance(body, bytes) else {"json": {"another": "body"}}
            )
            other = await api.http.post(route.url(), **(arguments | another))
            assert other.status_code == 422, where
            done += 1
        else:
            assert "idempotent-replayed" not in again.headers, where
            # no sender runs here, so there is no provider to be tested; and nobody whom an example names made a key
            nobody = "/providers/" in route.path or route.path == "/v1/api-keys/revoke"
            assert first.status_code == (404 if nobody else 409), where
    assert done >= 10


def _without_secret(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    if "secret" in answer:  # an endpoint's URL may hold one, too
        return answer | {"secret": None} | ({"url": None} if "url" in answer else {})
    if set(answer) == {"url", "expires_at"}:  # a link to the console is a secret
        return answer | {"url": None}
    if "cron" in answer:  # a schedule's request holds addresses and texts
        return answer | {"job": {}}
    return answer | {"key": None} if "key" in answer else answer
