from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.channels import CHANNELS, Channels, usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, JobKind, JobState, OnUnknown, Priority
from hermodr_deciding.notifications import decide, deciding_wish
from hermodr_ledger.jobs.decisions import (
    Decision,
    KnownRecipient,
    Preference,
    PublishedTemplate,
    RequestedJob,
)
from hermodr_servicekit.ids import child_id, new_id, new_job_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROJECT, JANE_ID = new_id(), new_id()
JANE = KnownRecipient(
    JANE_ID, "Jane", "jane@example.org", "+15550100", "de-AT", "Europe/Vienna", None, (), user_id="jane"
)
TEMPLATE = PublishedTemplate(new_id(), 3, False, "en", {"email": ("de", "en"), "sms": ("en",)})
TO_JANE = RequestedJob(
    new_job_id(),
    PROJECT,
    JobKind.NOTIFICATION,
    "hello",
    Priority.NORMAL,
    None,
    JANE_ID,
    JANE,
    None,
    None,
    False,
    None,
    NOW,
)
AS_GIVEN = TO_JANE._replace(
    recipient_id=None, recipient=None, to_email="bare@example.org", has_content=True, type=None
)


SERVED = with_ladder(usual(), Channel.EMAIL, parse_ladder("10s,60s,5m"))


def decided(
    job: RequestedJob, template: PublishedTemplate | None = TEMPLATE, channels: Channels = SERVED
) -> Decision:
    return decide(job, template, NOW, channels)


def to(recipient: KnownRecipient, **changes: Any) -> RequestedJob:
    return TO_JANE._replace(recipient=recipient, **changes)


def reasons(decision: Decision) -> list[str]:
    return [note.detail["reason"] for note in decision.notes if "reason" in note.detail]


def test_a_template_is_sent_to_the_recipient_in_their_language() -> None:
    decision = decided(TO_JANE)
    assert (decision.state, decision.error) == (JobState.PROCESSING, None)
    (delivery,) = decision.deliveries
    assert (delivery.id, delivery.channel) == (child_id(TO_JANE.id, 1), Channel.EMAIL)
    assert (delivery.address, delivery.address_name) == ("jane@example.org", "Jane")
    assert (delivery.template_id, delivery.template_version, delivery.locale) == (TEMPLATE.id, 3, "de")
    assert (delivery.max_attempts, delivery.on_unknown) == (4, OnUnknown.RESEND)
    (note,) = decision.notes
    assert (note.kind, note.delivery_id) == ("decided", delivery.id)
    assert note.detail == {"channel": "email", "template": "hello", "template_version": 3, "locale": "de"}


def test_content_is_sent_as_given_without_a_template() -> None:
    (delivery,) = decided(AS_GIVEN, None).deliveries
    assert (delivery.address, delivery.address_name, delivery.template_id) == ("bare@example.org", None, None)
    (with_template,) = decided(AS_GIVEN._replace(type="hello"), TEMPLATE).deliveries
    assert (with_template.template_id, with_template.locale) == (None, None)


def test_a_bare_address_may_have_a_name_and_a_locale() -> None:
    bare = AS_GIVEN._replace(type="hello", has_content=False, to_name="Ada", to_locale="de-CH")
    (delivery,) = decided(bare).deliveries
    assert (delivery.address, delivery.address_name, delivery.locale) == ("bare@example.org", "Ada", "de")


def test_an_address_in_the_job_goes_before_the_recipients() -> None:
    (delivery,) = decided(TO_JANE._replace(to_email="other@example.org")).deliveries
    assert delivery.address == "other@example.org"


@pytest.mark.parametrize("wanted", list(OnUnknown))
def test_the_jobs_policy_goes_before_the_channels(wanted: OnUnknown) -> None:
    (delivery,) = decided(TO_JANE._replace(on_unknown=wanted)).deliveries
    assert delivery.on_unknown is wanted


@pytest.mark.parametrize(
    ("job", "template", "reason"),
    [
        (TO_JANE._replace(recipient=None), TEMPLATE, "recipient_erased"),
        (TO_JANE, None, "template_missing"),
        (AS_GIVEN._replace(has_content=False), None, "template_missing"),
        (TO_JANE, replace(TEMPLATE, locales={"sms": ("en",)}), "no_channel_available"),
        (TO_JANE, replace(TEMPLATE, locales={}), "no_channel_available"),
        (TO_JANE._replace(channels=()), TEMPLATE, "no_channel_available"),
        (to(replace(JANE, email=None)), TEMPLATE, "no_address"),
        (TO_JANE._replace(channels=(Channel.SMS,)), TEMPLATE, "channel_not_available"),
        (
            TO_JANE._replace(channels=(Channel.EMAIL,)),
            replace(TEMPLATE, locales={"sms": ("en",)}),
            "template_has_no_such_channel",
        ),
    ],
)
def test_what_cannot_be_done_fails_and_says_why(
    job: RequestedJob, template: PublishedTemplate | None, reason: str
) -> None:
    decision = decided(job, template)
    assert (decision.state, decision.error, decision.deliveries) == (JobState.FAILED, reason, ())
    assert reasons(decision) == [reason]


