"""Services as dependencies of routes: `groups: Annotated[Groups, provided(Groups)]`."""

from typing import Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request

S = TypeVar("S")


def provided(kind: type[S]) -> Any:
    """The instance of this class that `app` built."""

    async def find(request: Request) -> S:
        return cast("S", request.app.state.provided[kind])

    return Depends(find)
