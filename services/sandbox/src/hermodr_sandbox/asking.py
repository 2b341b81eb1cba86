"""Asks the api with a key that may read."""

from __future__ import annotations

from typing import Any

import httpx

_SECONDS = 5.0


class Unreadable(Exception):
    """Why the api tells nothing, for people."""


class Unknown(Unreadable):
    """There is no such thing, or not in the key's project."""


class Api:
    """`url`: the api's. Asks on behalf of whoever looks at the page: the sandbox knows no users."""

    def __init__(self, url: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=_SECONDS,
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def read(self, path: str, query: dict[str, str | int] | None = None) -> dict[str, Any]:
        """Raises `Unreadable`."""
        try:
            answer = await self._client.get(path, params=query)
            found = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            raise Unreadable("The api does not answer.") from None
        if answer.is_success and isinstance(found, dict):
            return found
        if answer.status_code in (401, 403):
            raise Unreadable("The api refuses the key in HERMODR_SANDBOX_API_KEY: it needs the scope read.")
        if answer.status_code == 404:
            raise Unknown("The key in HERMODR_SANDBOX_API_KEY sees no such job: it is of another project.")
        raise Unreadable(f"The api answered {answer.status_code}.")