@pytest.mark.parametrize(
    ("jane", "reason"),
    [
        (replace(JANE, muted_until=NOW + timedelta(seconds=1)), "muted"),
        (replace(JANE, preferences=(Preference(None, None, False),)), "preference"),
        (replace(JANE, preferences=(Preference("hello", "email", False),)), "preference"),
    ],
)
def test_what_is_not_wanted_is_skipped_unless_it_is_critical(jane: KnownRecipient, reason: str) -> None:
    decision = decided(to(jane))
    assert (decision.state, decision.error, decision.deliveries) == (JobState.SKIPPED, reason, ())
    assert reasons(decision) == [reason]
    critical = decided(to(jane), replace(TEMPLATE, critical=True))
    assert critical.state is JobState.PROCESSING
    assert critical.notes[0].detail["critical"] is True


@pytest.mark.parametrize("moment", [None, NOW, NOW - timedelta(days=1)])
def test_a_mute_that_is_over_is_none(moment: datetime | None) -> None:
    assert decided(to(replace(JANE, muted_until=moment))).state is JobState.PROCESSING


@pytest.mark.parametrize(
    ("wished", "detail"),
    [
        ({"muted_until": NOW + timedelta(hours=1)}, {"muted_until": "2026-11-22T13:00:00+00:00"}),
        (
            {"preferences": (Preference(None, None, True), Preference("hello", None, False))},
            {"wish": {"type": "hello", "channel": None, "enabled": False}},
        ),
    ],
)
def test_the_timeline_says_which_wish_decided(wished: dict[str, Any], detail: dict[str, Any]) -> None:
    (note,) = decided(to(replace(JANE, **wished))).notes
    assert (note.kind, {**note.detail} | detail) == ("not_sent", note.detail)


def test_a_wish_that_allows_is_told_too() -> None:
    (note,) = decided(to(wishes(Preference(None, None, False), Preference("hello", None, True)))).notes
    assert (note.kind, note.detail["wish"]) == (
        "decided",
        {"type": "hello", "channel": None, "enabled": True},
    )
    (note,) = decided(to(wishes(Preference(None, None, False))), replace(TEMPLATE, critical=True)).notes
    assert (note.detail["critical"], "wish" in note.detail) == (True, False)


def test_a_muted_group_says_nothing_to_that_member() -> None:
    decision = decided(TO_JANE._replace(group_muted_until=NOW + timedelta(hours=1)))
    assert (decision.state, reasons(decision)) == (JobState.SKIPPED, ["group_muted"])
    assert decided(TO_JANE._replace(group_muted_until=NOW)).state is JobState.PROCESSING


NOON = {"start": "12:00", "end": "14:00"}  # it is one o'clock in Vienna


def test_in_quiet_hours_a_job_is_put_off_to_their_end() -> None:
    decision = decided(to(replace(JANE, quiet_hours=NOON)))
    assert (decision.state, decision.deliveries, decision.error) == (JobState.SCHEDULED, (), None)
    assert decision.until == datetime(2026, 11, 22, 13, tzinfo=UTC)
    (note,) = decision.notes
    assert (note.kind, note.detail) == (
        "deferred",
        {
            "reason": "quiet_hours",
            "until": "2026-11-22T13:00:00Z",
            "timezone": "Europe/Vienna",
            "quiet_hours": NOON,
        },
    )
    assert decide(to(replace(JANE, quiet_hours=NOON)), TEMPLATE, decision.until, SERVED).deliveries


@pytest.mark.parametrize("zone", [None, "Mars/Base"])
def test_without_a_zone_quiet_hours_are_utc_and_say_so(zone: str | None) -> None:
    decision = decided(to(replace(JANE, quiet_hours=NOON, timezone=zone)))
    assert decision.until == datetime(2026, 11, 22, 14, tzinfo=UTC)
    assert decision.notes[0].detail["timezone"] == "UTC"


def test_what_is_urgent_or_critical_passes_quiet_hours() -> None:
    jane = replace(JANE, quiet_hours=NOON)
    assert decided(to(jane, priority=Priority.URGENT)).deliveries
    assert decided(to(jane), replace(TEMPLATE, critical=True)).deliveries
    assert decided(to(jane, priority=Priority.LOW)).until is not None


