"""Requests for notifications, and the jobs they become."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

import orjson
from pydantic import Field, model_validator

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body, JsonObject, Label, Moment
from hermodr_api.http.fields import EmailAddress, Locale, Name, PhoneNumber, Subject, Type
from hermodr_api.http.fingerprints import fingerprint
from hermodr_api.http.json_text import dump
from hermodr_api.jobs.endings import LONGEST_DELAY, CancelKey, ExpiresAt, MaxRetries, expiry_flaws
from hermodr_api.notifications.attachments import files_of
from hermodr_api.notifications.content import content_flaws
from hermodr_api.notifications.delivery_times import DeliverAt, time_flaws
from hermodr_api.notifications.digests import DigestIn, digest_flaws
from hermodr_api.notifications.envelope import MailFields, envelope_of, mail_flaws
from hermodr_api.notifications.escalation import EscalateIn, escalate_flaws
from hermodr_contracts.channels import CHANNELS, AddressKind, Channels
from hermodr_contracts.segments import MOST_SEGMENTS
from hermodr_contracts.vocabulary import Channel, JobKind, OnUnknown, Priority
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.attachments import File
from hermodr_ledger.people.recipients import FoundRecipient, Reference
from hermodr_ledger.people.updates import Place
from hermodr_servicekit.ids import message_id_of

_PHONE_CHANNELS = sorted(spec.channel for spec in CHANNELS.values() if spec.address is AddressKind.PHONE)

IdempotencyKey = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]


class To(Body):
    """Exactly one of these: a recipient by one of its identifiers, a bare address, or a group."""

    recipient_id: UUID | None = Field(
        default=None, description="The `id` of a recipient of the address book."
    )
    external_id: Label | None = Field(
        default=None,
        description="Your system's id of the recipient, as given when it was added.",
        examples=["customer-17"],
    )
    user_id: Label | None = Field(
        default=None, description="The recipient who has this `user_id`.", examples=["user-17"]
    )
    email: EmailAddress | None = Field(
        default=None,
        description="A bare email address: no preferences and no muting apply.",
        examples=["ada@example.com"],
    )
    phone: PhoneNumber | None = Field(
        default=None,
        description="A bare phone number (E.164), for `sms` or `whatsapp`; refused while no channel reaches phones.",
        examples=["+15550100123"],
    )
    group_id: UUID | None = Field(
        default=None,
        description="Everybody who is in the group at that moment, as a batch. Not in bulk, and not simulated.",
    )
    name: Name | None = Field(
        default=None, description="The name beside a bare address, for the To header.", examples=["Ada"]
    )
    locale: Locale | None = Field(
        default=None, description="The language of templates for a bare address (BCP 47), as of a recipient."
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        given = (
            self.recipient_id,
            self.external_id,
            self.user_id,
            self.email,
            self.phone,
            self.group_id,
        )
        if given.count(None) != 5:
            raise ValueError(
                "needs exactly one of recipient_id, external_id, user_id, email, phone, group_id"
            )
        if self.email is None and self.phone is None:
            for field in ("name", "locale"):
                if getattr(self, field) is not None:
                    raise ValueError(f"{field} goes with a bare email or phone; a recipient has its own")
        return self


class NotificationIn(MailFields):
    """One notification. `type` names a template; `subject` with a body instead is sent as given."""

    type: Type | None = Field(
        default=None,
        description="The name of the template; with a `subject` of your own, only a name for preferences and lists.",
        examples=["magic_link"],
    )
    to: To = Field(description="Who gets it: exactly one of the fields of `To`.")
    channels: Annotated[list[Channel], Field(min_length=1, max_length=5)] | None = Field(
        default=None,
        description="The channels to use, one delivery each; by default all for which the template has texts.",
        examples=[["email"]],
    )
    priority: Literal["urgent", "normal", "low"] = Field(
        default="normal",
        description="`urgent` never waits behind `normal`, nor `normal` behind `low`.",
    )
    data: JsonObject = Field(
        default_factory=dict,
        description="The template's variables, by name. What the template cannot do without has to be here.",
        examples=[{"name": "Ada", "magic_link": "https://example.com/in/4711"}],
    )
    scheduled_for: Moment | None = Field(
        default=None,
        description="When to send it (RFC 3339 with an offset, at most 366 days ahead); the past means now.",
        examples=["2026-11-22T09:00:00Z"],
    )
    delay_seconds: Annotated[
        float, Field(strict=True, ge=0, le=LONGEST_DELAY.total_seconds(), allow_inf_nan=False)
    ] = Field(
        default=0,
        description="Seconds to wait from now, at most 366 days; not together with `scheduled_for`.",
        examples=[3600],
    )
    deliver_at: DeliverAt | None = Field(
        default=None,
        description="A time of day by the recipient's clock; not together with `scheduled_for` or `delay_seconds`. "
        "Quiet hours come after it.",
    )
    group_id: UUID | None = Field(
        default=None,
        description="The group this belongs to: members who muted it do not get it. With `update_id` by default the "
        "group of the update.",
    )
    update_id: UUID | None = Field(
        default=None, description="The update of a group that this is about; shown with the job."
    )
    subject: Subject | None = Field(
        default=None,
        description="With a body: content sent as given, without a template. A single line. Texts (`sms`) need none.",
        examples=["Your booking is confirmed"],
    )
    body_text: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="The plain text to send as given, with `subject`; alone, if it goes to phones only. By `whatsapp` "
        "only within 24 hours of the person's last message: else it is refused, if it is for now.",
        examples=["We look forward to seeing you on Friday."],
    )
    body_html: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="The HTML to send as given, with `subject`.",
        examples=["<p>We look forward to seeing you on <b>Friday</b>.</p>"],
    )
    on_unknown: Literal["resend", "hold"] | None = Field(
        default=None,
        description="If it is unknown whether the provider accepted it: `resend` the same message (the default for "
        "email) or `hold` it for a person to decide.",
    )
    singleton_key: Label | None = Field(
        default=None,
        description="At most one unfinished job can have this key: a second one is refused (409), naming the first.",
        examples=["password-reset:customer-17"],
    )
    expires_at: ExpiresAt = None
    max_retries: MaxRetries = None
    cancel_key: CancelKey = None
    digest: DigestIn | None = Field(
        default=None, description="Waits for others like it, and is sent with them as one message."
    )
    escalate: EscalateIn | None = Field(
        default=None,
        description="Its `channels` one after another until somebody looked, instead of all at once.",
    )
    metadata: JsonObject = Field(
        default_factory=dict,
        description="Your own data, shown with the job and never sent.",
        examples=[{"booking": 4711}],
    )

    @property
    def has_content(self) -> bool:
        return self.subject is not None or self.body_text is not None or self.body_html is not None


class BulkItemIn(NotificationIn):
    """One notification of many; with an `idempotency_key` it can be repeated safely."""

    most_fields: ClassVar[int] = 40
    idempotency_key: IdempotencyKey | None = Field(
        default=None,
        description="The same key with the same item is accepted again without a second job, for 48 hours.",
        examples=["booking-4711"],
    )


@dataclass(frozen=True, slots=True)
class Sendable:
    """A valid notification whose references are still to be looked up."""

    wanted: NotificationIn
    priority: Priority
    scheduled_for: datetime | None
    data: str
    metadata: str | None
    content: str | None
    envelope: str | None
    files: tuple[File, ...]

    @property
    def waits(self) -> bool:
        return self.scheduled_for is not None or bool(self.wanted.delay_seconds)


def examine(
    wanted: NotificationIn,
    now: datetime,
    channels: Channels,
    at: tuple[str | int, ...] = ("body",),
    *,
    most_segments: int = MOST_SEGMENTS,
) -> Sendable | list[Flaw]:
    """Checks across fields. `channels` are those served here; a `scheduled_for` in the past means now."""
    flaws = [
        *content_flaws(wanted, most_segments, at),
        *_channel_flaws(wanted, channels, at),
        *time_flaws(wanted, now, at),
        *digest_flaws(wanted, at),
        *escalate_flaws(wanted, at),
        *mail_flaws(wanted, wanted.channels, by_phone=wanted.to.phone is not None, channels=channels, at=at),
    ]
    if not flaws:  # else the time may lie outside the calendar
        begins = (wanted.scheduled_for or now) + timedelta(seconds=wanted.delay_seconds)
        flaws = expiry_flaws(wanted.expires_at, now, begins, at)
    if flaws:
        return flaws
    files = files_of(wanted.attachments, at) if wanted.attachments else ()
    if isinstance(files, list):
        return files
    return Sendable(
        wanted,
        Priority.of_lane(wanted.priority),
        _moment(wanted, now),
        dump(wanted.data) if wanted.data else "{}",
        dump(wanted.metadata) if wanted.metadata else None,
        _content(wanted),
        envelope_of(wanted),
        files,
    )


def _channel_flaws(wanted: NotificationIn, channels: Channels, at: tuple[str | int, ...]) -> list[Flaw]:
    asked, to = wanted.channels, wanted.to
    if to.phone is not None and channels.keys().isdisjoint(_PHONE_CHANNELS):
        return [Flaw((*at, "to", "phone"), _not_available(asked or _PHONE_CHANNELS, channels))]
    if asked is None:
        return []
    if channels.keys().isdisjoint(asked):
        return [Flaw((*at, "channels"), _not_available(asked, channels))]
    if wanted.has_content and not any(channels[each].as_given for each in asked if each in channels):
        named = ", ".join(each for each in asked if each in channels)
        return [Flaw((*at, "channels"), f"{named} needs a template, and sends no subject and body as given")]
    if to.email is not None and not any(CHANNELS[each].address is AddressKind.EMAIL for each in asked):
        return [Flaw((*at, "channels"), "an email address can only be reached by email")]
    if to.phone is not None and not any(CHANNELS[each].address is AddressKind.PHONE for each in asked):
        return [
            Flaw((*at, "channels"), f"a phone number can only be reached by {', '.join(_PHONE_CHANNELS)}")
        ]
    return []


def _not_available(asked: Iterable[Channel], channels: Channels) -> str:
    served = f"{', '.join(asked)} (available: {', '.join(channels)})"
    if not {Channel.SMS, Channel.WHATSAPP}.isdisjoint(asked):
        return f"channel not available: {served}; HERMODR_SMS_PROVIDERS says who carries texts and whatsapp"
    return f"channel not available yet: {served}"


def _moment(wanted: NotificationIn, now: datetime) -> datetime | None:
    return wanted.scheduled_for if wanted.scheduled_for is not None and wanted.scheduled_for > now else None


def _content(wanted: NotificationIn) -> str | None:
    if not wanted.has_content:
        return None
    return dump({"subject": wanted.subject, "body_text": wanted.body_text, "body_html": wanted.body_html})


def reference_of(project_id: UUID, to: To) -> Reference | None:
    """The recipient to look up; `None` for a bare address."""
    if to.recipient_id is not None:
        return Reference(project_id, "recipient_id", str(to.recipient_id))
    if to.external_id is not None:
        return Reference(project_id, "external_id", to.external_id)
    if to.user_id is not None:
        return Reference(project_id, "user_id", to.user_id)
    return None


def place_of(project_id: UUID, wanted: NotificationIn) -> Place | None:
    """The group and update to look up; `None` if neither is given."""
    group_id = wanted.to.group_id or wanted.group_id
    if group_id is None and wanted.update_id is None:
        return None
    return Place(project_id, group_id, wanted.update_id)


def template_of(wanted: NotificationIn) -> str | None:
    """The template to look up; `None` if content is given."""
    return None if wanted.has_content else wanted.type


def job_of(
    item: Sendable,
    job_id: UUID,
    project_id: UUID,
    found: FoundRecipient | None,
    *,
    group_id: UUID | None = None,
    batch_id: UUID | None = None,
    idempotency: Idempotency | None = None,
) -> NewJob:
    """`group_id` overrides the group that the item names."""
    wanted = item.wanted
    return NewJob(
        id=job_id,
        project_id=project_id,
        kind=JobKind.NOTIFICATION,
        type=wanted.type,
        priority=item.priority,
        data=item.data,
        content=item.content,
        metadata=item.metadata,
        channels=tuple(wanted.channels) if wanted.channels is not None else None,
        recipient_id=found.id if found else None,
        to_email=wanted.to.email,
        to_phone=wanted.to.phone,
        owner_id=found.user_id if found else None,
        group_id=group_id or wanted.group_id,
        update_id=wanted.update_id,
        batch_id=batch_id,
        singleton_key=wanted.singleton_key,
        on_unknown=OnUnknown(wanted.on_unknown) if wanted.on_unknown else None,
        scheduled_for=item.scheduled_for,
        delay_seconds=wanted.delay_seconds or None,
        idempotency=idempotency,
        expires_at=wanted.expires_at,
        max_retries=wanted.max_retries,
        cancel_key=wanted.cancel_key,
        to_name=wanted.to.name,
        to_locale=wanted.to.locale,
        envelope=item.envelope,
        deliver_at=wanted.deliver_at.stored if wanted.deliver_at is not None else None,
        digest=wanted.digest.stored if wanted.digest is not None else None,
        escalate=wanted.escalate.stored(len(wanted.channels or ())) if wanted.escalate is not None else None,
        attachments=item.files,
    )


def answer_of(job_id: UUID, scheduled: bool, domain: str) -> bytes:
    return orjson.dumps(
        {
            "job_id": job_id,
            "message_id": message_id_of(job_id, domain),
            "status": "scheduled" if scheduled else "queued",
            "status_url": f"/v1/jobs/{job_id}",
        }
    )


def item_fingerprint(item: dict[str, Any]) -> bytes:
    return fingerprint("ITEM", "/v1/notifications", item)
