from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.errors import Refused
from hermodr_api.http.bodies import Body, read
from hermodr_api.http.fingerprints import fingerprint
from hermodr_api.http.json_text import dump, parse
from hermodr_api.jobs.queries import JobFilter
from hermodr_api.notifications.models import (
    NotificationIn,
    Sendable,
    examine,
    item_fingerprint,
    job_of,
)
from hermodr_api.tasks.models import TaskIn, task_of
from hermodr_contracts.channels import usual
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
    examined = examine(read(NotificationIn, MAIL | changes), NOW, usual())
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
    if b"\\u0000" in text and b"\\\\u0000" not in text:
        with pytest.raises(Refused):
            parse(text)
    elif b"\\u0000" not in text:
        assert parse(text) == document
        assert orjson.loads(dump(document)) == document


def test_fingerprints_tell_requests_apart() -> None:
    targets = [("POST", "/a"), ("POST", "/b"), ("PUT", "/a")]
    bodies = [None, {}, {"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": None}, {"a": [1, 2]}, {"a": [2, 1]}]
    told_apart = {fingerprint(*target, body) for target in targets for body in bodies}
    assert len(told_apart) == len(targets) * len(bodies)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1,"b":{"c":2,"d":3}}', b' {"b" : {"d":3, "c":2}, "a":1}'),
        (b'{"a":1e2}', b'{"a":100.0}'),
        (b'{"a":1E+22}', b'{"a":10000000000000000000000}'),
        (b'{"a":"\\u00e9\\ud83c\\udf82"}', '{"a":"é🎂"}'.encode()),
        (b'{"a":123456789012345678901,"b":0.50}', b'{"b":0.5,"a":123456789012345678901}'),
        (b'{"a":-0}', b'{"a":0}'),
    ],
)
def test_the_same_body_may_be_spelled_otherwise(one: bytes, other: bytes) -> None:
    assert fingerprint("POST", "/a", parse(one)) == fingerprint("POST", "/a", parse(other))
    assert item_fingerprint(parse(one)) == item_fingerprint(parse(other))


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