def test_what_is_not_sent_at_all_is_not_put_off() -> None:
    quiet = replace(JANE, quiet_hours=NOON)
    assert decided(to(replace(quiet, muted_until=NOW + timedelta(minutes=1)))).state is JobState.SKIPPED
    assert decided(to(replace(quiet, preferences=(Preference(None, None, False),)))).state is JobState.SKIPPED
    assert decided(to(replace(quiet, email=None))).state is JobState.FAILED
    assert decided(to(quiet), None).state is JobState.FAILED


def test_quiet_hours_that_make_no_sense_do_not_hold_anything_up() -> None:
    decision = decided(to(replace(JANE, quiet_hours={"start": "25:00", "end": "07:00"})))
    assert decision.state is JobState.PROCESSING
    assert [note.kind for note in decision.notes] == ["decided", "quiet_hours_ignored"]


def test_a_missing_address_weighs_more_than_a_wish() -> None:
    jane = replace(JANE, preferences=(Preference(None, "email", False),))
    decision = decided(to(jane, channels=(Channel.EMAIL, Channel.SMS)))
    assert (decision.state, decision.error) == (JobState.FAILED, "channel_not_available")
    assert reasons(decision) == ["preference", "channel_not_available"]


def test_one_channel_that_works_is_enough_and_the_others_are_explained() -> None:
    decision = decided(TO_JANE._replace(channels=(Channel.SMS, Channel.EMAIL, Channel.SMS)))
    assert decision.state is JobState.PROCESSING
    (delivery,) = decision.deliveries
    assert delivery.id == child_id(TO_JANE.id, 2)  # numbered by what was asked for: the same whoever decides
    assert reasons(decision) == ["channel_not_available"]


def test_content_as_given_goes_only_where_it_is_on_by_default_unless_a_channel_is_named() -> None:
    jane = to(JANE, has_content=True)
    assert [each.channel for each in decided(jane, channels=CHANNELS).deliveries] == ["email"]
    texted = decided(jane._replace(channels=(Channel.SMS,)), channels=CHANNELS)
    (delivery,) = texted.deliveries
    assert (delivery.channel, delivery.address) == (Channel.SMS, JANE.phone)
    assert (delivery.on_unknown, delivery.max_attempts) == (OnUnknown.HOLD, 4)


def test_a_template_goes_to_every_channel_served_that_it_has_texts_for() -> None:
    assert [each.channel for each in decided(TO_JANE, channels=CHANNELS).deliveries] == ["email", "sms"]
    assert [each.channel for each in decided(TO_JANE).deliveries] == ["email"]


def test_what_a_channel_takes_from_templates_only_is_not_sent_as_given() -> None:
    decision = decided(to(JANE, has_content=True, channels=(Channel.WEBHOOK,)), channels=CHANNELS)
    assert (decision.state, decision.error) == (JobState.FAILED, "channel_needs_a_template")


def test_each_channel_has_addresses_of_its_kind() -> None:
    everywhere = replace(TEMPLATE, locales=dict.fromkeys(Channel, ("en",)))
    decision = decided(TO_JANE, everywhere, CHANNELS)
    assert {each.channel: each.address for each in decision.deliveries} == {
        "email": JANE.email,
        "sms": JANE.phone,
        "whatsapp": JANE.phone,
        "in_app": JANE.user_id,
    }
    assert reasons(decision) == ["no_address"]  # she has no URL of her own


JOBS = st.builds(
    RequestedJob._replace,
    st.sampled_from((TO_JANE, AS_GIVEN)),
    channels=st.none() | st.lists(st.sampled_from(Channel), max_size=4).map(tuple),
    to_email=st.none() | st.just("x@example.org"),
    has_content=st.booleans(),
    recipient=st.none()
    | st.builds(
        replace,
        st.just(JANE),
        email=st.none() | st.just("jane@example.org"),
        muted_until=st.none() | st.datetimes(timezones=st.just(UTC)),
        quiet_hours=st.none() | st.just(NOON),
        preferences=st.lists(
            st.builds(
                Preference, st.none() | st.just("hello"), st.none() | st.sampled_from(Channel), st.booleans()
            ),
            max_size=3,
        ).map(tuple),
    ),
)
TEMPLATES = st.none() | st.builds(
    replace,
    st.just(TEMPLATE),
    critical=st.booleans(),
    locales=st.dictionaries(st.sampled_from(Channel), st.just(("en",)), max_size=3),
)


