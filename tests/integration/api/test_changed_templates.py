"""Data is checked by what the template needs now, whichever api process changed it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any, cast

import httpx
import pytest

from hermodr_api.app import Api
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.waiting import wait_until

TO = {"to": {"email": "ada@example.com"}, "type": "order"}


def _email(text: str) -> dict[str, Any]:
    return {"contents": {"email": {"en": {"subject": "Hi", "body_text": text}}}}


@pytest.fixture
async def others(api: ApiUnderTest) -> AsyncIterator[ApiUnderTest]:
    """Another process with the same database; it has a project of its own, and its clock stands."""
    async with api_over(api.api.settings.database_url) as other:
        yield other


async def listening(api: Api) -> asyncio.Task[None]:
    """What `work` adds: it runs once the memory was emptied at the connection."""
    emptied = api.directory._needs.reading
    *rest, told = (cast("Coroutine[Any, Any, None]", each) for each in api.work())
    for each in rest:
        each.close()
    task = asyncio.create_task(told)
    await wait_until(lambda: api.directory._needs.reading > emptied)
    return task


def changed(api: ApiUnderTest, seen: int) -> bool:
    return api.api.directory._needs.reading > seen


async def send(client: httpx.AsyncClient, data: dict[str, Any]) -> int:
    return (await client.post("/v1/notifications", json={**TO, "data": data})).status_code


async def test_a_refusal_is_by_what_is_needed_now(api: ApiUnderTest, others: ApiUnderTest) -> None:
    made = await api.template(name="order", **_email("{{ a }}{{ b }}"))
    key = (await api.http.post("/v1/api-keys", json={"name": "x", "scopes": ["admin"]})).json()["key"]
    async with client_of(others.api, key) as elsewhere:
        assert await send(api.http, {"a": 1, "b": 1}) == 202  # and it remembers
        patched = await elsewhere.patch(f"/v1/templates/{made['id']}", json=_email("{{ c }}"))
        assert patched.status_code == 200
        assert await send(api.http, {"c": 1}) == 202
        bulk = await api.http.post("/v1/notifications/bulk", json=[{**TO, "data": {"c": 1}}])
        assert bulk.json()["accepted"] == 1
        await elsewhere.delete(f"/v1/templates/{made['id']}")
        assert await send(api.http, {}) == 422


async def test_a_process_is_told_what_others_change(api: ApiUnderTest, others: ApiUnderTest) -> None:
    made = await api.template(name="order", **_email("{{ a }}"))
    key = (await api.http.post("/v1/api-keys", json={"name": "x", "scopes": ["admin"]})).json()["key"]
    task = await listening(api.api)
    try:
        async with client_of(others.api, key) as elsewhere:
            url = f"/v1/templates/{made['id']}"
            for change, wanted in (
                (elsewhere.patch(url, json=_email("{{ a }}{{ b }}")), {"a": 1, "b": 1}),
                (elsewhere.post(f"{url}/rollback", json={"version": 1}), {"a": 1}),
                (elsewhere.patch(url, json=_email("{{ a }}{{ c }}")), {"a": 1, "c": 1}),
            ):
                seen = api.api.directory._needs.reading
                assert (await change).status_code == 200
                await wait_until(partial(changed, api, seen))
                assert await send(api.http, {"a": 1}) == (202 if wanted == {"a": 1} else 422)
                assert await send(api.http, wanted) == 202
            seen = api.api.directory._needs.reading
            assert (await elsewhere.delete(url)).status_code == 204
            await wait_until(partial(changed, api, seen))
            assert await send(api.http, {"a": 1, "c": 1}) == 422
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_the_process_that_changed_it_knows_at_once(api: ApiUnderTest) -> None:
    made = await api.template(name="order", **_email("{{ a }}"))
    url = f"/v1/templates/{made['id']}"
    assert await send(api.http, {"a": 1}) == 202
    await api.http.patch(url, json=_email("{{ b }}"))
    assert (await send(api.http, {"a": 1}), await send(api.http, {"b": 1})) == (422, 202)
    await api.http.post(f"{url}/rollback", json={"version": 1})
    assert (await send(api.http, {"b": 1}), await send(api.http, {"a": 1})) == (422, 202)
