from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping

import httpx

_TIMES = 5
_SECONDS = 10.0
_MOST_UNDER_WAY = 1000


class Outbox:
    """Posts what a pretended provider reports, in the background and some times if need be. `trust_env`: by the proxies
    of the environment."""

    def __init__(self, *, trust_env: bool = True) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._trust_env = trust_env

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def _soon(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """When very many are under way, nothing."""
        if len(self._under_way) < _MOST_UNDER_WAY:
            task = asyncio.create_task(work())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _posted(self, url: str, body: bytes, headers: Callable[[], Mapping[str, str]]) -> bool:
        """Whether it was taken. `headers` are made anew each time, as they may hold the time."""
        for turn in range(_TIMES):
            if await self._taken(url, body, headers()):
                return True
            await asyncio.sleep(0.2 * 4**turn)
        return False

    async def _taken(self, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=self._trust_env)
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success
