"""The rules for notifications: which deliveries a job becomes, and why others do not exist. Pure; see `decide`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hermodr_contracts.channels import AddressKind, Channels, ChannelSpec, first_of_phones
from hermodr_contracts.locales import choose_locale
from hermodr_contracts.vocabulary import Channel, JobState
from hermodr_deciding.escalating import followed, looked, steps_left
from hermodr_deciding.postponing import expired, put_off
from hermodr_ledger.jobs.decisions import (
    Copies,
    Decision,
    NewDelivery,
    Note,
    Preference,
    PublishedTemplate,
    RequestedJob,
)
from hermodr_servicekit.ids import child_id

RECIPIENT_ERASED = "recipient_erased"
"""Why a job fails whose recipient is no more."""
SUPPRESSED = "suppressed"
"""Why a job is skipped whose every address is suppressed."""
FAILURES = frozenset(
    {"channel_not_available", "channel_needs_a_template", "template_has_no_such_channel", "no_address"}
)
"""Why a channel cannot be used; every other reason is that it was not wanted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a channel gets no delivery. `detail` says which wish it was."""

    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failure(self) -> bool:
        """Whether it could not be done, rather than was not wanted."""
        return self.reason in FAILURES


def decide(
    job: RequestedJob, template: PublishedTemplate | None, now: datetime, channels: Channels
) -> Decision:
    """What becomes of a job: a delivery for each channel that is possible and wanted, and a note for each that is not.
    `channels` are those that the installation serves.

    With nothing to send the job ends: `skipped` when only wishes or suppressed addresses stood against it, `failed`
    when something was missing. A delivery to a suppressed address ends at once, also of critical types. Before its
    time of day and in the recipient's quiet hours a job that would be delivered is put off as a whole, to be decided
    upon afresh at their end: what is wished then counts. A job that expires before it could be sent is `skipped` too,
    at once. One that escalates gets a delivery for the first channel of its steps that is possible and wanted, and
    `following` says when the next one is decided upon; with nothing left to send its steps end.
    """
    if job.expires_at is not None and job.expires_at <= now:
        return expired(job)
    asked = tuple(candidates(job, template, channels))
    problem = _impossible(job, template, asked)
    if problem is not None:
        return Decision(job, JobState.FAILED, notes=(Note("refused", {"reason": problem}),), error=problem)
    deliveries: list[NewDelivery] = []
    notes: list[Note] = []
    refusals: list[Refusal] = []
    for ordinal, channel in steps_left(job, asked):
        refusal = _refusal(job, template, channel, channels.get(channel), now)
        if refusal is not None:
            refusals.append(refusal)
            notes.append(Note("not_sent", {"channel": channel, "reason": refusal.reason, **refusal.detail}))
            continue
        delivery = _delivery(job, template, channels[channel], ordinal)
        deliveries.append(delivery)
        notes.append(_note(job, template, delivery))
        if job.escalation is not None and delivery.suppressed is None:
            break
    if any(each.suppressed is None for each in deliveries):
        return put_off(job, template, now, notes) or followed(
            Decision(job, JobState.PROCESSING, tuple(deliveries), tuple(notes)), asked, now
        )
    if not (deliveries or refusals):
        return Decision(job, JobState.COMPLETED, notes=tuple(looked(job, asked)))
    failures = [refusal.reason for refusal in refusals if refusal.failure]
    if failures:
        return Decision(job, JobState.FAILED, tuple(deliveries), tuple(notes), failures[0])
    error = SUPPRESSED if deliveries else refusals[0].reason
    return Decision(job, JobState.SKIPPED, tuple(deliveries), tuple(notes), error)


def gathered(decision: Decision) -> Decision:
    """An event that would be sent, now or later, joins its window; what is unwanted or impossible ends at once. Its
    message is decided upon like any other when the window closes: what is wished then counts."""
    job = decision.job
    if job.joining is None or decision.state not in (JobState.PROCESSING, JobState.SCHEDULED):
        return decision
    return decision._replace(joining=job.joining)


def _note(job: RequestedJob, template: PublishedTemplate | None, delivery: NewDelivery) -> Note:
    if delivery.suppressed is None:
        return Note("decided", _explain(job, template, delivery), delivery.id)
    detail = {"channel": delivery.channel, "reason": SUPPRESSED, "suppression": delivery.suppressed}
    return Note("not_sent", detail, delivery.id)


def _impossible(
    job: RequestedJob, template: PublishedTemplate | None, channels: Sequence[Channel]
) -> str | None:
    if job.recipient_id is not None and job.recipient is None:
        return RECIPIENT_ERASED
    if not job.has_content and template is None:
        return "template_missing"
    if not channels:
        return "no_channel_available"
    return None


def candidates(
    job: RequestedJob, template: PublishedTemplate | None, channels: Channels
) -> Iterable[Channel]:
    """The channels that are asked for, else those that would do."""
    if job.channels is not None:
        return dict.fromkeys(job.channels)
    if job.has_content or template is None:
        if job.to_phone is not None:
            first = first_of_phones(channels)
            return (first,) if first is not None else ()
        possible = (spec for spec in channels.values() if spec.as_given and spec.by_default)
    else:
        possible = (spec for spec in channels.values() if spec.channel in template.locales)
    return (spec.channel for spec in possible if spec.address is not AddressKind.USER or _is_user(job))


def _is_user(job: RequestedJob) -> bool:
    """Channels of the application itself are for its users; nobody else misses them."""
    return job.recipient is not None and job.recipient.user_id is not None


def _refusal(
    job: RequestedJob,
    template: PublishedTemplate | None,
    channel: Channel,
    spec: ChannelSpec | None,
    now: datetime,
) -> Refusal | None:
    if spec is None:
        return Refusal("channel_not_available")
    if job.has_content and not spec.as_given:
        return Refusal("channel_needs_a_template")
    if not job.has_content and template is not None and spec.needs_texts and channel not in template.locales:
        return Refusal("template_has_no_such_channel")
    if _address(job, spec.address) is None:
        return Refusal("no_address")
    if template is not None and template.critical:
        return None
    return _unwanted(job, channel, now)


def _unwanted(job: RequestedJob, channel: Channel, now: datetime) -> Refusal | None:
    recipient = job.recipient
    if recipient is None:
        return None
    for reason, until in (("muted", recipient.muted_until), ("group_muted", job.group_muted_until)):
        if until is not None and until > now:
            return Refusal(reason, detail={"muted_until": until.isoformat()})
    wish = deciding_wish(recipient.preferences, job.type, channel)
    if wish is not None and not wish.enabled:
        return Refusal("preference", detail={"wish": _said(wish)})
    return None


def deciding_wish(
    preferences: Iterable[Preference], type_name: str | None, channel: Channel
) -> Preference | None:
    """The wish that decides whether the type may come on the channel: the most specific one (type and channel, then
    type, then channel, then all), of equal ones the last. Without one everything is allowed."""
    best, found = -1, None
    for wish in preferences:
        if wish.type not in (None, type_name) or wish.channel not in (None, channel):
            continue
        weight = (2 if wish.type is not None else 0) + (1 if wish.channel is not None else 0)
        if weight >= best:
            best, found = weight, wish
    return found


def _said(wish: Preference) -> dict[str, object]:
    return {"type": wish.type, "channel": wish.channel, "enabled": wish.enabled}


def _address(job: RequestedJob, kind: AddressKind) -> str | None:
    recipient = job.recipient
    match kind:
        case AddressKind.EMAIL:
            return job.to_email or (recipient.email if recipient else None)
        case AddressKind.PHONE:
            return job.to_phone or (recipient.phone if recipient else None)
        case AddressKind.USER:
            return recipient.user_id if recipient else None
        case AddressKind.URL:
            return recipient.webhook_url if recipient else None


def _delivery(
    job: RequestedJob, template: PublishedTemplate | None, spec: ChannelSpec, ordinal: int
) -> NewDelivery:
    address = _address(job, spec.address)
    if address is None:
        raise ValueError("a delivery needs an address")
    retries = len(spec.ladder) if job.max_retries is None else min(len(spec.ladder), job.max_retries)
    templated = template is not None and not job.has_content
    copies = _copies(job, spec.channel)
    return NewDelivery(
        id=child_id(job.id, ordinal),
        channel=spec.channel,
        address=address,
        address_name=job.recipient.name if job.recipient else job.to_name,
        on_unknown=job.on_unknown or spec.on_unknown,
        max_attempts=retries + 1,
        template_id=template.id if templated and template else None,
        template_version=template.version if templated and template else None,
        locale=_locale(job, template, spec.channel) if templated and template else None,
        suppressed=_suppressed(job, spec.address),
        recipient=_described(job) if templated and template and _reads_recipient(template, spec) else None,
        copies=copies.kept if copies is not None else None,
    )


def _reads_recipient(template: PublishedTemplate, spec: ChannelSpec) -> bool:
    """Without texts for the channel the data is sent as it is: no text reads the recipient."""
    return template.reads_recipient and spec.channel in template.locales


def _copies(job: RequestedJob, channel: Channel) -> Copies | None:
    return job.copies if channel is Channel.EMAIL else None


def _described(job: RequestedJob) -> str | None:
    """What the template reads of the recipient, or of a bare address; `None`: erased meanwhile."""
    if job.recipient is not None:
        return job.described
    given = {"name": job.to_name, "email": job.to_email, "phone": job.to_phone, "locale": job.to_locale}
    known = {name: value for name, value in given.items() if value is not None}
    return json.dumps({**known, "attributes": {}})


def _suppressed(job: RequestedJob, kind: AddressKind) -> str | None:
    match kind:
        case AddressKind.EMAIL:
            return job.email_suppressed
        case AddressKind.PHONE:
            return job.phone_suppressed
        case _:
            return None


def _locale(job: RequestedJob, template: PublishedTemplate, channel: Channel) -> str:
    wanted = job.recipient.locale if job.recipient else job.to_locale
    spoken = template.locales.get(channel, (template.default_locale,))
    return choose_locale(wanted, template.default_locale, spoken)


def _explain(
    job: RequestedJob, template: PublishedTemplate | None, delivery: NewDelivery
) -> dict[str, object]:
    detail: dict[str, object] = {"channel": delivery.channel}
    if delivery.template_version is not None:
        detail |= {
            "template": job.type,
            "template_version": delivery.template_version,
            "locale": delivery.locale,
        }
    if template is not None and template.critical:
        detail["critical"] = True
    elif job.recipient is not None:
        wish = deciding_wish(job.recipient.preferences, job.type, delivery.channel)
        if wish is not None:
            detail["wish"] = _said(wish)
    copies = _copies(job, delivery.channel)
    if copies is not None:
        detail["copies_left_out"] = copies.left_out
    return detail
