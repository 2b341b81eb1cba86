"""What routes share that take many items in a body: turns, room, and what is told of bad items."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

import orjson
from starlette.requests import Request

from hermodr_api.errors import Flaw, listed
from hermodr_api.http.bulk_room import BulkRoom
from hermodr_api.http.bulk_turns import BulkTurns
from hermodr_api.http.intake import JSON, MIB, read_bytes
from hermodr_api.http.json_text import MOST_OF_ONE

NDJSON = "application/x-ndjson"
MOST_ITEMS = 10_000
BULK_LIMIT = 10 * MIB
SLICE = 200
"""Items handled before other requests get their turn."""
_MOST_TOLD = 2_000


class BulkBodies:
    """Of all bulk routes: a project's requests take turns, and all of them share the room."""

    def __init__(self, turns: BulkTurns) -> None:
        self._turns = turns
        self._room = BulkRoom()

    @contextlib.asynccontextmanager
    async def of(self, request: Request, project_id: UUID) -> AsyncIterator[bytes]:
        """The body, read when its turn has come; the block is its time in work. Raises `Refused`."""
        async with self._turns.of(project_id):
            text = await read_bytes(request, BULK_LIMIT, (JSON, NDJSON))
            async with self._room.of(len(text)):
                yield text

    def turn(self, project_id: UUID) -> contextlib.AbstractAsyncContextManager[None]:
        """For another request that does the work of a bulk one, in the block. Raises `Refused`."""
        return self._turns.of(project_id)

    def room(self, octets: int) -> contextlib.AbstractAsyncContextManager[None]:
        """For another large body, in the block. Raises `Refused`."""
        return self._room.of(octets)


def is_ndjson(request: Request) -> bool:
    return request.headers["content-type"].lower().startswith(NDJSON)


class Rejections(dict[int, list[Flaw]]):
    """Flaws by item: the first ones of each, and only one of each if very many items are wrong."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0

    def reject(self, index: int, flaws: Sequence[Flaw]) -> None:
        most = MOST_OF_ONE if self._told < _MOST_TOLD else 1
        self._told += min(len(flaws), most)
        left = [Flaw((), f"and {len(flaws) - most} more")] if len(flaws) > most else []
        self[index] = [*flaws[:most], *left]


def written(rejected: Mapping[int, list[Flaw]]) -> bytes:
    """JSON, made in slices: the objects for ten thousand items take more memory than the text."""
    indexes = sorted(rejected)
    slices = [
        orjson.dumps(
            [{"index": each, "errors": listed(rejected[each])} for each in indexes[start : start + SLICE]]
        )
        for start in range(0, len(indexes), SLICE)
    ]
    return b"[" + b",".join(each[1:-1] for each in slices) + b"]"
