"""`/widget/hermodr-inbox.js`: the elements `<hermodr-inbox>` and `<hermodr-job>` for pages of any origin (ADR 0089).
The file is made from clients/js/packages/inbox and says nothing that is not public, so everybody may have it."""

import gzip
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/widget/hermodr-inbox.js"
_FILE = Path(__file__).with_name("hermodr-inbox.js")
_HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}
_ASKED_AGAIN = "public, max-age=300, stale-while-revalidate=86400"
_KEPT = "public, max-age=31536000, immutable"
"""For what is requested with its version, `?v=0.1.0`."""


def widget_routes() -> list[Route]:
    plain = _FILE.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0)
    tag = hashlib.sha256(plain).hexdigest()[:20]

    async def send(request: Request) -> Response:
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{tag}-gzip"' if zipped else f'"{tag}"'
        kept = _KEPT if "v" in request.query_params else _ASKED_AGAIN
        headers = _HEADERS | {"etag": etag, "cache-control": kept}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if zipped:
            headers["content-encoding"] = "gzip"
        return Response(packed if zipped else plain, media_type="text/javascript", headers=headers)

    return [Route(PATH, send, methods=["GET"], include_in_schema=False)]
