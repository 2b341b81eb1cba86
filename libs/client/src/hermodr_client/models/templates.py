from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer

Contents = dict[str, dict[str, dict[str, Any]]]
"""Texts by channel and locale: `{"email": {"en": {"subject", "body_text", "body_html"}}}`."""


class Template(Answer):
    """A template with its current contents by channel and locale."""

    id: UUID
    name: str
    version: int
    contents: Contents
    critical: bool = False
    default_locale: str = "en"
    sender: str | None = Field(default=None, alias="from")
    """Whom mails are from that do not say it themselves."""
    reply_to: list[str] = Field(default_factory=list)
    labels: dict[str, Any] | None = None
    """What people read of the type, by locale: `{"title", "category", "description"}`."""
    starter: bool = False
    """Whether it came with the project, and nobody has changed it."""
    warnings: list[str] = Field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Saved(Answer):
    """What `templates.save` did, or would do: then `template` is what is there, None if it is new."""

    outcome: Literal["created", "changed", "unchanged"]
    template: Template | None


class TemplateVersion(Answer):
    """One version of a template. Shown by itself, its contents have the HTML they were compiled to."""

    version: int
    contents: Contents
    created_at: datetime | None = None


class TextCost(Answer):
    """Decimal numbers, at the first provider whose price of a segment is configured."""

    provider: str
    per_segment: str
    total: str
    currency: str | None = None


class TextCount(Answer):
    """What a text (`sms`) would be paid by; `used` and `left` are characters, of which some count two."""

    segments: int
    encoding: str
    used: int
    left: int
    most_segments: int
    country: str | None = None
    cost: TextCost | None = None


class Preview(Answer):
    """A rendered message. `version` is None for contents that are not saved; `variables` are those the texts use,
    `warnings` what may be a mistake."""

    channel: str
    locale: str
    version: int | None = None
    subject: str
    html: str | None = None
    text: str
    variables: list[str]
    sms: TextCount | None = None
    approved: dict[str, Any] | None = None
    """Of WhatsApp: the approved template, filled in."""
    sent_as: str | None = None
    """Of WhatsApp: `text` or `template`, whichever the recipient would get now; or `nothing`."""
    warnings: list[str]
