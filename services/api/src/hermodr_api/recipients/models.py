from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from hermodr_api.access.authentication import Caller
from hermodr_api.http.bodies import Body, JsonObject, Label, Moment, Part
from hermodr_api.http.fields import EmailAddress, Locale, Name, PhoneNumber, Type
from hermodr_api.http.json_text import dump
from hermodr_api.recipients.caps import Caps
from hermodr_contracts.urls import origin
from hermodr_contracts.vocabulary import Channel
from hermodr_recurrence import zone_named
from hermodr_servicekit.guard.targets import LONGEST, Refused, read_target

MOST_ATTRIBUTES = 16 * 1024
"""Octets of JSON."""
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_END = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _known_zone(name: str) -> str:
    zone_named(name)
    return name


def _not_large(attributes: JsonObject) -> JsonObject:
    if len(dump(attributes).encode()) > MOST_ATTRIBUTES:
        raise ValueError(f"has more than {MOST_ATTRIBUTES // 1024} KiB as JSON")
    return attributes


def _is_url(text: str) -> str:
    try:
        read_target(text)
    except Refused as refusal:
        raise ValueError(str(refusal)) from None
    return text


def _origin(url: str | None) -> str | None:
    return origin(url) if url is not None else None


WebhookUrl = Annotated[str, Field(max_length=LONGEST), AfterValidator(_is_url)]
"""What it leads to is asked by `WebhookUrls`."""

Zone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_known_zone)]

Attributes = Annotated[JsonObject, AfterValidator(_not_large)]


class RecipientIn(Body):
    """A new entry of the address book; every field may be left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"external_id": "customer-17", "name": "Ada", "email": "ada@example.com", "locale": "en"}
            ]
        }
    )

    external_id: Label | None = Field(
        default=None,
        description="Your system's id of the recipient; unique in the project.",
        examples=["customer-17"],
    )
    user_id: Label | None = Field(
        default=None,
        description="The user account the recipient belongs to in your application.",
        examples=["user-17"],
    )
    name: Name | None = Field(
        default=None, description="The recipient's name in the To header of mails.", examples=["Ada"]
    )
    email: EmailAddress | None = Field(
        default=None, description="The address for emails.", examples=["ada@example.com"]
    )
    phone: PhoneNumber | None = Field(
        default=None, description="The number for text messages (E.164).", examples=["+15550100123"]
    )
    locale: Locale | None = Field(
        default=None,
        description="The language of templates (BCP 47): the closest one there is, by CLDR's language matching, "
        "else the template's `default_locale`.",
        examples=["de-AT"],
    )
    timezone: Zone | None = Field(
        default=None,
        description="The recipient's time zone (IANA).",
        examples=["Europe/Berlin"],
    )
    relationship: Name | None = Field(
        default=None,
        description="What the recipient is to those you write about; in templates `recipient.relationship`.",
        examples=["grandmother"],
    )
    attributes: Attributes | None = Field(
        default=None,
        description="Your own data about the recipient, in templates as `recipient.attributes.…`; at most 16 KiB. A "
        "change replaces all of them.",
        examples=[{"plan": "family", "children": ["Byron", "Annabella"]}],
    )

    webhook_url: WebhookUrl | None = Field(
        default=None,
        description="The recipient's own URL, to which notifications on the channel `webhook` are posted, signed. It "
        "has to lead to the public internet, or into `HERMODR_WEBHOOK_ALLOW`. Only keys with the scope `manage` see "
        "all of it.",
        examples=["https://hooks.example.com/hermodr/ada"],
    )

    def given(self) -> dict[str, str | None]:
        """The fields that were given, as the ledger takes them."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        if "attributes" in fields:
            fields["attributes"] = dump(self.attributes or {})
        return fields


class RecipientPatch(RecipientIn):
    """The changes: fields left out stay, `null` clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada Lovelace"}]})


class RecipientPut(RecipientIn):
    """A recipient by its `external_id`: made if it is new; else fields left out stay, `null` clears."""

    most_fields: ClassVar[int] = 40

    external_id: Label = Field(
        description="Your system's id of the recipient; unique in the project.", examples=["customer-17"]
    )


class Preference(Part):
    """A preference; without `type` or `channel` it applies to any. The most specific one decides."""

    type: Type | None = Field(
        default=None, description="The type of notifications; by default all.", examples=["newsletter"]
    )
    channel: Channel | None = Field(default=None, description="The channel; by default all.")
    enabled: StrictBool = Field(description="Whether these notifications are wanted.")


class QuietHours(Body):
    """From `start` to `end` in the recipient's time zone (UTC if there is none), also over midnight. What would be sent
    in this time is sent at its end, unless it is urgent or critical."""

    start: Annotated[
        str, Field(pattern=_CLOCK, description="Local time, 24 hours (`HH:MM`).", examples=["22:00"])
    ]
    end: Annotated[
        str,
        Field(
            pattern=_END,
            description="Local time, 24 hours (`HH:MM`); `24:00` is the end of the day.",
            examples=["07:00"],
        ),
    ]
    days: Annotated[
        list[Annotated[int, Field(ge=1, le=7, strict=True)]], Field(min_length=1, max_length=7)
    ] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5, 6, 7],
        description="Days on which they begin, 1 (Monday) to 7 (Sunday); left out, every day. Friday 22:00 to 07:00 "
        "ends on Saturday.",
        examples=[[1, 2, 3, 4, 5]],
    )

    @model_validator(mode="after")
    def _lasts_some_time(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end must differ")
        if len(set(self.days)) != len(self.days):
            raise ValueError("a day stands twice")
        if (self.start, self.end, len(self.days)) == ("00:00", "24:00", 7):
            raise ValueError("they would never end; to send nothing at all use muted_until or preferences")
        return self


class PreferencesIn(Body):
    """A recipient's preferences: parts left out stay, `null` clears."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "preferences": [{"type": "newsletter", "channel": "email", "enabled": False}],
                    "muted_until": None,
                }
            ]
        }
    )

    preferences: Annotated[list[Preference], Field(max_length=500)] | None = Field(
        default=None,
        description="All preferences, in place of the present ones; everything else is allowed.",
    )
    muted_until: Moment | None = Field(
        default=None,
        description="Until then only critical notifications are sent; others are skipped.",
        examples=["2026-11-22T09:00:00Z"],
    )
    quiet_hours: QuietHours | None = Field(
        default=None, description="When the recipient is not to be disturbed, in `timezone`."
    )
    caps: Caps | None = Field(
        default=None,
        description="Frequency caps, in place of the present ones; those of the project hold beside them.",
        examples=[[{"max": 3, "per": "24h", "overflow": "digest"}]],
    )

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "preferences" in given:
            given["preferences"] = [wish.model_dump(mode="json") for wish in self.preferences or []]
        if "caps" in given:
            given["caps"] = [cap.model_dump(mode="json") for cap in self.caps or []] or None
        if self.quiet_hours is not None:
            given["quiet_hours"] = self.quiet_hours.model_dump(mode="json")
        return given


