"""`/brand/…`: the logo of a project for its mails, whose programs show no data URLs. Whoever has a mail may see it."""

import base64
import hashlib
import re
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.answers import patience
from hermodr_api.http.provided import provided
from hermodr_api.remembered import Remembered
from hermodr_contracts.brands import DIGEST, LOGOS
from hermodr_ledger.engine import Ledger
from hermodr_ledger.templates import brands
from hermodr_servicekit.clock import Clock

_REMEMBERED_SECONDS = 5.0
_ASKED_AGAIN_SECONDS = 1.0
"""How often at most the ledger is asked for another picture of a project than the one that is known."""
_MOST = 200
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 65
_KEPT = "public, max-age=86400"
_NOT_KEPT = {"cache-control": "no-store"}


class Logo(NamedTuple):
    """`digest`: as its address has it (`Brand.logo`)."""

    media_type: str
    content: bytes
    digest: str


class Logos:
    """Believes what it read for some seconds: a mail to many is opened by many at once."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._kept: Remembered[UUID, Logo | None] = Remembered(clock, _REMEMBERED_SECONDS, _MOST)
        self._fresh: Remembered[UUID, bool] = Remembered(clock, _ASKED_AGAIN_SECONDS, _MOST)

    async def of(self, project_id: UUID, digest: str) -> Logo | None:
        """Reads again where another is asked for than it knows: it may have changed just now. `None`: there is none, or
        no such project. Raises `LedgerUnavailable`."""
        known = self._kept.get(project_id)
        if (known is not None and known.digest == digest) or self._fresh.get(project_id):
            return known
        reading = self._kept.reading
        async with patience():
            found = await brands.logo(self._ledger, project_id)
        logo = _read(found) if found is not None else None
        self._kept.keep(reading, {project_id: logo})
        self._fresh.keep(reading, {project_id: True})
        return logo


def _read(url: str) -> Logo:
    """Of a data URL as `brand` lets them in."""
    head, _, content = url.partition(",")
    digest = hashlib.sha256(url.encode()).hexdigest()[:DIGEST]
    return Logo(head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(content), digest)


router = APIRouter(prefix=LOGOS, include_in_schema=False)
_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}


@router.api_route("/{project_id}/{digest}", methods=["GET", "HEAD"])
async def show(project_id: str, digest: str, logos: Annotated[Logos, provided(Logos)]) -> Response:
    """The logo that the project has now, whichever one the mail had: no old mail is without one. It is kept only by
    the address that is its own."""
    whole = _IDS.fullmatch(project_id) and len(digest) < _LONGEST
    logo = await logos.of(UUID(project_id), digest) if whole else None
    if logo is None:
        return Response(status_code=404, headers=_HEADERS | _NOT_KEPT)
    kept = {"cache-control": _KEPT} if digest == logo.digest else _NOT_KEPT
    return Response(logo.content, media_type=logo.media_type, headers=_HEADERS | kept)
