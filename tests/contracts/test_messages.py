"""The messages as bytes: what is written today must be readable, and the same, in every version to come."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hermodr_contracts.messages import (
    MESSAGES,
    PACK_LIMIT,
    CancelRequested,
    DeliveriesChanged,
    DeliveryChange,
    InboxChange,
    InboxChanged,
    JobChange,
    JobsChanged,
    JobsRequested,
    Message,
    ProjectsChanged,
    RunTasks,
    SendEmails,
    SendSms,
    SendWebhooks,
    TaskProgressed,
    Undecodable,
    decode,
    encode,
)
from hermodr_contracts.vocabulary import DeliveryState, InboxEvent, JobState

GOLDEN = Path(__file__).parent / "golden"
ONE, TWO = UUID("01900000-0000-7000-8000-000000000000"), UUID("01900000-0000-7000-8000-000000010000")
PROJECT = UUID("01900000-0000-7000-8000-0000000f0000")
AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)
EXAMPLES: tuple[Message, ...] = (
    JobsRequested(job_ids=(ONE, TWO)),
    SendEmails(delivery_ids=(ONE, TWO)),
    SendSms(delivery_ids=(ONE, TWO)),
    SendWebhooks(delivery_ids=(ONE, TWO)),
    RunTasks(job_ids=(ONE, TWO)),
    CancelRequested(job_id=ONE),
    JobsChanged(
        changes=(JobChange(job_id=ONE, project_id=PROJECT, state=JobState.COMPLETED, at=AT, owner_id="u-1"),)
    ),
    DeliveriesChanged(
        changes=(
            DeliveryChange(delivery_id=TWO, job_id=ONE, project_id=PROJECT, state=DeliveryState.SENT, at=AT),
        )
    ),
    TaskProgressed(job_id=ONE, project_id=PROJECT, current=3, total=5, at=AT, owner_id="u-1"),
    InboxChanged(
        changes=(
            InboxChange(
                notification_id=ONE, project_id=PROJECT, owner_id="u-1", event=InboxEvent.CREATED, at=AT
            ),
        )
    ),
    ProjectsChanged(project_ids=(PROJECT,)),
)
each_example = pytest.mark.parametrize("message", EXAMPLES, ids=lambda each: each.type_name())


def golden(message: Message) -> Path:
    return GOLDEN / f"{message.type_name()}.v{message.version}.json"


def test_every_message_has_an_example_and_a_golden_file_and_none_is_left_over() -> None:
    assert {(each.type_name(), each.version) for each in EXAMPLES} == set(MESSAGES)
    assert {path.name for path in GOLDEN.iterdir()} == {golden(each).name for each in EXAMPLES}


@each_example
def test_the_bytes_are_those_of_the_golden_file(message: Message) -> None:
    assert encode(message) + b"\n" == golden(message).read_bytes()


@each_example
def test_what_was_written_is_read_as_the_same(message: Message) -> None:
    body = golden(message).read_bytes()
    assert decode(message.type_name(), message.version, body) == message
    assert decode(message.type_name(), message.version, encode(message)) == message


@given(st.lists(st.uuids(), min_size=1, max_size=PACK_LIMIT))
def test_any_ids_survive_the_journey(ids: list[UUID]) -> None:
    message = JobsRequested(job_ids=tuple(ids))
    assert decode("JobsRequested", 1, encode(message)) == message


def test_a_message_carries_a_hundred_ids_and_no_more_and_no_fewer_than_one() -> None:
    assert len(SendEmails(delivery_ids=(ONE,) * PACK_LIMIT).delivery_ids) == 100
    for ids in ((), (ONE,) * (PACK_LIMIT + 1)):
        with pytest.raises(ValidationError):
            SendEmails(delivery_ids=ids)


@pytest.mark.parametrize(
    ("type_name", "version", "complaint"),
    [
        ("SendParcels", 1, "unknown message type 'SendParcels' version 1"),
        (None, 1, "unknown message type 'None' version 1"),
        ("SendEmails", 2, "unknown message type 'SendEmails' version 2"),
        ("SendEmails", None, "schema_version is missing or not a number"),
        ("SendEmails", "1", "schema_version is missing or not a number"),
        ("SendEmails", True, "schema_version is missing or not a number"),
        ("SendEmails", 1.0, "schema_version is missing or not a number"),
    ],
)
def test_an_unknown_envelope_is_undecodable(type_name: str | None, version: object, complaint: str) -> None:
    with pytest.raises(Undecodable, match=complaint):
        decode(type_name, version, encode(EXAMPLES[1]))


SECRET = "jane-secret"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"jane-secret",
        b'"jane-secret"',
        b'{"delivery_ids": ["jane-secret"]}',
        b'{"delivery_ids": "jane-secret"}',
        b'{"delivery_ids": [], "x": "jane-secret"}',
        b'{"delivery_ids": ["01900000-0000-7000-8000-000000000000"], "jane-secret": 1}',
        b'{"jane-secret',
        b"\xff\xfejane-secret",
        b"[" * 100_000,
        b'{"delivery_ids": null}',
    ],
)
def test_an_ill_formed_body_is_undecodable_and_the_reason_repeats_none_of_it(body: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        decode("SendEmails", 1, body)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    assert caught.value.__suppress_context__
    assert str(caught.value).startswith("SendEmails v1: ")
    assert len(str(caught.value)) < 200


@given(st.binary(max_size=200))
def test_no_bytes_can_do_worse_than_being_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        decode("SendEmails", 1, body)


def test_a_naive_time_is_refused() -> None:
    body = golden(EXAMPLES[9]).read_bytes().replace(b"00.123456Z", b"00.123456")
    with pytest.raises(Undecodable, match="timezone_aware"):
        decode("InboxChanged", 1, body)
