"""What a notification may be, and the job it becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.domain.bodies import Body, read
from hermodr_api.domain.job_queries import JobFilter
from hermodr_api.domain.json_text import dump, null_bytes, parse
from hermodr_api.domain.notifications import (
    NotificationIn,
    Sendable,
    examine,
    fingerprint,
    item_fingerprint,
    job_of,
)
from hermodr_api.domain.tasks import TaskIn, task_of
from hermodr_api.errors import Refused
from hermodr_contracts.vocabulary import Priority
from hermodr_servicekit.ids import new_job_id
from tests.support.clocks import FakeClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL: dict[str, Any] = {"to": {"email": "ada@example.com"}, "subject": "Hi", "body_text": "x"}
PROJECT = UUID(int=1)

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def _sendable(**changes: Any) -> Sendable:
    examined = examine(read(NotificationIn, MAIL | changes), NOW)
    assert isinstance(examined, Sendable)
    return examined


def test_a_job_is_what_was_asked_for() -> None:
    item = _sendable(
        priority="urgent", data={"a": 1}, metadata={"b": 2}, on_unknown="hold", channels=["email"]
    )
    job = job_of(item, new_job_id(), PROJECT, None)
    assert job.priority is Priority.URGENT
    assert (job.data, job.metadata, job.on_unknown, job.channels) == (
        '{"a":1}',
        '{"b":2}',
        "hold",
        ("email",),
    )
    assert job.content is not None
    assert orjson.loads(job.content) == {"subject": "Hi", "body_text": "x", "body_html": None}


@pytest.mark.parametrize(
    ("changes", "moment", "waits"),
    [
        ({}, None, False),
        ({"delay_seconds": 0}, None, False),
        ({"delay_seconds": 1.5}, None, True),
        ({"scheduled_for": "2026-03-01T12:00:00Z"}, None, False),
        ({"scheduled_for": "2026-03-01T14:00:00+01:00"}, NOW + timedelta(hours=1), True),
    ],
)
def test_when_it_is_due(changes: dict[str, Any], moment: datetime | None, waits: bool) -> None:
    """A delay is left to the ledger, whose clock counts."""
    found = _sendable(**changes)
    assert (found.scheduled_for, found.waits) == (moment, waits)


def test_every_flaw_is_told_at_once() -> None:
    with pytest.raises(Refused) as caught:
        read(NotificationIn, {"to": {"email": "x", "a": 1}, "priority": 7, "b": 2})
    assert {flaw.loc for flaw in caught.value.flaws} == {
        ("body", "to", "email"),
        ("body", "to", "a"),
        ("body", "priority"),
        ("body", "b"),
    }


@given(_JSON)
def test_documents_come_through(document: object) -> None:
    text = orjson.dumps(document)
    if null_bytes(document):
        with pytest.raises(Refused):
            parse(text)
    else:
        assert parse(text) == document
    assert orjson.loads(dump(document)) == document


def test_null_bytes_are_found_however_deep() -> None:
    deep: object = "\0"
    for _ in range(5000):
        deep = [deep]
    assert len(null_bytes(deep)) == 1


def test_what_can_be_read_but_not_written_is_told() -> None:
    deep: object = 1
    for _ in range(254):
        deep = [deep]
    with pytest.raises(ValueError, match="too deeply"):
        dump(deep)


def test_fingerprints_tell_requests_apart() -> None:
    assert fingerprint("POST", "/a", b"{}") == fingerprint("POST", "/a", b"{}")
    assert (
        len(
            {
                fingerprint("POST", "/a", b"{}"),
                fingerprint("POST", "/b", b"{}"),
                fingerprint("PUT", "/a", b"{}"),
            }
        )
        == 3
    )
    assert item_fingerprint({"a": 1, "b": 2}) == item_fingerprint({"b": 2, "a": 1})


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
@pytest.mark.parametrize(
    ("model", "field"),
    [(JobFilter, "created_after"), (JobFilter, "created_before"), (NotificationIn, "scheduled_for")],
)
def test_a_moment_that_utc_does_not_have_is_refused(model: type[Body], field: str, moment: str) -> None:
    with pytest.raises(Refused) as refused:
        read(model, {**(MAIL if model is NotificationIn else {}), field: moment})
    (flaw,) = refused.value.flaws
    assert flaw.loc == ("body", field)
    assert "UTC" in flaw.msg


def test_no_two_users_have_a_singleton_key_in_common() -> None:
    def key(user_id: str | None, name: str) -> str | None:
        wanted = read(TaskIn, {"type": "export", "singleton_key": name})
        task = task_of(wanted, new_job_id(), PROJECT, user_id, FakeClock())
        assert not isinstance(task, list)
        return task.singleton_key

    assert key("ann", "bob:x") != key("ann:bob", "x")
    assert key("ann", "x") != key("bob", "x")
    assert key(None, "x") == "x"
