"""A producer that asks until it knows."""

import asyncio
from typing import Any

import httpx

from tests.support.installation import Installation

BUSY = frozenset({429, 503})
UNDER_WAY = 409
"""A request with this key is being answered."""
_RETRY_SECONDS = 2.0
_TRYING_SECONDS = 60.0


class Producer:
    """Its requests have keys that begin with `name`."""

    def __init__(self, installation: Installation, name: str) -> None:
        self._installation = installation
        self._name = name
        self._numbers = iter(range(1, 10**9))

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, token: str | None = None
    ) -> httpx.Response | None:
        """Repeated with its key until there is a certain answer, for a while. `token`: an end user's."""
        headers = {"idempotency-key": f"{self._name}-{next(self._numbers)}"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return await self.ask("POST", path, body, headers, again=BUSY | {UNDER_WAY})

    async def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        again: frozenset[int] = BUSY,
    ) -> httpx.Response | None:
        """As `post`, of what may be repeated; `again`: answers after which it is."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _TRYING_SECONDS
        while True:
            try:
                answer = await self._installation.api.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code not in again:
                return answer
            if loop.time() > give_up:
                return None
            await asyncio.sleep(_RETRY_SECONDS)
