"""The answer that is an export."""

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hermodr_api.access.exports import Export


class Exported(StreamingResponse):
    """For whoever asked alone. Ends the export also when nobody takes it."""

    def __init__(self, export: Export, media_type: str, filename: str) -> None:
        headers = {
            "content-disposition": f'attachment; filename="{filename}"',
            "cache-control": "no-store",
        }
        super().__init__(export.read(), media_type=media_type, headers=headers)
        self._export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._export.end()
