"""`/v1/api-keys`: who may call."""

from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.access.authentication import Authenticator
from hermodr_api.api_keys.models import ApiKeyIn, ApiKeyList, ApiKeyPatch, ApiKeyView, CreatedApiKeyView
from hermodr_api.errors import not_found
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.intake import Gate, caller_of, ok, read_body, respond
from hermodr_api.http.lists import Cursor, Limit, Sort, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_ledger.access import keys
from hermodr_ledger.access.keys import ApiKey
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import walk

_EXAMPLE = {"name": "checkout", "scopes": ["send", "read"]}
_ONE = "/v1/api-keys/{key_id}"


class ApiKeyRoutes:
    """Making, listing and revoking keys."""

    def __init__(
        self, gate: Gate, ledger: Ledger, repeatable: Repeatable, authenticator: Authenticator
    ) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable
        self._authenticator = authenticator

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["api keys"], dependencies=[Depends(self._gate.needs_admin)])
        docs = documented("List API keys", method="GET", scope="admin", answer=ApiKeyList)
        router.add_api_route("/v1/api-keys", self.list, **docs)
        docs = documented("Show an API key", method="GET", scope="admin", answer=ApiKeyView, problems=(404,))
        router.add_api_route(_ONE, self.show, **docs)
        docs = documented(
            "Make an API key",
            method="POST",
            scope="admin",
            status=201,
            answer=CreatedApiKeyView,
            body=ApiKeyIn,
            example=_EXAMPLE,
        )
        router.add_api_route("/v1/api-keys", self.create, **docs)
        docs = documented(
            "Change an API key",
            method="PATCH",
            scope="admin",
            answer=ApiKeyView,
            body=ApiKeyPatch,
            example={"name": "checkout"},
            problems=(404,),
        )
        router.add_api_route(_ONE, self.change, **docs)
        docs = documented("Revoke an API key", method="DELETE", scope="admin", status=204, problems=(404,))
        router.add_api_route(_ONE, self.revoke, **docs)
        return router

    async def list(
        self, request: Request, limit: Limit = 50, cursor: Cursor = None, sort: Sort = "created_at"
    ) -> Response:
        """`GET /v1/api-keys`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            project_id = caller_of(request).project_id
            found = await walk(self._ledger, page, lambda at, rows: keys.page(at, project_id, rows))
        return listed(request, found, ApiKeyView, ApiKeyList)

    async def show(self, request: Request, key_id: UUID) -> Response:
        """`GET /v1/api-keys/{id}`."""
        async with patience():
            return ok(_shown(await keys.read(self._ledger, caller_of(request).project_id, key_id)))

    async def create(self, request: Request) -> Response:
        """`POST /v1/api-keys`. The secret is in the first answer only; what is kept for replays does not have it."""
        wanted, key = await read_body(request, ApiKeyIn)
        caller = caller_of(request)

        async def act(transaction: Transaction) -> Outcome:
            record, secret = await keys.create_in(
                transaction,
                caller.project_id,
                wanted.scopes,
                wanted.name,
                caller.actor,
                wanted.rate_limit.limit() if wanted.rate_limit is not None else None,
            )
            shown = ApiKeyView.model_validate(record).model_dump()
            first, later = (CreatedApiKeyView(**shown, key=each) for each in (secret, None))
            return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())

        return respond(await self._repeatable.run(caller.project_id, key, 201, act))

    async def change(self, request: Request, key_id: UUID) -> Response:
        """`PATCH /v1/api-keys/{id}`."""
        wanted, _ = await read_body(request, ApiKeyPatch)
        caller = caller_of(request)
        async with patience(), self._ledger.transaction() as transaction:
            changed = await keys.change(
                transaction, caller.project_id, key_id, wanted.changes(), caller.actor
            )
        self._authenticator.forget_all()
        return ok(_shown(changed))

    async def revoke(self, request: Request, key_id: UUID) -> Response:
        """`DELETE /v1/api-keys/{id}`."""
        caller = caller_of(request)
        async with patience(), self._ledger.transaction() as transaction:
            if not await keys.revoke(transaction, caller.project_id, key_id, caller.actor):
                raise not_found("API key")
        self._authenticator.forget_all()
        return Response(status_code=204)


def _shown(key: ApiKey | None) -> bytes:
    if key is None:
        raise not_found("API key")
    return ApiKeyView.model_validate(key).model_dump_json().encode()
