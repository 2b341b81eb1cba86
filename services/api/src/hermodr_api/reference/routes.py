"""`/docs`: the description of the API to read and to try, by Swagger UI from our own origin (ADR 0035)."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

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
"""Of what is asked for with its version, `?v=5.35.0`."""


def reference_routes() -> list[Route]:
    """The page and its files. They need no key; what is tried on the page does."""
    files = {f"/docs/{path.name}": path for path in _FOLDER.iterdir() if path.suffix in _TYPES}
    return [_route(path, file) for path, file in ({"/docs": _FOLDER / "index.html"} | files).items()]


def _route(path: str, file: Path) -> Route:
    async def send(request: Request) -> Response:
        kept = _KEPT if "v" in request.query_params else "no-cache"
        media_type = _TYPES[file.suffix]
        return FileResponse(file, media_type=media_type, headers=_HEADERS | {"cache-control": kept})

    return Route(path, send, methods=["GET"], include_in_schema=False)
