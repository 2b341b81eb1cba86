"""The caller of a route as a dependency: `caller: Reader` admits keys with the scope `read`."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.access.limits import Limiter
from hermodr_api.access.quotas import Quotas
from hermodr_api.http.parameters import only_known
from hermodr_api.http.problems import RATE_LIMIT
from hermodr_ledger.access.keys import Scope

CALLER = "hermodr_caller"
"""Key of the caller in the ASGI scope."""


class Gate:
    def __init__(self, authenticator: Authenticator, limiter: Limiter, quotas: Quotas) -> None:
        self._authenticator = authenticator
        self._limiter = limiter
        self._quotas = quotas

    async def admit(self, request: Request, scope: Scope, *, users: bool = False) -> Caller:
        """Authenticates, applies rate limits and refuses unknown query parameters. Raises `Refused`."""
        caller = await self._authenticator.caller(request.headers.get("authorization"), scope, users=users)
        await self.pace(request, caller)
        only_known(request)
        return caller

    async def pace(self, request: Request, caller: Caller) -> None:
        """Counts one request of the caller. Raises `Refused` (429)."""
        if caller.limit is not None:
            request.scope[RATE_LIMIT] = await self._limiter.take(caller.subject, caller.limit)
        await self._quotas.admit(caller.project_id)


class Needs:
    """A dependency: a caller with the scope; with `users` also an end user, who sees only what is theirs."""

    def __init__(self, scope: Scope, *, users: bool = False) -> None:
        self.scope = scope
        self.users = users

    async def __call__(self, request: Request) -> Caller:
        """Admits the caller once per request. Raises `Refused`."""
        caller: Caller | None = request.scope.get(CALLER)
        if caller is None:
            gate: Gate = request.app.state.provided[Gate]
            caller = request.scope[CALLER] = await gate.admit(request, self.scope, users=self.users)
        return caller


Reader = Annotated[Caller, Depends(Needs("read"))]
Manager = Annotated[Caller, Depends(Needs("manage"))]
Admin = Annotated[Caller, Depends(Needs("admin"))]
ReaderOrUser = Annotated[Caller, Depends(Needs("read", users=True))]
ManagerOrUser = Annotated[Caller, Depends(Needs("manage", users=True))]
SenderOrUser = Annotated[Caller, Depends(Needs("send", users=True))]
