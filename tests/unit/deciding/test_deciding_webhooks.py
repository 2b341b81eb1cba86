"""Which webhooks a notification becomes."""

from dataclasses import replace
from datetime import UTC, datetime

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import Channel, JobKind, JobState, OnUnknown, Priority
from hermodr_deciding.notifications import decide
from hermodr_ledger.jobs.decisions import (
    Decision,
    KnownRecipient,
    Preference,
    PublishedTemplate,
    RequestedJob,
)
from hermodr_servicekit.ids import new_id, new_job_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
JANE = KnownRecipient(new_id(), "Jane", "jane@example.org", "+15550100", "de-AT", "Europe/Vienna", None, ())
HOOKED = replace(JANE, webhook_url="https://hooks.example.org/jane")
TEMPLATE = PublishedTemplate(new_id(), 3, False, "en", {"email": ("de", "en"), "sms": ("en",)})


def to(recipient: KnownRecipient, *channels: Channel) -> RequestedJob:
    kind, lane = JobKind.NOTIFICATION, Priority.NORMAL
    asked = channels or None
    return RequestedJob(
        new_job_id(), new_id(), kind, "hello", lane, asked, JANE.id, recipient, None, None, False, None, NOW
    )


TO_HOOK = to(HOOKED, Channel.WEBHOOK)


def decided(job: RequestedJob, template: PublishedTemplate | None = TEMPLATE) -> Decision:
    return decide(job, template, NOW, CHANNELS)


def test_a_webhook_needs_no_texts_but_is_never_sent_unasked_without() -> None:
    (delivery,) = decided(TO_HOOK).deliveries
    assert (delivery.channel, delivery.address) == (Channel.WEBHOOK, HOOKED.webhook_url)
    assert (delivery.template_id, delivery.template_version, delivery.locale) == (TEMPLATE.id, 3, "en")
    assert (delivery.max_attempts, delivery.on_unknown) == (8, OnUnknown.RESEND)
    assert [each.channel for each in decided(to(HOOKED)).deliveries] == ["email", "sms"]
    with_texts = replace(TEMPLATE, locales={"webhook": ("de", "en")})
    (unasked,) = decided(to(HOOKED), with_texts).deliveries
    assert (unasked.channel, unasked.locale) == (Channel.WEBHOOK, "de")


def test_a_webhook_without_texts_says_nothing_of_the_recipient() -> None:
    reading = replace(TEMPLATE, reads_recipient=True)
    job = TO_HOOK._replace(described='{"name": "Jane"}')
    assert [each.recipient for each in decided(job, reading).deliveries] == [None]
    with_texts = replace(reading, locales={"webhook": ("en",)})
    assert [each.recipient for each in decided(job, with_texts).deliveries] == ['{"name": "Jane"}']


def test_a_webhook_takes_no_content_as_given_and_no_stranger() -> None:
    given = decided(TO_HOOK._replace(has_content=True))
    assert (given.state, given.error) == (JobState.FAILED, "channel_needs_a_template")
    without = decided(to(JANE, Channel.WEBHOOK))
    assert (without.state, without.error) == (JobState.FAILED, "no_address")


def test_wishes_and_quiet_hours_hold_for_webhooks() -> None:
    unwanted = replace(HOOKED, preferences=(Preference(None, "webhook", False),))
    decision = decided(to(unwanted, Channel.WEBHOOK))
    assert (decision.state, [note.detail["reason"] for note in decision.notes]) == (
        JobState.SKIPPED,
        ["preference"],
    )
    asleep = replace(HOOKED, quiet_hours={"start": "12:00", "end": "15:00", "days": [7]})
    put_off = decided(to(asleep, Channel.WEBHOOK))
    assert put_off.state is JobState.SCHEDULED
