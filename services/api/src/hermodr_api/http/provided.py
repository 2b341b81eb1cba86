"""How routes get at the services: `groups: Annotated[Groups, provided(Groups)]`."""

from typing import Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request

S = TypeVar("S")


def provided(kind: type[S]) -> Any:
    """A dependency: the instance of the class that `app` built (`app.state.provided`)."""

    async def find(request: Request) -> S:
        return cast("S", request.app.state.provided[kind])

    return Depends(find)
