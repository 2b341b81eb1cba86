from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.senders.strangers import Strangers, refuse_stranger
from hermodr_api.templates.models import (
    RollbackIn,
    SavedTemplateView,
    TemplateIn,
    TemplatePatch,
    TemplateView,
    content_flaws,
    merged,
    patched_of,
    texts_of,
)
from hermodr_api.templates.publishing import Publishing
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import NameTaken, Template, TemplateChanges, Version

Forget = Callable[[UUID, str], None]
"""Forgets that a project has a template of this name."""


class Templates:
    """The use cases of `/v1/templates`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        publishing: Publishing,
        forget: Forget,
        strangers: Strangers,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._publishing = publishing
        self._forget = forget
        self._strangers = strangers

    async def page(self, project_id: UUID, page: Page, *, name: str | None) -> PageResult[Template]:
        async with patience():
            return await walk(
                self._ledger, page, lambda at, rows: versions.page(at, project_id, rows, name=name)
            )

    async def read(self, project_id: UUID, template_id: UUID) -> Template:
        async with patience():
            return _known(await versions.read(self._ledger, project_id, template_id))

    async def versions(
        self, project_id: UUID, template_id: UUID, before: int | None, limit: int
    ) -> tuple[Sequence[Version], bool]:
        """Versions before that one, newest first, and whether there are more."""
        async with patience():
            _known(await versions.read(self._ledger, project_id, template_id))
            return await versions.versions(self._ledger, template_id, before, limit)

    async def version(self, project_id: UUID, template_id: UUID, number: int) -> Version:
        async with patience():
            _known(await versions.read(self._ledger, project_id, template_id))
            found = await versions.version(self._ledger, template_id, number)
        if found is None:
            raise not_found("version")
        return found

    async def create(self, caller: Caller, wanted: TemplateIn, key: Key | None) -> Answer:
        given = texts_of(wanted.contents)
        _refuse(content_flaws(given, wanted.default_locale))
        await refuse_stranger(caller.project_id, wanted, self._strangers)
        published = await self._publishing.published(given, caller.project_id)

        async def act(transaction: Transaction) -> Outcome:
            made = await versions.create(
                transaction,
                caller.project_id,
                wanted.name,
                wanted.critical,
                wanted.default_locale,
                published.contents,
                mail=wanted.values,
            )
            await _record(transaction, caller, "template.create", made.id, name=made.name)
            return Outcome.of(SavedTemplateView, _saved(made, published.warnings))

        try:
            answer = await self._repeatable.run(caller.project_id, key, 201, act)
        except NameTaken as error:
            raise _taken() from error
        self._forget(caller.project_id, wanted.name)
        return answer

    async def change(self, caller: Caller, template_id: UUID, wanted: TemplatePatch) -> SavedTemplateView:
        await refuse_stranger(caller.project_id, wanted, self._strangers)
        brought = await self._publishing.published(patched_of(wanted), caller.project_id)
        try:
            async with patience(), self._ledger.transaction() as transaction:
                current = _known(await versions.read_for_change(transaction, caller.project_id, template_id))
                if wanted.if_version not in (None, current.version):
                    raise _overtaken(current)
                contents = merged(current.contents, wanted, brought.contents)
                default = wanted.default_locale or current.default_locale
                _refuse(content_flaws(current.contents if contents is None else contents, default))
                changes = TemplateChanges(
                    wanted.name, wanted.critical, wanted.default_locale, contents, wanted.values
                )
                changed = _known(await versions.change(transaction, caller.project_id, template_id, changes))
                view = _saved(changed, brought.warnings)
                await _record(
                    transaction,
                    caller,
                    "template.change",
                    template_id,
                    name=current.name,
                    version=changed.version,
                )
        except NameTaken as error:
            raise _taken() from error
        self._forget(caller.project_id, current.name)
        return view

    async def roll_back(
        self, caller: Caller, template_id: UUID, wanted: RollbackIn, key: Key | None
    ) -> Answer:
        names: list[str] = []

        async def act(transaction: Transaction) -> Outcome:
            _known(await versions.read(transaction, caller.project_id, template_id))
            found = await versions.roll_back(transaction, caller.project_id, template_id, wanted.version)
            if found is None:
                raise invalid(Flaw(("body", "version"), "there is no such version"))
            await _record(
                transaction, caller, "template.rollback", template_id, name=found.name, version=found.version
            )
            names.append(found.name)
            return Outcome.of(TemplateView, found)

        answer = await self._repeatable.run(caller.project_id, key, 200, act)
        for name in names:
            self._forget(caller.project_id, name)
        return answer

    async def delete(self, caller: Caller, template_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            found = _known(await versions.read_for_change(transaction, caller.project_id, template_id))
            if not await versions.delete(transaction, caller.project_id, template_id):
                raise not_found("template")
            await _record(transaction, caller, "template.delete", template_id, name=found.name)
        self._forget(caller.project_id, found.name)


async def _record(
    transaction: Transaction, caller: Caller, action: str, template_id: UUID, **detail: object
) -> None:
    await audit.record(transaction, caller.project_id, caller.actor, action, template_id, detail)


def _known(template: Template | None) -> Template:
    if template is None:
        raise not_found("template")
    return template


def _refuse(flaws: Sequence[Flaw]) -> None:
    if flaws:
        raise invalid(*flaws)


def _saved(template: Template, warnings: Sequence[str]) -> SavedTemplateView:
    view = TemplateView.model_validate(template)
    return SavedTemplateView(**dict(view), warnings=list(warnings))


def _overtaken(current: Template) -> Refused:
    reason = f"somebody else has changed the template: its version is {current.version} now"
    return Refused(CONFLICT, reason, [Flaw(("body", "if_version"), reason)])


def _taken() -> Refused:
    reason = "another template has this name"
    return Refused(CONFLICT, reason, [Flaw(("body", "name"), reason)])
