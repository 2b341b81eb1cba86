import asyncio
from collections.abc import Callable
from uuid import UUID
from weakref import WeakValueDictionary

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found, unavailable
from hermodr_api.webhooks.models import (
    EndpointIn,
    EndpointPatch,
    EndpointView,
    RecoveredView,
    RecoverIn,
    SecretView,
    WholeMessageView,
    fields_of,
)
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.webhooks import endpoints, messages
from hermodr_ledger.webhooks.endpoints import MOST_ENDPOINTS, Endpoint, NewEndpoint, TooManyEndpoints
from hermodr_ledger.webhooks.messages import RECOVERED_TOGETHER, MessageSearch, Told
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Refused as UrlRefused
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets

_DISABLED = "the endpoint is disabled; enable it first"


class Webhooks:
    """The use cases of `/v1/webhooks`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        clock: Clock,
        guard: Guard,
        secrets: WebhookSecrets | None,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._clock = clock
        self.guard = guard
        self._secrets = secrets
        self._switching: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def _alone(self, project_id: UUID) -> asyncio.Lock:
        """Those who wait for the row of the project's listener would wait with a connection each."""
        return self._switching.setdefault(project_id, asyncio.Lock())

    async def page(self, project_id: UUID, page: Page) -> PageResult[Endpoint]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: endpoints.page(at, project_id, rows))

    async def show(self, caller: Caller, endpoint_id: UUID) -> EndpointView:
        """With its URL for those who may change it."""
        with_url = bool({"manage", "admin"} & caller.scopes)
        return _view(await self._read(caller.project_id, endpoint_id), with_url=with_url)

    async def create(self, caller: Caller, wanted: EndpointIn, key: Key | None) -> Answer:
        secret = self._secret()
        await self._check(wanted.url)
        given = NewEndpoint(new_id(), caller.project_id, wanted.url, wanted.description, wanted.events)

        async def act(transaction: Transaction) -> Outcome:
            made = await endpoints.create(transaction, given)
            detail = {"events": wanted.events}
            await audit.record(
                transaction, caller.project_id, caller.actor, "webhook.create", made.id, detail
            )
            return _with_secret(made, secret)

        try:
            async with patience(), self._alone(caller.project_id):
                return await self._repeatable.run(caller.project_id, key, 201, act)
        except TooManyEndpoints:
            raise Refused(CONFLICT, f"a project has at most {MOST_ENDPOINTS} endpoints") from None

    async def change(self, caller: Caller, endpoint_id: UUID, wanted: EndpointPatch) -> EndpointView:
        if wanted.url is not None:
            await self._read(caller.project_id, endpoint_id)
            await self._check(wanted.url)
        columns = wanted.columns
        async with patience(), self._alone(caller.project_id), self._ledger.transaction() as transaction:
            found = _known(await endpoints.read(transaction, caller.project_id, endpoint_id))
            if columns:
                found = _known(await endpoints.change(transaction, caller.project_id, endpoint_id, columns))
                detail = {"changed": sorted(columns)}
                await audit.record(
                    transaction, caller.project_id, caller.actor, "webhook.change", endpoint_id, detail
                )
            if wanted.enabled is not None:
                found = await self._switch(transaction, caller, found, on=wanted.enabled)
        return _view(found, with_url=True)

    async def _switch(
        self, transaction: Transaction, caller: Caller, endpoint: Endpoint, *, on: bool
    ) -> Endpoint:
        if on and endpoint.disabled_at is not None:
            await audit.record(
                transaction, caller.project_id, caller.actor, "webhook.enable", endpoint.id, None
            )
            return _known(await endpoints.enable(transaction, caller.project_id, endpoint.id))
        if not on:
            await endpoints.disable(transaction, endpoint.id, "manual", caller.actor)
        return _known(await endpoints.read(transaction, caller.project_id, endpoint.id))

    async def delete(self, caller: Caller, endpoint_id: UUID) -> None:
        """Its messages first, some at a time; if that takes too long, what is gone is gone."""
        async with patience():
            while await endpoints.forget_some(self._ledger, caller.project_id, endpoint_id):
                pass
            async with self._alone(caller.project_id), self._ledger.transaction() as transaction:
                if not await endpoints.delete(transaction, caller.project_id, endpoint_id):
                    raise not_found("webhook endpoint")
                await audit.record(
                    transaction, caller.project_id, caller.actor, "webhook.delete", endpoint_id
                )

    async def rotate(self, caller: Caller, endpoint_id: UUID, key: Key | None) -> Answer:
        secret = self._secret()

        async def act(transaction: Transaction) -> Outcome:
            found = _known(await endpoints.rotate(transaction, caller.project_id, endpoint_id))
            detail = {"version": found.secret_version}
            await audit.record(
                transaction, caller.project_id, caller.actor, "webhook.rotate", endpoint_id, detail
            )
            return _with_secret(found, secret)

        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def test(self, caller: Caller, endpoint_id: UUID, key: Key | None) -> Answer:
        message_id = new_id()

        async def act(transaction: Transaction) -> Outcome:
            await self._enabled(transaction, caller.project_id, endpoint_id)
            now = self._clock.now()
            await messages.send_test(transaction, caller.project_id, endpoint_id, message_id, now)
            await audit.record(transaction, caller.project_id, caller.actor, "webhook.test", endpoint_id)
            return await self._told(transaction, caller.project_id, endpoint_id, message_id)

        return await self._repeatable.run(caller.project_id, key, 202, act)

    async def recover(self, caller: Caller, endpoint_id: UUID, wanted: RecoverIn, key: Key | None) -> Answer:
        async def act(transaction: Transaction) -> Outcome:
            await self._enabled(transaction, caller.project_id, endpoint_id)
            count = await messages.recover(transaction, endpoint_id, wanted.since)
            detail = {"since": wanted.since, "messages": count}
            await audit.record(
                transaction, caller.project_id, caller.actor, "webhook.recover", endpoint_id, detail
            )
            view = RecoveredView(recovered=count, more=count == RECOVERED_TOGETHER)
            return Outcome(view.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 202, act)

    async def messages(
        self, project_id: UUID, endpoint_id: UUID, search: MessageSearch, page: Page
    ) -> PageResult[Told]:
        await self._read(project_id, endpoint_id)
        async with patience():
            return await walk(
                self._ledger, page, lambda at, rows: messages.page(at, endpoint_id, search, rows)
            )

    async def message(self, project_id: UUID, endpoint_id: UUID, message_id: UUID) -> Told:
        async with patience():
            found = await messages.read(self._ledger, project_id, endpoint_id, message_id)
        if found is None:
            raise not_found("message to this webhook endpoint")
        return found

    async def redeliver(self, caller: Caller, endpoint_id: UUID, message_id: UUID, key: Key | None) -> Answer:
        async def act(transaction: Transaction) -> Outcome:
            await self._enabled(transaction, caller.project_id, endpoint_id)
            await self._told(transaction, caller.project_id, endpoint_id, message_id)
            if not await messages.redeliver(transaction, message_id):
                raise Refused(CONFLICT, "the message is being sent at this moment")
            detail = {"endpoint": endpoint_id}
            await audit.record(
                transaction, caller.project_id, caller.actor, "webhook.redeliver", message_id, detail
            )
            return await self._told(transaction, caller.project_id, endpoint_id, message_id)

        return await self._repeatable.run(caller.project_id, key, 202, act)

    async def _read(self, project_id: UUID, endpoint_id: UUID) -> Endpoint:
        async with patience():
            return _known(await endpoints.read(self._ledger, project_id, endpoint_id))

    async def _enabled(self, transaction: Transaction, project_id: UUID, endpoint_id: UUID) -> None:
        found = _known(await endpoints.keep(transaction, project_id, endpoint_id))
        if found.disabled_at is not None:
            raise Refused(CONFLICT, _DISABLED)

    async def _told(
        self, transaction: Transaction, project_id: UUID, endpoint_id: UUID, message_id: UUID
    ) -> Outcome:
        found = await messages.read(transaction, project_id, endpoint_id, message_id)
        if found is None:
            raise not_found("message to this webhook endpoint")
        return Outcome.of(WholeMessageView, found)

    async def _check(self, url: str) -> None:
        """As whoever calls it will, each time anew."""
        try:
            await self.guard.check(url)
        except UrlRefused as error:
            if error.code == "unresolvable":
                raise unavailable("dns", "the URL's host could not be looked up; try again later") from None
            raise invalid(Flaw(("body", "url"), str(error))) from None

    def _secret(self) -> Callable[[Endpoint], str]:
        secrets = self._secrets
        if secrets is None:
            raise Refused(CONFLICT, "webhooks are not signed here: HERMODR_SECRET_KEY is not set")
        return lambda of: secrets.secret(SecretOf(Purpose.ENDPOINT, of.id, of.secret_version))


def _with_secret(endpoint: Endpoint, secret: Callable[[Endpoint], str]) -> Outcome:
    """The secret is not in the answer stored for replays, and neither is the URL."""
    first = SecretView.model_validate({**fields_of(endpoint, with_url=True), "secret": secret(endpoint)})
    later = SecretView.model_validate({**fields_of(endpoint), "secret": None})
    return Outcome(first.model_dump_json().encode(), later.model_dump_json().encode())


def _view(endpoint: Endpoint, *, with_url: bool) -> EndpointView:
    return EndpointView.model_validate(fields_of(endpoint, with_url=with_url))


def _known(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise not_found("webhook endpoint")
    return endpoint
