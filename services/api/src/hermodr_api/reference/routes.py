"""`/`, `/openapi.json` and `/docs` (Swagger UI from our own origin, ADR 0035), readable without a key."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hermodr_api.http.intake import JSON
from hermodr_api.http.parameters import known_parameters
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route as ApiRoute
from hermodr_api.reference.models import IndexView
from hermodr_api.reference.service import Description

router = APIRouter(tags=["index"], route_class=ApiRoute)

Service = Annotated[Description, provided(Description)]

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".txt": "text/plain"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_KEPT = "public, max-age=31536000, immutable"
"""For files requested with their version, `?v=5.35.0`."""


@router.get("/", response_model=IndexView, dependencies=[Depends(known_parameters)])
async def index(description: Service) -> Response:
    """Show the entry points of the API."""
    return Response(await description.index(), media_type=JSON)


@router.api_route("/openapi.json", methods=["GET", "HEAD"], include_in_schema=False)
async def openapi(description: Service) -> Response:
    """Show the OpenAPI description."""
    return Response(await description.openapi(), media_type=JSON)


def reference_routes() -> list[Route]:
    files = {f"/docs/{path.name}": path for path in _FOLDER.iterdir() if path.suffix in _TYPES}
    return [_route(path, file) for path, file in ({"/docs": _FOLDER / "index.html"} | files).items()]


def _route(path: str, file: Path) -> Route:
    async def send(request: Request) -> Response:
        kept = _KEPT if "v" in request.query_params else "no-cache"
        media_type = _TYPES[file.suffix]
        return FileResponse(file, media_type=media_type, headers=_HEADERS | {"cache-control": kept})

    return Route(path, send, methods=["GET"], include_in_schema=False)
