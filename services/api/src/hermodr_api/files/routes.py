from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.responses import StreamingResponse

from hermodr_api.files.service import Downloads
from hermodr_api.http.openapi import refusals
from hermodr_api.http.parameters import known_parameters
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_servicekit.file_links import LONGEST

router = APIRouter(prefix="/v1/files", tags=["files"], route_class=Route)

Service = Annotated[Downloads, provided(Downloads)]
Token = Annotated[str, Path(max_length=LONGEST, description="The last part of a task's `file_url`.")]
_FOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file.",
    }
}


@router.get(
    "/{token}",
    response_class=StreamingResponse,
    responses=_FOUND | refusals(404, 503),
    dependencies=[Depends(known_parameters)],
)
async def download(downloads: Service, token: Token) -> StreamingResponse:
    """Fetch a file that a task has made.

    Who has the link may fetch it, until it expires. No key is needed, and `Authorization` is ignored.
    """
    found = await downloads.open(token)
    return StreamingResponse(
        found.pieces,
        media_type=found.file.media_type,
        headers={
            "content-length": str(found.file.bytes),
            "content-disposition": f'attachment; filename="{found.file.name}"',
            "cache-control": "private, no-store",
            "content-security-policy": "default-src 'none'; sandbox",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        },
    )
