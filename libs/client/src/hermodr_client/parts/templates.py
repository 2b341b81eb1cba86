from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.templates import Preview, Template, TemplateVersion
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Templates(Part[W]):
    """`contents` are `{"email": {"en": {"subject", "body_text", "body_html"}}}`."""

    @listing
    def list(
        self, *, name: str | None = None, sort: str | None = None, page_size: int = 50
    ) -> Listing[Template]:
        query = query_of({"name": name, "sort": sort, "limit": page_size})
        return Listing(path_of("templates"), Page[Template], query)

    @operation
    def get(self, template_id: Id) -> Steps[Template]:
        return self._get(path_of("templates", template_id), Template)

    @operation
    def create(
        self, /, name: str, contents: Mapping[str, Any], *, idempotency_key: str | None = None, **fields: Any
    ) -> Steps[Template]:
        """Raises `Conflict` when the name is taken, `Invalid` with the place of each flaw."""
        document = {"name": name, "contents": contents, **fields}
        return self._post(path_of("templates"), Template, document, idempotency_key)

    @operation
    def update(self, /, template_id: Id, **fields: Any) -> Steps[Template]:
        """Changes the fields given; `contents` make a new version."""
        return self._patch(path_of("templates", template_id), Template, fields)

    @operation
    def delete(self, template_id: Id) -> Steps[None]:
        yield from self._delete(path_of("templates", template_id))

    @listing
    def versions(self, template_id: Id, *, page_size: int = 50) -> Listing[TemplateVersion]:
        """Newest first."""
        path = path_of("templates", template_id, "versions")
        return Listing(path, Page[TemplateVersion], query_of({"limit": page_size}))

    @operation
    def version(self, template_id: Id, version: int) -> Steps[TemplateVersion]:
        """With the HTML it was compiled to."""
        return self._get(path_of("templates", template_id, "versions", version), TemplateVersion)

    @operation
    def rollback(self, template_id: Id, version: int) -> Steps[Template]:
        """Makes another version the current one."""
        return self._post(path_of("templates", template_id, "rollback"), Template, {"version": version})

    @operation
    def preview(self, /, template_id: Id, **wanted: Any) -> Steps[Preview]:
        """The message for `data`, in a `locale` and on a `channel`."""
        return self._post(path_of("templates", template_id, "preview"), Preview, wanted)

    @operation
    def preview_contents(self, /, contents: Mapping[str, Any], **wanted: Any) -> Steps[Preview]:
        """A preview of contents that are not saved; `wanted` as for `preview`. Raises `Invalid` with the place of
        each flaw."""
        return self._post(path_of("template-previews"), Preview, {"contents": contents, **wanted})