_EXAMPLE: JsonDict = {
    "id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "external_id": "customer-17",
    "user_id": "user-17",
    "name": "Ada",
    "email": "ada@example.com",
    "phone": None,
    "locale": "de-AT",
    "timezone": "Europe/Vienna",
    "relationship": "grandmother",
    "attributes": {"plan": "family"},
    "webhook_url": "https://hooks.example.com",
    "muted_until": None,
    "quiet_hours": {"start": "22:00", "end": "07:00", "days": [1, 2, 3, 4, 5]},
    "preferences": [{"type": "newsletter", "channel": "email", "enabled": False}],
    "caps": [{"max": 3, "per": "24h", "types": None, "overflow": "digest"}],
    "pending_addresses": [
        {
            "kind": "email",
            "address": "ada@example.org",
            "requested_at": "2026-11-22T09:00:00Z",
            "expires_at": "2026-11-23T09:00:00Z",
        }
    ],
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


_OWN: JsonDict = _EXAMPLE | {"external_id": None, "relationship": None, "attributes": {}, "webhook_url": None}


class PendingAddressView(BaseModel):
    """An address that an end user gave: it counts once it is confirmed, by the link or code that was sent there."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["email", "phone"]
    address: str
    requested_at: datetime
    expires_at: datetime


class CodeIn(Body):
    """The code that was sent to a new phone number."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "062914"}]})

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="Six digits, as they were sent.")


class RecipientView(BaseModel):
    """A recipient."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    external_id: str | None
    user_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    relationship: str | None
    attributes: dict[str, Any]
    muted_until: datetime | None
    quiet_hours: dict[str, Any] | None
    preferences: list[dict[str, Any]]
    caps: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime
    webhook_url: Annotated[str | None, AfterValidator(_origin)] = Field(
        description="Of the recipient's own URL only scheme, host and port, except for keys with the scope `manage`."
    )
    pending_addresses: list[PendingAddressView] = Field(
        default_factory=list,
        description="Addresses that an end user gave and nobody confirmed yet: nothing else is sent there.",
    )


class WholeRecipientView(RecipientView):
    """A recipient for those who manage recipients."""

    webhook_url: str | None


class OwnRecipientView(RecipientView):
    """A recipient for the end user whom it is: nothing of what the application notes of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OWN]})

    @model_validator(mode="after")
    def _conceal(self) -> Self:
        self.external_id = self.relationship = self.webhook_url = None
        self.attributes = {}
        return self


def view_for(caller: Caller) -> type[RecipientView]:
    if caller.user_id is not None:
        return OwnRecipientView
    return WholeRecipientView if caller.manages else RecipientView


class UpsertedView(BaseModel):
    """What became of an item, numbered from 0."""

    index: int
    external_id: str
    id: UUID
    status: Literal["created", "updated"]


class UpsertView(BaseModel):
    """What became of many recipients. A rejected one has its errors, and refuses no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "created": 1,
                    "updated": 0,
                    "results": [
                        {
                            "index": 0,
                            "external_id": "customer-17",
                            "id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
                            "status": "created",
                        }
                    ],
                    "rejected": [{"index": 1, "errors": [{"loc": ["external_id"], "msg": "field required"}]}],
                }
            ]
        }
    )

    created: int
    updated: int
    results: list[UpsertedView]
    rejected: list[dict[str, Any]]


class RecipientList(BaseModel):
    """A page of recipients."""

    data: list[RecipientView]
    next_cursor: str | None


class ExportView(BaseModel):
    """All data of a recipient. Fields without a value are left out of the entries of the lists."""

    exported_at: datetime
    contents: bool = Field(
        description="Whether bodies and data are in it; for end users only if the project says so."
    )
    recipient: RecipientView
    memberships: list[dict[str, Any]]
    updates_written: list[dict[str, Any]]
    updates_read: list[dict[str, Any]]
    inbox: list[dict[str, Any]]
    auto_syncs: list[dict[str, Any]]
    auto_sync_responses: list[dict[str, Any]]
    digest_schedules: list[dict[str, Any]]
    jobs: list[dict[str, Any]]
