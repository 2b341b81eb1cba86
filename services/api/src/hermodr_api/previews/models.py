from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.bodies import FEW, Body, JsonObject
from hermodr_api.http.fields import Locale
from hermodr_api.http.json_text import dump
from hermodr_api.previews.counting import CountView
from hermodr_api.recipients.models import RecipientIn
from hermodr_api.templates.approved import ApprovedView
from hermodr_api.templates.models import ChangesIn, LocalesIn
from hermodr_contracts.locales import choose_locale
from hermodr_contracts.payloads import usual_payload
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.people.recipients import IN_TEMPLATES, Recipient
from hermodr_ledger.templates.versions import Contents, Texts
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.publishing import NO_WORDS

_CLIPPED = 100 * 1024
_LONG_SUBJECT = 120


_DRAFT: JsonDict = {
    "contents": {
        "email": {
            "en": {
                "subject": "Hello, {{ name }}",
                "body_mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>Hello, {{ name }}</mj-text></mj-column>"
                "</mj-section></mj-body></mjml>",
            }
        }
    },
    "data": {"name": "Ada"},
}


_SAMPLE = "A recipient for the texts to read, made up; whose locale is used if `locale` is not given."


class DraftPreviewIn(Body):
    """Contents that are not saved, and the data to fill in."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DRAFT]})

    contents: Annotated[dict[Channel, LocalesIn], Field(min_length=1), FEW] = Field(
        description="The texts by channel and locale.",
        examples=[{"email": {"en": {"subject": "Hello, {{ name }}", "body_text": "It works."}}}],
    )
    channel: Channel | None = Field(
        default=None, description="By default email, if it has texts.", examples=["email"]
    )
    locale: Locale | None = Field(default=None, description="The locale wanted.", examples=["de-AT"])
    default_locale: Locale = Field(
        default="en", description="Used if there are no texts in `locale`.", examples=["en"]
    )
    recipient: RecipientIn | None = Field(default=None, description=_SAMPLE)
    data: JsonObject = Field(
        default_factory=dict, description="The variables of the texts.", examples=[{"name": "Ada"}]
    )


class PreviewIn(Body):
    """The data to fill in, and which texts: of a saved version, or of changes that are not saved."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"locale": "de-AT", "data": {"name": "Ada", "magic_link": "https://example.com/x"}}]
        }
    )

    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(
        default=None, description="By default the current version.", examples=[1]
    )
    contents: ChangesIn | None = Field(
        default=None,
        description="Unsaved changes, as in PATCH, applied to the version.",
        examples=[{"email": {"en": {"subject": "Hello, {{ name }}", "body_text": "It works."}}}],
    )
    channel: Channel | None = Field(
        default=None, description="By default email, if it has texts.", examples=["email"]
    )
    locale: Locale | None = Field(default=None, description="The locale wanted.", examples=["de-AT"])
    recipient_id: UUID | None = Field(
        default=None,
        description="A recipient of the address book for the texts to read; whose locale is used if `locale` is not "
        "given.",
    )
    recipient: RecipientIn | None = Field(
        default=None, description=f"{_SAMPLE} Not together with `recipient_id`."
    )
    data: JsonObject = Field(
        default_factory=dict, description="The variables of the texts.", examples=[{"name": "Ada"}]
    )


class PreviewView(BaseModel):
    """The message. `text` is derived from the HTML where there is no text; `variables` are the names that the texts
    take from the data. `sms`: of a text, what it would be paid by. Of WhatsApp: the `approved` template filled in, and
    which would be sent (`sent_as`) to the recipient now; without one it depends on when they wrote last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 1,
                    "channel": "email",
                    "locale": "en",
                    "subject": "Your link, Ada",
                    "html": None,
                    "text": "Sign in: https://example.com/x",
                    "variables": ["magic_link", "name"],
                    "sms": None,
                    "approved": None,
                    "sent_as": None,
                    "warnings": ["there are no texts in de-AT: en is used"],
                }
            ]
        }
    )

    version: int | None
    channel: str
    locale: str
    subject: str
    html: str | None
    text: str
    variables: list[str]
    sms: CountView | None = None
    approved: ApprovedView | None = None
    sent_as: Literal["text", "template", "nothing"] | None = Field(
        default=None,
        description="`text` within 24 hours of the recipient's last message, else `template`; `nothing`: neither is "
        "possible. `null`: on other channels, or if it is not said for whom.",
    )
    warnings: list[str]


def chosen(
    contents: Contents, channel: Channel | None, locale: str | None, default: str
) -> tuple[str, str, Texts] | None:
    """The channel, locale and texts that a recipient would get; `None` if the channel has none."""
    names = [Channel.EMAIL.value, *contents] if channel is None else [channel.value]
    for name in names:
        if locales := contents.get(name):
            found = choose_locale(locale, default, list(locales))
            return name, found, locales[found]
    return None


def described(recipient: Recipient | RecipientIn | None, data: JsonObject) -> JsonObject:
    """The recipient as the texts read it. Raises `Refused` if the data has one of its own."""
    if RECIPIENT in data:
        reason = "needs another name: the texts read the recipient by this one; give one as `recipient` beside the data"
        raise invalid(Flaw(("body", "data", RECIPIENT), reason))
    if recipient is None:
        return {"attributes": {}}
    given = {name: getattr(recipient, name) for name in IN_TEMPLATES}
    known = {name: value for name, value in given.items() if value is not None}
    return {**known, "attributes": recipient.attributes or {}}


def usual_webhook(
    version: int | None, type_name: str | None, locale: str, data: JsonObject, now: datetime
) -> PreviewView:
    """What a webhook gets from a template without texts for it."""
    text = usual_payload(type_name, now, dump(data))
    return PreviewView(
        version=version,
        channel=Channel.WEBHOOK,
        locale=locale,
        subject="",
        html=None,
        text=text,
        variables=[],
        warnings=["there are no texts for webhook: the data is posted as it is"],
    )


def sent_as(
    texts: Texts, open_with: Mapping[str, frozenset[str]], phone: str | None
) -> Literal["text", "template", "nothing"] | None:
    """What of WhatsApp texts the phone would get now."""
    if phone is None:
        return None
    has_text = (texts.body_text, texts.body_html, texts.body_mjml) != (None, None, None)
    if has_text and open_with.get(phone):
        return "text"
    return "template" if texts.approved is not None else "nothing"


def warnings_of(view: PreviewView, texts: Texts, wanted: str | None, data: JsonObject) -> list[str]:
    warnings = []
    if wanted is not None and wanted.lower().replace("_", "-") != view.locale.lower().replace("_", "-"):
        warnings.append(f"there are no texts in {wanted}: {view.locale} is used")
    absent = [name for name in view.variables if name not in data]
    if absent:
        warnings.append(f"not in data, and done without: {', '.join(absent)}")
    if view.html is not None and texts.body_text is None:
        warnings.append(
            NO_WORDS if not view.text else "there is no body_text: the plain text is derived from the HTML"
        )
    if view.html is not None and len(view.html.encode()) > _CLIPPED:
        warnings.append("the HTML is over 100 KiB: Gmail shows the beginning only")
    if len(view.subject) > _LONG_SUBJECT:
        warnings.append(f"the subject has {len(view.subject)} characters: most programs show 50 to 70")
    if view.channel == Channel.EMAIL and not view.subject:
        warnings.append("the subject is empty")
    return warnings
