"""`/`: what there is, for whoever comes with nothing but the address; `/openapi.json`: all of it. No key is needed."""

import asyncio
from collections import defaultdict
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from hermodr_api.http.intake import ok
from hermodr_api.http.openapi import documented
from hermodr_api.http.parameters import only_known


class IndexView(BaseModel):
    """Where to go from here. `routes` are by group."""

    name: str
    version: str
    openapi: str
    docs: str
    health: str
    routes: dict[str, list[str]]


class IndexRoutes:
    """Both are written down once, when one is first asked for, and beside the loop: it takes a second of computing,
    for which nobody else has to wait."""

    def __init__(self, app: FastAPI) -> None:
        """`app` has all its routes by the time of the first request."""
        self._app = app
        self._writing = asyncio.Lock()
        self._written: tuple[bytes, bytes] | None = None

    def router(self) -> APIRouter:
        """The routes."""
        docs = documented("What there is", method="GET", scope=None, answer=IndexView)
        del docs["responses"][503]
        router = APIRouter(tags=["index"])
        router.add_api_route("/", self._index, dependencies=[Depends(only_known)], **docs)
        router.add_api_route(
            "/openapi.json", self._description, methods=["GET", "HEAD"], include_in_schema=False
        )
        return router

    async def _index(self) -> Response:
        return ok((await self._pages())[0])

    async def _description(self) -> Response:
        return ok((await self._pages())[1])

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
