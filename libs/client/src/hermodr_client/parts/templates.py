from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermodr_client.errors import Invalid
from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.templates import Contents, Preview, Saved, Template, TemplateVersion
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Templates(Part[W]):
    """`contents` are `{"email": {"en": {"subject", "body_text", "body_html"}}}`; on `whatsapp` with `approved`, the
    template that is sent outside the 24-hour window."""

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
        """`fields` as the API has them: `critical`, `default_locale`, `from`, `reply_to`, `labels`. Raises `Conflict`
        when the name is taken, `Invalid` with the place of each flaw."""
        document = {"name": name, "contents": contents, **fields}
        return self._post(path_of("templates"), Template, document, idempotency_key)

    @operation
    def update(self, /, template_id: Id, **fields: Any) -> Steps[Template]:
        """Changes the fields given; `contents` make a new version. With `if_version` raises `Conflict` if another
        version is current."""
        return self._patch(path_of("templates", template_id), Template, fields)

    @operation
    def find(self, name: str) -> Steps[Template | None]:
        """The template of this name."""
        return (yield from self._named(name))

    @operation
    def save(
        self,
        /,
        name: str,
        contents: Mapping[str, Any],
        *,
        critical: bool = False,
        default_locale: str = "en",
        sender: str | None = None,
        reply_to: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Steps[Saved]:
        """Makes the template of this name what is given: texts that are not in `contents` go. There is a new version
        only if something changed. `dry_run` only checks and compares. Raises `Invalid` with the place of each flaw."""
        there = yield from self._named(name)
        wanted = {"critical": critical, "default_locale": default_locale}
        mail = {"from": sender, "reply_to": list(reply_to)}
        if there is None:
            if dry_run:
                yield from self._checked(contents, default_locale)
                return Saved(outcome="created", template=None)
            given = {key: value for key, value in mail.items() if value}
            document = {"name": name, "contents": contents, **wanted, **given}
            return Saved(
                outcome="created", template=(yield from self._post(path_of("templates"), Template, document))
            )
        changes: dict[str, Any] = {
            key: value for key, value in wanted.items() if getattr(there, key) != value
        }
        if there.sender != sender:
            changes["from"] = sender
        if there.reply_to != mail["reply_to"]:
            changes["reply_to"] = mail["reply_to"]
        if texts := _changed(there.contents, contents):
            changes["contents"] = texts
        if not changes:
            return Saved(outcome="unchanged", template=there)
        if dry_run:
            yield from self._checked(contents, default_locale)
            return Saved(outcome="changed", template=there)
        made = yield from self._patch(path_of("templates", there.id), Template, changes)
        return Saved(outcome="changed", template=made)

    def _named(self, name: str) -> Steps[Template | None]:
        found = yield from self._get(path_of("templates"), Page[Template], {"name": name})
        return found.data[0] if found.data else None

    def _checked(self, contents: Mapping[str, Any], default_locale: str) -> Steps[None]:
        """Raises `Invalid` for what could not be saved."""
        document = {"contents": contents, "default_locale": default_locale, "data": {}}
        try:
            yield from self._post(path_of("template-previews"), Preview, document)
        except Invalid as error:
            # there are no data and no recipient to preview it with
            if any(flaw.loc[:2] not in (("body", "data"), ("body", "recipient")) for flaw in error.errors):
                raise

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


_TEXTS: dict[str, Any] = {
    "subject": None,
    "body_text": None,
    "body_html": None,
    "body_mjml": None,
    "inline_css": True,
    "approved": None,
}
_APPROVED: dict[str, Any] = {"parameters": [], "header": None, "buttons": []}


def _changed(there: Contents, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of a PATCH that makes `wanted` of what is there."""
    changes: dict[str, Any] = {channel: None for channel in there if channel not in wanted}
    for channel, locales in wanted.items():
        known = {_tag(locale): texts for locale, texts in there.get(channel, {}).items()}
        given = {_tag(locale) for locale in locales}
        different = {
            locale: texts
            for locale, texts in locales.items()
            if _tag(locale) not in known or not _same(known[_tag(locale)], texts)
        }
        gone = {locale: None for locale in there.get(channel, {}) if _tag(locale) not in given}
        if different or gone:
            changes[channel] = {**different, **gone}
    return changes


def _same(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """An approved template without a language has that of its locale, whatever that is."""
    one, other = {**_TEXTS, **there}, {**_TEXTS, **wanted}
    if one["approved"] is not None and other["approved"] is not None:
        known = {**_APPROVED, **one["approved"]}
        other["approved"] = {**_APPROVED, "language": known.get("language"), **other["approved"]}
        one["approved"] = known
    return one == other


def _tag(locale: str) -> str:
    """A locale however it is written: `de_at` is `de-AT`."""
    return locale.replace("_", "-").lower()
