from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from hermodr_api.access.authentication import Authenticator, Caller, unauthenticated
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.api_keys.models import (
    ApiKeyIn,
    ApiKeyPatch,
    ApiKeyView,
    CreatedApiKeyView,
    MakerIn,
    RevokedView,
    RotateIn,
)
from hermodr_api.errors import CONFLICT, NOT_FOUND, Flaw, Refused, invalid, not_found
from hermodr_ledger.access import keys, makers
from hermodr_ledger.access.keys import ApiKey
from hermodr_ledger.access.makers import Maker
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_servicekit.clock import Clock


class ApiKeys:
    """The use cases of `/v1/api-keys`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self, ledger: Ledger, repeatable: Repeatable, authenticator: Authenticator, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._authenticator = authenticator
        self._clock = clock

    async def page(self, project_id: UUID, page: Page) -> PageResult[ApiKey]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: keys.page(at, project_id, rows))

    async def read(self, project_id: UUID, key_id: UUID) -> ApiKey:
        async with patience():
            return _known(await keys.read(self._ledger, project_id, key_id))

    async def names(self, project_id: UUID, key_ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """Of those that have one."""
        async with patience():
            return await keys.names(self._ledger, project_id, key_ids)

    async def create(self, caller: Caller, wanted: ApiKeyIn, key: Key | None) -> Answer:
        """The secret is in the first answer only, not in the one stored for replays."""
        self._in_future(wanted.expires_at)
        limit = wanted.rate_limit.limit() if wanted.rate_limit is not None else None

        async def act(transaction: Transaction) -> Outcome:
            made = await keys.create_in(
                transaction,
                caller.project_id,
                wanted.scopes,
                wanted.name,
                caller.actor,
                limit,
                wanted.expires_at,
            )
            return _with_secret(*made)

        try:
            return await self._repeatable.run(caller.project_id, key, 201, act)
        except makers.Ended:
            raise self._maker_ended(caller) from None

    async def change(self, caller: Caller, key_id: UUID, wanted: ApiKeyPatch) -> ApiKey:
        self._in_future(wanted.expires_at)
        try:
            async with patience(), self._ledger.transaction() as transaction:
                changed = await keys.change(
                    transaction, caller.project_id, key_id, wanted.changes(), caller.actor
                )
        except keys.Ended:
            raise _ended() from None
        self._authenticator.forget_all()
        return _known(changed)

    async def rotate(self, caller: Caller, key_id: UUID, wanted: RotateIn, key: Key | None) -> Answer:
        """The new key's secret is in the first answer only."""
        self._in_future(wanted.expires_at)

        async def act(transaction: Transaction) -> Outcome:
            made = await keys.rotate(
                transaction, caller.project_id, key_id, wanted.overlap, wanted.expires_at, caller.actor
            )
            if made is None:
                raise not_found("API key")
            return _with_secret(*made)

        try:
            answer = await self._repeatable.run(caller.project_id, key, 201, act)
        except keys.Ended:
            raise _ended() from None
        except makers.Ended:
            raise self._maker_ended(caller) from None
        except keys.Rotated as error:
            raise Refused(CONFLICT, f"the key was rotated already into {error.by}; rotate that one") from None
        self._authenticator.forget_all()
        return answer

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await keys.revoke(transaction, caller.project_id, key_id, caller.actor):
                raise not_found("API key")
        self._authenticator.forget_all()

    async def person(self, project_id: UUID, identity: str) -> Maker:
        """Somebody who has made keys. Raises `Refused` (404)."""
        maker = Maker("person", identity)
        async with patience():
            found = await makers.called(self._ledger, project_id, maker)
        if found is None:
            raise _no_maker(maker)
        return found

    async def revoke_of(self, caller: Caller, wanted: MakerIn, key: Key | None) -> Answer:
        """All that somebody made, and what these made. Raises `Refused` (404) if that is none at all."""
        maker = Maker(wanted.actor, wanted.actor_id)

        async def act(transaction: Transaction) -> Outcome:
            revoked = await makers.revoke_of(transaction, caller.project_id, maker, caller.actor)
            if revoked is None:
                raise _no_maker(maker)
            return Outcome.of(RevokedView, RevokedView(revoked=revoked))

        answer = await self._repeatable.run(caller.project_id, key, 200, act)
        self._authenticator.forget_all()
        return answer

    def _maker_ended(self, caller: Caller) -> Refused:
        """What this process has remembered is out of date."""
        self._authenticator.forget_all()
        who = (
            "your session is over" if caller.person is not None else "this API key is revoked or has expired"
        )
        return unauthenticated(f"{who}: it makes no other key")

    def _in_future(self, expires_at: datetime | None) -> None:
        if expires_at is not None and expires_at <= self._clock.now():
            raise invalid(Flaw(("body", "expires_at"), "is in the past; revoke the key to end it now"))


def _no_maker(maker: Maker) -> Refused:
    return Refused(
        NOT_FOUND,
        f"no key of this project was made by such a {maker.kind}; the made_by of a key has its maker's actor_id",
    )


def _ended() -> Refused:
    return Refused(CONFLICT, "the key is revoked or has expired; create a new one")


def _with_secret(record: ApiKey, secret: str) -> Outcome:
    """The secret is not in the answer stored for replays."""
    shown = ApiKeyView.model_validate(record).model_dump()
    first, later = (CreatedApiKeyView(**shown, key=each) for each in (secret, None))
    return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())


def _known(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise not_found("API key")
    return key
