from dataclasses import replace

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import Channel, JobState
from tests.unit.deciding.test_deciding import AS_GIVEN, JANE, TEMPLATE, decided, reasons, to


def test_inboxes_are_for_users_and_nobody_else_misses_theirs() -> None:
    everywhere = replace(TEMPLATE, locales=dict.fromkeys((Channel.EMAIL, Channel.IN_APP), ("en",)))
    no_user = to(replace(JANE, user_id=None))
    for job in (no_user, no_user._replace(has_content=True), AS_GIVEN):
        decision = decided(job, everywhere, CHANNELS)
        assert [each.channel for each in decision.deliveries] == ["email"]
        assert reasons(decision) == []
    asked = decided(no_user._replace(channels=(Channel.IN_APP,)), everywhere, CHANNELS)
    assert (asked.state, asked.error) == (JobState.FAILED, "no_address")
