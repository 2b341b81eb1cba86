"""`/brand/…`: the logo of a project for its mails, whose programs show no data URLs. Whoever has a mail may see it."""

import base64
import re
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.answers import patience
from hermodr_api.http.provided import provided
from hermodr_api.remembered import Remembered
from hermodr_contracts.brands import LOGOS
from hermodr_ledger.engine import Ledger
from hermodr_ledger.templates import brands
from hermodr_servicekit.clock import Clock

_REMEMBERED_SECONDS = 30.0
_MOST = 200
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 65
_KEPT = "public, max-age=86400"


class Logo(NamedTuple):
    media_type: str
    content: bytes


class Logos:
    """Believes what it read for a while: a mail to many is opened by many at once."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._kept: Remembered[UUID, Logo | None] = Remembered(clock, _REMEMBERED_SECONDS, _MOST)

    async def of(self, project_id: UUID) -> Logo | None:
        """`None`: there is none, or no such project. Raises `LedgerUnavailable`."""
        try:
            return self._kept[project_id]
        except KeyError:
            reading = self._kept.reading
        async with patience():
            found = await brands.logo(self._ledger, project_id)
        logo = _read(found) if found is not None else None
        self._kept.keep(reading, {project_id: logo})
        return logo


def _read(url: str) -> Logo:
    """Of a data URL as `brand` lets them in."""
    head, _, content = url.partition(",")
    return Logo(head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(content))


router = APIRouter(prefix=LOGOS, include_in_schema=False)
_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}


@router.api_route("/{project_id}/{digest}", methods=["GET", "HEAD"])
async def show(project_id: str, digest: str, logos: Annotated[Logos, provided(Logos)]) -> Response:
    """The logo that the project has now, whichever one the mail had: no old mail is without one."""
    logo = await logos.of(UUID(project_id)) if _IDS.fullmatch(project_id) and len(digest) < _LONGEST else None
    if logo is None:
        return Response(status_code=404, headers=_HEADERS | {"cache-control": "no-store"})
    return Response(logo.content, media_type=logo.media_type, headers=_HEADERS | {"cache-control": _KEPT})
