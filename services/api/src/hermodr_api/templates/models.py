from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import FEW, Body, Part
from hermodr_api.http.fields import Locale, Subject, Type
from hermodr_api.senders.models import MailDefaultsView
from hermodr_api.templates.approved import ApprovedIn, ApprovedView, approved_flaws
from hermodr_api.templates.labels import EXAMPLE, Label, LabelledIn
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Contents, Texts

MAX_SOURCE = 128 * 1024
"""Characters of one text. Mail programs cut off mails beyond about 100 KB, and compiling takes time."""

Source = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]


class TextsIn(Part):
    """The texts of one locale on one channel: Jinja2, autoescaped in HTML."""

    subject: Subject | None = Field(
        default=None,
        description="The subject, a single line; an email needs one.",
        examples=["Your link, {{ name }}"],
    )
    body_text: Source | None = Field(
        default=None,
        description="The plain text; without it, it is derived from the HTML. At least one body is needed.",
        examples=["Sign in: {{ magic_link }}"],
    )
    body_html: Source | None = Field(
        default=None,
        description="The HTML, in which variables are escaped.",
        examples=['<p><a href="{{ magic_link }}">Sign in</a></p>'],
    )
    body_mjml: Source | None = Field(
        default=None,
        description="MJML instead of `body_html`; compiled when it is saved.",
        examples=["<mjml><mj-body><mj-text>Hello, {{ name }}</mj-text></mj-body></mjml>"],
    )
    inline_css: StrictBool = Field(
        default=True, description="Whether the rules of a `<style>` in `body_html` become `style` attributes."
    )
    approved: ApprovedIn | None = Field(
        default=None,
        description="On `whatsapp`: the template that Meta approved, sent outside the 24-hour window.",
    )


VersionIn = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
LocalesIn = Annotated[dict[Locale, TextsIn], Field(min_length=1, max_length=100), FEW]
ChangesIn = Annotated[dict[Channel, Annotated[dict[Locale, TextsIn | None], FEW] | None], FEW]


class TemplateIn(LabelledIn):
    """A new template; its contents become version 1. A starter of this name that nobody has changed gives way: its next
    version is what is given. A `critical` one ignores mute, preferences and quiet hours."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "magic_link",
                    "contents": {
                        "email": {
                            "en": {
                                "subject": "Your link, {{ name }}",
                                "body_text": "Sign in: {{ magic_link }}",
                            },
                            "de": {
                                "subject": "Dein Link, {{ name }}",
                                "body_text": "Anmelden: {{ magic_link }}",
                            },
                        }
                    },
                }
            ]
        }
    )

    name: Type = Field(
        description="The `type` of notifications with this template; unique in the project.",
        examples=["magic_link"],
    )
    critical: StrictBool = Field(
        default=False, description="Whether it is sent even if the recipient muted or disabled it."
    )
    default_locale: Locale = Field(
        default="en",
        description="For recipients without texts in their locale; every channel needs texts in it.",
        examples=["en"],
    )
    contents: Annotated[dict[Channel, LocalesIn], Field(min_length=1), FEW] = Field(
        description="The texts by channel and locale.",
        examples=[{"email": {"en": {"subject": "Hello, {{ name }}", "body_text": "It works."}}}],
    )


class TemplatePatch(LabelledIn):
    """The changes. Channels and locales named in `contents` are replaced in a new version, those that are `null` are
    removed, all others are kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contents": {
                        "email": {"en": {"subject": "Sign in, {{ name }}", "body_text": "{{ magic_link }}"}}
                    }
                }
            ]
        }
    )

    name: Type | None = Field(default=None, description="The new name.", examples=["magic_link"])
    critical: StrictBool | None = Field(
        default=None, description="Whether it is sent even if the recipient muted or disabled it."
    )
    default_locale: Locale | None = Field(
        default=None, description="For recipients without texts in their locale.", examples=["en"]
    )
    contents: ChangesIn | None = Field(
        default=None,
        description="The changed texts, by channel and locale.",
        examples=[{"email": {"en": {"subject": "Hello, {{ name }}", "body_text": "It works."}}}],
    )
    if_version: VersionIn | None = Field(
        default=None,
        description="The version that the changes were made from: if another one is current meanwhile, nothing is "
        "changed (409).",
        examples=[3],
    )


