import asyncio
from collections import defaultdict
from typing import Any

import orjson
from fastapi import FastAPI

from hermodr_api.reference.models import IndexView


class Description:
    """Both documents are built once, on the first request and in a thread: it takes a second of computing."""

    def __init__(self, app: FastAPI) -> None:
        """`app` must have all its routes by the first request."""
        self._app = app
        self._writing = asyncio.Lock()
        self._written: tuple[bytes, bytes] | None = None

    async def index(self) -> bytes:
        return (await self._pages())[0]

    async def openapi(self) -> bytes:
        return (await self._pages())[1]

    async def _pages(self) -> tuple[bytes, bytes]:
        async with self._writing:
            if self._written is None:
                self._written = await asyncio.to_thread(self._write)
        return self._written

    def _write(self) -> tuple[bytes, bytes]:
        schema = self._app.openapi()
        return _index(schema), orjson.dumps(schema)


def _index(schema: dict[str, Any]) -> bytes:
    groups: dict[str, list[str]] = defaultdict(list)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            groups[operation["tags"][0]].append(f"{method.upper()} {path}")
    name, version = schema["info"]["title"], schema["info"]["version"]
    view = IndexView(
        name=name, version=version, openapi="/openapi.json", docs="/docs", health="/health", routes=groups
    )
    return orjson.dumps(view.model_dump(), option=orjson.OPT_INDENT_2)