@given(JOBS, TEMPLATES)
def test_every_job_becomes_deliveries_or_ends_with_its_reasons(
    job: RequestedJob, template: PublishedTemplate | None
) -> None:
    decision = decided(job, template)
    assert decision == decided(job, template)
    assert (decision.state is JobState.PROCESSING) is bool(decision.deliveries)
    assert decision.notes
    assert len({each.id for each in decision.deliveries}) == len(decision.deliveries)
    assert {each.channel for each in decision.deliveries} <= set(SERVED)
    assert (decision.error is not None) is (decision.state in (JobState.FAILED, JobState.SKIPPED))
    assert (decision.until is not None) is (decision.state is JobState.SCHEDULED)
    if decision.until is not None:
        assert decision.until > NOW
    elif not decision.deliveries:
        assert decision.state in TERMINAL_JOB_STATES
        assert reasons(decision)


def allows(jane: KnownRecipient, type_name: str | None, channel: Channel) -> bool:
    wish = deciding_wish(jane.preferences, type_name, channel)
    return wish is None or wish.enabled


def wishes(*preferences: Preference) -> KnownRecipient:
    return replace(JANE, preferences=preferences)


def test_without_wishes_everything_is_allowed() -> None:
    assert allows(JANE, "hello", Channel.EMAIL)
    assert allows(JANE, None, Channel.SMS)


ALL, BY_CHANNEL, BY_TYPE, EXACT = (None, None), (None, "email"), ("hello", None), ("hello", "email")


@given(st.permutations([ALL, BY_CHANNEL, BY_TYPE, EXACT]), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_most_specific_wish_decides_in_whatever_order(
    order: Sequence[tuple[str | None, str | None]], enabled: list[bool]
) -> None:
    preferences = [Preference(*wish, enabled=each) for wish, each in zip(order, enabled, strict=True)]
    for count in range(1, 5):
        some = preferences[:count]
        best = max(some, key=lambda wish: (2 if wish.type else 0) + (1 if wish.channel else 0))
        assert allows(wishes(*some), "hello", Channel.EMAIL) is best.enabled


def test_wishes_about_something_else_do_not_count() -> None:
    jane = wishes(
        Preference("other", None, False), Preference(None, "sms", False), Preference("hello", "sms", False)
    )
    assert allows(jane, "hello", Channel.EMAIL)
    assert not allows(jane, "other", Channel.EMAIL)
    assert not allows(jane, None, Channel.SMS)
    assert allows(jane, None, Channel.EMAIL)


def test_of_two_equal_wishes_the_later_counts() -> None:
    assert allows(wishes(Preference(None, None, False), Preference(None, None, True)), "hello", Channel.EMAIL)


@pytest.mark.parametrize(("max_retries", "attempts"), [(None, 4), (0, 1), (2, 3), (3, 4), (100, 4)])
def test_max_retries_shortens_the_ladder_and_never_lengthens_it(
    max_retries: int | None, attempts: int
) -> None:
    (delivery,) = decided(TO_JANE._replace(max_retries=max_retries)).deliveries
    assert delivery.max_attempts == attempts


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(days=1)])
def test_what_expired_is_skipped_whatever_else_would_be_said_of_it(late: timedelta) -> None:
    expired = TO_JANE._replace(expires_at=NOW - late)
    for job, template in ((expired, TEMPLATE), (expired, None), (expired._replace(recipient=None), TEMPLATE)):
        decision = decided(job, template)
        assert (decision.state, decision.error, decision.deliveries) == (JobState.SKIPPED, "expired", ())
        assert reasons(decision) == ["expired"]
    assert decided(TO_JANE._replace(expires_at=NOW + timedelta(seconds=1))).state is JobState.PROCESSING


def test_quiet_hours_that_end_after_it_expires_end_it_now() -> None:
    quiet = replace(JANE, quiet_hours={"start": "12:00", "end": "14:00", "days": [1, 2, 3, 4, 5, 6, 7]})
    ends = datetime(2026, 11, 22, 13, tzinfo=UTC)  # in Vienna 14:00
    decision = decided(to(quiet, expires_at=ends))
    assert (decision.state, decision.error, decision.until) == (JobState.SKIPPED, "expired", None)
    (note,) = decision.notes
    assert (note.kind, note.detail["reason"]) == ("not_sent", "expired")
    assert note.detail["until"] == "2026-11-22T13:00:00Z"
    assert decided(to(quiet, expires_at=ends + timedelta(minutes=1))).until == ends
    urgent = to(quiet, expires_at=ends, priority=Priority.URGENT)
    assert decided(urgent).state is JobState.PROCESSING
