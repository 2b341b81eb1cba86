from uuid import UUID

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.api_keys.models import ApiKeyIn, ApiKeyPatch, ApiKeyView, CreatedApiKeyView
from hermodr_api.errors import not_found
from hermodr_ledger.access import keys
from hermodr_ledger.access.keys import ApiKey
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk


class ApiKeys:
    """The use cases of `/v1/api-keys`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable, authenticator: Authenticator) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._authenticator = authenticator

    async def page(self, project_id: UUID, page: Page) -> PageResult[ApiKey]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: keys.page(at, project_id, rows))

    async def read(self, project_id: UUID, key_id: UUID) -> ApiKey:
        async with patience():
            return _known(await keys.read(self._ledger, project_id, key_id))

    async def create(self, caller: Caller, wanted: ApiKeyIn, key: Key | None) -> Answer:
        """The secret is in the first answer only, not in the one stored for replays."""
        limit = wanted.rate_limit.limit() if wanted.rate_limit is not None else None

        async def act(transaction: Transaction) -> Outcome:
            record, secret = await keys.create_in(
                transaction, caller.project_id, wanted.scopes, wanted.name, caller.actor, limit
            )
            shown = ApiKeyView.model_validate(record).model_dump()
            first, later = (CreatedApiKeyView(**shown, key=each) for each in (secret, None))
            return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 201, act)

    async def change(self, caller: Caller, key_id: UUID, wanted: ApiKeyPatch) -> ApiKey:
        async with patience(), self._ledger.transaction() as transaction:
            changed = await keys.change(
                transaction, caller.project_id, key_id, wanted.changes(), caller.actor
            )
        self._authenticator.forget_all()
        return _known(changed)

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await keys.revoke(transaction, caller.project_id, key_id, caller.actor):
                raise not_found("API key")
        self._authenticator.forget_all()


def _known(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise not_found("API key")
    return key
