"""A store of objects that speaks as much of S3 as files need: whole objects, uploads in parts. It checks no signature,
but that there is one."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.api_process import free_port
from tests.support.waiting import wait_until


class ObjectStore:
    """`objects` by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._parts: defaultdict[str, dict[int, bytes]] = defaultdict(dict)

    async def answer(self, request: Request) -> Response:
        key, query = request.path_params["key"], request.query_params
        self.requests.append(f"{request.method} {key}")
        if "AWS4-HMAC-SHA256" not in request.headers.get("authorization", ""):
            return Response(status_code=403)
        body = await request.body()
        match request.method:
            case "POST" if "uploads" in query:
                return _xml(
                    "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
                    f"<UploadId>{len(self.requests)}</UploadId></InitiateMultipartUploadResult>"
                )
            case "POST" if "delete" in query:
                gone = re.findall(r"<Key>(.*?)</Key>", body.decode())
                for each in gone:
                    self.objects.pop(f"{key}/{each}", None)
                told = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
                return _xml(f"<DeleteResult>{told}</DeleteResult>")
            case "PUT" if "partNumber" in query:
                self._parts[query["uploadId"]][int(query["partNumber"])] = body
                return Response(headers={"etag": f'"{query["partNumber"]}"'})
            case "POST":
                parts = self._parts.pop(query["uploadId"])
                self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                return _xml(
                    "<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key>"
                    '<ETag>"whole"</ETag></CompleteMultipartUploadResult>'
                )
            case "PUT":
                self.objects[key] = body
                return Response(headers={"etag": '"whole"'})
        if key not in self.objects:
            return Response(status_code=404)
        headers = {"etag": '"whole"', "last-modified": "Mon, 30 Nov 2026 08:00:00 GMT"}
        return Response(self.objects[key], headers=headers)


def _xml(text: str) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', media_type="application/xml")


@asynccontextmanager
async def object_store() -> AsyncIterator[tuple[ObjectStore, str]]:
    """It, and its URL."""
    store, port = ObjectStore(), free_port()
    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{key:path}", store.answer, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    try:
        await wait_until(lambda: server.started)
        yield store, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
