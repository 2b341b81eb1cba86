import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.connections.models import PLACE, ConnectionIn, ConnectionPatch, ConnectionView
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found, unavailable
from hermodr_ledger.access import audit
from hermodr_ledger.connections import kept, reaching
from hermodr_ledger.connections.kept import MOST_CONNECTIONS, Connection, TooManyConnections, Whose
from hermodr_ledger.connections.reaching import Login, Unreachable, Unresolvable
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.sealing import Sealer, Unsealable

_AT_ONCE = 8
"""Databases tried at a time, of all projects."""
_NO_KEY = (
    "connections are not kept here: HERMODR_SECRET_KEY, which their passwords are sealed with, is not set"
)
_UNSEALABLE = "the stored password was sealed with a HERMODR_SECRET_KEY that is no more; give it again"


class Connections:
    """The use cases of `/v1/connections`; end users see their own. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        sealer: Sealer | None,
        guard: Guard,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._sealer = sealer
        self.reach: Callable[[Login], Awaitable[None]] = partial(reaching.attempt, guard)
        """Raises `Unreachable`."""
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def page(self, caller: Caller, page: Page) -> PageResult[Connection]:
        whose = Whose(caller.project_id, caller.user_id)
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: kept.page(at, whose, rows))

    async def show(self, caller: Caller, connection_id: UUID) -> Connection:
        async with patience():
            found = await kept.read(self._ledger, Whose(caller.project_id, caller.user_id), connection_id)
        return _known(found)

    async def create(self, caller: Caller, wanted: ConnectionIn, key: Key | None) -> Answer:
        """Once the database has let us in."""
        sealer = self._sealing()
        given = wanted.model_dump(exclude={"password", "user"}) | {"username": wanted.user}
        login = Login(
            wanted.host,
            wanted.port,
            wanted.database,
            wanted.user,
            wanted.password.get_secret_value(),
            wanted.sslmode,
        )
        await self._try(login)
        given |= {"id": new_id(), "project_id": caller.project_id}
        given["sealed_password"] = kept.sealed(sealer, given["id"], login)

        async def act(transaction: Transaction) -> Outcome:
            made = await kept.create(transaction, given)
            await audit.record(transaction, caller.project_id, caller.actor, "connection.create", made.id)
            return Outcome.of(ConnectionView, made)

        if key is not None:  # its fingerprint is of the password, too
            key = replace(key, fingerprint=sealer.blinded(key.fingerprint))
        try:
            return await self._repeatable.run(caller.project_id, key, 201, act)
        except TooManyConnections:
            raise Refused(CONFLICT, f"a project has at most {MOST_CONNECTIONS} connections") from None

    async def change(self, caller: Caller, connection_id: UUID, wanted: ConnectionPatch) -> Connection:
        """What leads elsewhere is tried first. The password is sealed with the newest key in any case."""
        whose = Whose(caller.project_id, caller.user_id)
        before = await self.show(caller, connection_id)
        sealer = self._sealing()
        given = {
            ("username" if name == "user" else name): getattr(wanted, name)
            for name in wanted.model_fields_set - {"password"}
        }
        login = _changed(_opened(sealer, before, wanted), wanted)
        if wanted.model_fields_set & {*PLACE, "database", "password"}:
            await self._try(login)
        given["sealed_password"] = kept.sealed(sealer, connection_id, login)
        async with patience(), self._ledger.transaction() as transaction:
            now = _known(await kept.lock(transaction, whose, connection_id))
            if now.updated_at != before.updated_at or now.sealed_password != before.sealed_password:
                raise Refused(CONFLICT, "the connection was changed meanwhile; try again")
            changed = _known(await kept.change(transaction, whose, connection_id, given))
            detail = {"changed": sorted(wanted.model_fields_set)}
            await audit.record(
                transaction, caller.project_id, caller.actor, "connection.change", connection_id, detail
            )
        return changed

    async def delete(self, caller: Caller, connection_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await kept.delete(transaction, Whose(caller.project_id), connection_id):
                raise not_found("connection")
            await audit.record(
                transaction, caller.project_id, caller.actor, "connection.delete", connection_id
            )

    async def _try(self, login: Login) -> None:
        try:
            async with self._turns:
                await self.reach(login)
        except Unresolvable:
            raise unavailable("dns", "the host could not be looked up; try again later") from None
        except Unreachable as error:
            raise invalid(Flaw(("body", error.field), str(error))) from None

    def _sealing(self) -> Sealer:
        if self._sealer is None:
            raise Refused(CONFLICT, _NO_KEY)
        return self._sealer


def _opened(sealer: Sealer, before: Connection, wanted: ConnectionPatch) -> Login:
    """The present login, with the new password if one is given."""
    if wanted.password is not None:
        at = (before.host, before.port, before.database, before.username)
        return Login(*at, wanted.password.get_secret_value(), before.sslmode)
    try:
        return kept.login_of(sealer, before)
    except Unsealable:
        raise Refused(CONFLICT, _UNSEALABLE) from None


def _changed(login: Login, wanted: ConnectionPatch) -> Login:
    given = {name: getattr(wanted, name) for name in (*PLACE, "database") if name in wanted.model_fields_set}
    moved = sorted(name for name in PLACE if name in given and given[name] != getattr(login, name))
    if moved and wanted.password is None:
        raise invalid(Flaw(("body", "password"), f"has to be given again with another {moved[0]}"))
    return login._replace(**given)


def _known(found: Connection | None) -> Connection:
    if found is None:
        raise not_found("connection")
    return found
