"""`/`: what there is, for whoever comes by with nothing but the address. No key is needed."""

from collections import defaultdict
from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from hermodr_api.openapi import documented
from hermodr_api.routes.intake import ok
from hermodr_api.routes.parameters import only_known


class IndexView(BaseModel):
    """Where to go from here. `routes` are by group."""

    name: str
    version: str
    openapi: str
    docs: str
    health: str
    routes: dict[str, list[str]]


def index_router(app: FastAPI) -> APIRouter:
    """The route of `/`."""

    async def index() -> Response:
        return ok(_index(app.openapi()))

    docs = documented("What there is", method="GET", scope=None, answer=IndexView)
    del docs["responses"][503]
    router = APIRouter(tags=["index"], dependencies=[Depends(only_known)])
    router.add_api_route("/", index, **docs)
    return router


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
