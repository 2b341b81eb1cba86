"""`/v1/templates`: what notifications say."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.intake import Gate, caller_of, ok, read_body, respond
from hermodr_api.http.lists import (
    Cursor,
    Filter,
    Limit,
    Sort,
    listed,
    page_asked,
)
from hermodr_api.http.openapi import documented
from hermodr_api.notifications.directory import Directory
from hermodr_api.templates.models import (
    RollbackIn,
    SavedTemplateView,
    TemplateIn,
    TemplateList,
    TemplatePatch,
    TemplateView,
    VersionList,
    VersionView,
    WholeVersionView,
    content_flaws,
    merged,
    patched_of,
    texts_of,
)
from hermodr_api.templates.publishing import Publishing
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import walk
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import NameTaken, Template, TemplateChanges

_EXAMPLE = {
    "name": "magic_link",
    "contents": {
        "email": {
            "en": {"subject": "Your link, {{ name }}", "body_text": "Sign in: {{ magic_link }}"},
            "de": {"subject": "Dein Link, {{ name }}", "body_text": "Anmelden: {{ magic_link }}"},
        }
    },
}
_PATCH = {"contents": {"email": {"en": {"subject": "Sign in, {{ name }}", "body_text": "{{ magic_link }}"}}}}
_ONE = "/v1/templates/{template_id}"
VersionNumber = Annotated[int, Path(ge=1, le=2**31 - 1), NUMERAL]


class TemplateRoutes:
    """Reading and changing templates."""

    def __init__(
        self,
        gate: Gate,
        ledger: Ledger,
        repeatable: Repeatable,
        directory: Directory,
        publishing: Publishing,
    ) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable
        self._directory = directory
        self._publishing = publishing

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["templates"])
        self._add_reading(router)
        self._add_writing(router)
        return router

    def _add_reading(self, router: APIRouter) -> None:
        reading = [Depends(self._gate.needs_read)]
        docs = documented("List templates", method="GET", scope="read", answer=TemplateList)
        router.add_api_route("/v1/templates", self.list, dependencies=reading, **docs)
        docs = documented("Show a template", method="GET", scope="read", answer=TemplateView, problems=(404,))
        router.add_api_route(_ONE, self.show, dependencies=reading, **docs)
        docs = documented(
            "List a template's versions", method="GET", scope="read", answer=VersionList, problems=(404,)
        )
        router.add_api_route(f"{_ONE}/versions", self.versions, dependencies=reading, **docs)
        docs = documented(
            "Show a version, with the HTML it was compiled to",
            method="GET",
            scope="read",
            answer=WholeVersionView,
            problems=(404,),
        )
        router.add_api_route(f"{_ONE}/versions/{{version}}", self.version, dependencies=reading, **docs)

    def _add_writing(self, router: APIRouter) -> None:
        writing = [Depends(self._gate.needs_manage)]
        docs = documented(
            "Add a template",
            method="POST",
            scope="manage",
            status=201,
            answer=SavedTemplateView,
            body=TemplateIn,
            example=_EXAMPLE,
        )
        router.add_api_route("/v1/templates", self.create, dependencies=writing, **docs)
        docs = documented(
            "Change a template; contents become a new version",
            method="PATCH",
            scope="manage",
            answer=SavedTemplateView,
            body=TemplatePatch,
            example=_PATCH,
            problems=(404, 409),
        )
        router.add_api_route(_ONE, self.change, dependencies=writing, **docs)
        docs = documented(
            "Make another version the current one",
            method="POST",
            scope="manage",
            answer=TemplateView,
            body=RollbackIn,
            example={"version": 1},
            problems=(404,),
        )
        router.add_api_route(f"{_ONE}/rollback", self.roll_back, dependencies=writing, **docs)
        docs = documented("Delete a template", method="DELETE", scope="manage", status=204, problems=(404,))
        router.add_api_route(_ONE, self.delete, dependencies=writing, **docs)

    async def list(
        self,
        request: Request,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        name: Filter = None,
    ) -> Response:
        """`GET /v1/templates`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            project_id = caller_of(request).project_id
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: versions.page(at, project_id, rows, name=name),
            )
        return listed(request, found, TemplateView, TemplateList)

    async def show(self, request: Request, template_id: UUID) -> Response:
        """`GET /v1/templates/{id}`."""
        async with patience():
            return ok(_shown(await versions.read(self._ledger, caller_of(request).project_id, template_id)))

    async def versions(
        self,
        request: Request,
        template_id: UUID,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """`GET /v1/templates/{id}/versions`. The cursor is the number of the last version shown."""
        before = None
        if cursor is not None:
            if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 9:
                raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list"))
            before = int(cursor)
        async with patience():
            _shown(await versions.read(self._ledger, caller_of(request).project_id, template_id))
            rows, more = await versions.versions(self._ledger, template_id, before, limit)
        shown = [VersionView.model_validate(row) for row in rows]
        page = VersionList(data=shown, next_cursor=str(shown[-1].version) if more else None)
        return ok(page.model_dump_json().encode())

    async def version(self, request: Request, template_id: UUID, version: VersionNumber) -> Response:
        """`GET /v1/templates/{id}/versions/{version}`."""
        async with patience():
            _shown(await versions.read(self._ledger, caller_of(request).project_id, template_id))
            found = await versions.version(self._ledger, template_id, version)
        if found is None:
            raise not_found("version")
        return ok(WholeVersionView.model_validate(found).model_dump_json().encode())

    async def create(self, request: Request) -> Response:
        """`POST /v1/templates`."""
        wanted, key = await read_body(request, TemplateIn)
        project_id, actor = caller_of(request).project_id, caller_of(request).actor
        given = texts_of(wanted.contents)
        flaws = content_flaws(given, wanted.default_locale)
        if flaws:
            raise invalid(*flaws)
        made_of = await self._publishing.published(given, project_id)

        async def act(transaction: Transaction) -> Outcome:
            made = await versions.create(
                transaction, project_id, wanted.name, wanted.critical, wanted.default_locale, made_of.contents
            )
            await audit.record(
                transaction, project_id, actor, "template.create", made.id, {"name": made.name}
            )
            return Outcome(_saved(made, made_of.warnings))

        try:
            return respond(await self._repeatable.run(project_id, key, 201, act))
        except NameTaken as error:
            raise _taken() from error

    async def change(self, request: Request, template_id: UUID) -> Response:
        """`PATCH /v1/templates/{id}`."""
        wanted, _ = await read_body(request, TemplatePatch)
        project_id, actor = caller_of(request).project_id, caller_of(request).actor
        brought = await self._publishing.published(patched_of(wanted), project_id)
        try:
            async with patience(), self._ledger.transaction() as transaction:
                current = await versions.read_for_change(transaction, project_id, template_id)
                if current is None:
                    raise not_found("template")
                contents = merged(current.contents, wanted, brought.contents)
                default = wanted.default_locale or current.default_locale
                flaws = content_flaws(current.contents if contents is None else contents, default)
                if flaws:
                    raise invalid(*flaws)
                changes = TemplateChanges(wanted.name, wanted.critical, wanted.default_locale, contents)
                changed = await versions.change(transaction, project_id, template_id, changes)
                body = _saved(changed, brought.warnings)
                detail = {"name": current.name, "version": changed.version if changed else None}
                await audit.record(transaction, project_id, actor, "template.change", template_id, detail)
        except NameTaken as error:
            raise _taken() from error
        self._directory.forget(project_id, current.name)
        return ok(body)

    async def roll_back(self, request: Request, template_id: UUID) -> Response:
        """`POST /v1/templates/{id}/rollback`."""
        wanted, key = await read_body(request, RollbackIn)
        project_id, actor = caller_of(request).project_id, caller_of(request).actor

        async def act(transaction: Transaction) -> Outcome:
            _shown(await versions.read(transaction, project_id, template_id))
            found = await versions.roll_back(transaction, project_id, template_id, wanted.version)
            if found is None:
                raise invalid(Flaw(("body", "version"), "there is no such version"))
            detail = {"name": found.name, "version": found.version}
            await audit.record(transaction, project_id, actor, "template.rollback", template_id, detail)
            return Outcome(_shown(found))

        return respond(await self._repeatable.run(project_id, key, 200, act))

    async def delete(self, request: Request, template_id: UUID) -> Response:
        """`DELETE /v1/templates/{id}`."""
        project_id, actor = caller_of(request).project_id, caller_of(request).actor
        async with patience(), self._ledger.transaction() as transaction:
            found = await versions.read_for_change(transaction, project_id, template_id)
            if found is None or not await versions.delete(transaction, project_id, template_id):
                raise not_found("template")
            await audit.record(
                transaction, project_id, actor, "template.delete", template_id, {"name": found.name}
            )
        self._directory.forget(project_id, found.name)
        return Response(status_code=204)


def _shown(template: Template | None) -> bytes:
    if template is None:
        raise not_found("template")
    return TemplateView.model_validate(template).model_dump_json().encode()


def _saved(template: Template | None, warnings: Sequence[str]) -> bytes:
    view = TemplateView.model_validate_json(_shown(template))
    return SavedTemplateView(**dict(view), warnings=list(warnings)).model_dump_json().encode()


def _taken() -> Refused:
    reason = "another template has this name"
    return Refused(CONFLICT, reason, [Flaw(("body", "name"), reason)])
