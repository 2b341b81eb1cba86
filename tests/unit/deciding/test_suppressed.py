from dataclasses import replace

import pytest

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import Channel, JobState
from hermodr_ledger.jobs.decisions import Copies
from tests.unit.deciding.test_deciding import TEMPLATE, TO_JANE, decided

SUPPRESSED_NOTE = {"channel": "email", "reason": "suppressed", "suppression": "bounce"}


@pytest.mark.parametrize("critical", [False, True])
def test_a_suppressed_address_ends_its_delivery_also_of_critical_types(critical: bool) -> None:
    decision = decided(TO_JANE._replace(email_suppressed="bounce"), replace(TEMPLATE, critical=critical))
    assert (decision.state, decision.error, decision.open) == (JobState.SKIPPED, "suppressed", ())
    (delivery,) = decision.deliveries
    assert (delivery.suppressed, delivery.address) == ("bounce", "jane@example.org")
    (note,) = decision.notes
    assert (note.kind, note.delivery_id, note.detail) == ("not_sent", delivery.id, SUPPRESSED_NOTE)


def test_a_suppressed_number_is_none_of_the_emails_business() -> None:
    decision = decided(TO_JANE._replace(phone_suppressed="complaint"))
    assert (decision.state, len(decision.open)) == (JobState.PROCESSING, 1)


def test_what_is_missing_fails_the_job_though_an_address_is_suppressed() -> None:
    both = TO_JANE._replace(channels=(Channel.EMAIL, Channel.WHATSAPP), email_suppressed="manual")
    decision = decided(both)
    assert (decision.state, decision.error) == (JobState.FAILED, "channel_not_available")
    assert [each.suppressed for each in decision.deliveries] == ["manual"]


def test_suppressed_copies_are_the_business_of_mails_alone() -> None:
    both = TO_JANE._replace(channels=(Channel.EMAIL, Channel.SMS), copies=Copies('{"cc": [], "bcc": []}', 2))
    decision = decided(both, channels=CHANNELS)
    assert [each.copies for each in decision.deliveries] == ['{"cc": [], "bcc": []}', None]
    assert [note.detail.get("copies_left_out") for note in decision.notes] == [2, None]


def test_of_a_mail_that_is_not_sent_no_copies_are_counted() -> None:
    (note,) = decided(TO_JANE._replace(email_suppressed="bounce", copies=Copies("{}", 1))).notes
    assert note.detail == SUPPRESSED_NOTE