class RollbackIn(Body):
    """The version to make current, older or newer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: VersionIn = Field(description="A number of the template's list of versions.", examples=[1])


class TextsView(BaseModel):
    """The texts of one locale on one channel."""

    model_config = ConfigDict(from_attributes=True)

    subject: str | None
    body_text: str | None
    body_html: str | None
    body_mjml: str | None
    inline_css: bool
    approved: ApprovedView | None = None


class CompiledView(TextsView):
    """Texts with the HTML that is sent: `compiled_html` is made from MJML, or from HTML with its CSS inlined."""

    compiled_html: str | None


_TEXTS: JsonDict = {
    "subject": "Your link, {{ name }}",
    "body_text": "Sign in: {{ magic_link }}",
    "body_html": None,
    "body_mjml": None,
    "inline_css": True,
    "approved": None,
}
_VERSION: JsonDict = {
    "version": 1,
    "contents": {"email": {"en": _TEXTS}},
    "created_at": "2026-11-22T09:00:00Z",
}
_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "name": "magic_link",
    "critical": False,
    "default_locale": "en",
    **_VERSION,
    "updated_at": "2026-11-22T09:00:00Z",
    "starter": False,
    "from": "Shop <shop@example.com>",
    "reply_to": ["help@example.com"],
    "labels": EXAMPLE,
}


class TemplateView(MailDefaultsView):
    """A template with its current contents by channel and locale."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str
    critical: bool
    default_locale: str
    version: int
    contents: dict[str, dict[str, TextsView]]
    created_at: datetime
    updated_at: datetime
    starter: bool = Field(description="Whether it came with the project, and nobody has changed it.")
    labels: dict[str, Label] | None = Field(
        default=None, description="How people's preference page names the type, by locale."
    )


class SavedTemplateView(TemplateView):
    """A template with warnings: what the author may not have meant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_EXAMPLE | {"warnings": ["there is no body_text: it is derived from the HTML"]}]
        }
    )

    warnings: list[str]


class TemplateList(BaseModel):
    """A page of templates."""

    data: list[TemplateView]
    next_cursor: str | None


class VersionView(BaseModel):
    """One version of a template."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_VERSION]})

    version: int
    contents: dict[str, dict[str, TextsView]]
    created_at: datetime


class WholeVersionView(BaseModel):
    """One version of a template, with its compiled HTML."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [_VERSION | {"contents": {"email": {"en": _TEXTS | {"compiled_html": None}}}}]
        },
    )

    version: int
    contents: dict[str, dict[str, CompiledView]]
    created_at: datetime


class VersionList(BaseModel):
    """A page of versions, newest first."""

    data: list[VersionView]
    next_cursor: str | None


def texts_of(contents: dict[Channel, LocalesIn]) -> dict[str, dict[str, Texts]]:
    return {
        channel.value: {locale: _texts(texts, locale) for locale, texts in locales.items()}
        for channel, locales in contents.items()
    }


def patched_of(patch: TemplatePatch) -> dict[str, dict[str, Texts]]:
    """The texts that a patch adds or replaces."""
    brought = {
        channel.value: {
            locale: _texts(texts, locale) for locale, texts in locales.items() if texts is not None
        }
        for channel, locales in (patch.contents or {}).items()
        if locales is not None
    }
    return {channel: locales for channel, locales in brought.items() if locales}


def merged(current: Contents, patch: TemplatePatch, brought: Contents) -> Contents | None:
    """The contents of the new version, `None` if the patch has none. `brought` are the patch's compiled texts."""
    if patch.contents is None:
        return None
    contents = {channel: dict(locales) for channel, locales in current.items()}
    for channel, locales in patch.contents.items():
        if locales is None:
            contents.pop(channel.value, None)
            continue
        kept = contents.setdefault(channel.value, {})
        for locale, texts in locales.items():
            if texts is None:
                kept.pop(locale, None)
            else:
                kept[locale] = brought[channel.value][locale]
        if not kept:
            del contents[channel.value]
    return contents


def _texts(texts: TextsIn, locale: str) -> Texts:
    approved = texts.approved.written(locale) if texts.approved is not None else None
    given = (texts.subject, texts.body_text, texts.body_html, texts.body_mjml, texts.inline_css)
    return Texts(*given, approved=approved)


def content_flaws(contents: Contents, default_locale: str) -> list[Flaw]:
    """What would make a version impossible to send."""
    if not contents:
        return [Flaw(("body", "contents"), "a template needs contents on at least one channel")]
    flaws = []
    for channel, locales in contents.items():
        if default_locale not in locales:
            reason = f"the default_locale {default_locale} is missing"
            flaws.append(Flaw(("body", "contents", channel), reason))
        for locale, texts in locales.items():
            at = ("body", "contents", channel, locale)
            flaws.extend(Flaw((*at, name), msg) for name, msg in _missing(channel, texts))
            if texts.approved is not None:
                flaws.extend(approved_flaws(channel, texts.approved, (*at, "approved")))
    return flaws


def _missing(channel: str, texts: Texts) -> Iterator[tuple[str, str]]:
    if channel == Channel.WEBHOOK:
        for name in ("subject", "body_html", "body_mjml"):
            if getattr(texts, name) is not None:
                yield name, "a webhook has only a body_text, which makes JSON"
        if texts.body_text is None:
            yield "body_text", "a webhook needs a body_text, which makes JSON"
        return
    bodies = (texts.body_text, texts.body_html, texts.body_mjml)
    if bodies == (None, None, None) and texts.approved is None:
        yield "body_text", "needs body_text, body_html or body_mjml"
    if texts.body_mjml is not None and texts.body_html is not None:
        yield "body_mjml", "is compiled to HTML, so there can be no body_html beside it"
    if channel == Channel.EMAIL and texts.subject is None:
        yield "subject", "an email needs a subject"
