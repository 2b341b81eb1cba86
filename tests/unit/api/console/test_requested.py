"""A schedule's job as fields of a form, and back."""

from typing import Any

import pytest

from hermodr_api.console import requested
from hermodr_api.console.forms import Form
from hermodr_api.errors import Refused

MESSAGE = {"type": "news", "to": {"email": "ada@example.com"}}
JOBS: tuple[dict[str, Any], ...] = (
    MESSAGE,
    {"to": {"phone": "+15550100123"}, "body_text": "two\nlines"},
    MESSAGE | {"channels": ["email", "in_app"], "priority": "urgent"},
    MESSAGE | {"data": {"name": "Ada", "order": {"number": "7", "lines": [1, 2]}, "count": 3}},
    MESSAGE | {"data": {"two": "a\nb", "no name": "x", "": "y", "blank": "", "spaces": " x ", "none": None}},
    MESSAGE | {"data": {f"n{number}": "x" for number in range(60)}},
    {"type": "report", "payload": {"format": "csv", "rows": [1]}},
    {"type": "report", "priority": "low"},
    {"type": "report", "payload": {}, "timeout_seconds": 5},
    MESSAGE | {"metadata": {"a": 1}},
    {"type": "news", "to": {"email": "ada@example.com", "name": "Ada"}},
)


def shown(job: dict[str, Any]) -> Form:
    known = Form.showing(requested.fields_of(job)).fields
    return Form({name: value for name, value in known.items() if value})


@pytest.mark.parametrize("job", JOBS)
def test_a_job_comes_back_as_it_was(job: dict[str, Any]) -> None:
    back = requested.job_of(shown(job))
    assert {name: part for name, part in back.items() if part} == {
        name: part for name, part in job.items() if part
    }


def test_what_has_no_fields_is_json() -> None:
    does = [shown(job).value("job.does") for job in JOBS]
    assert does == ["message"] * 6 + ["task"] * 2 + ["json"] * 3


def test_recipients_and_groups_are_as_people_call_them() -> None:
    for name, kind in (("external_id", "recipient"), ("user_id", "recipient"), ("group_id", "group")):
        form = shown({"type": "news", "to": {name: "17"}})
        assert requested.job_of(form)["to"] == {kind: "17"}
        assert (form.value("job.message.kind"), form.value("job.message.to")) == (kind, "17")


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"job.message.data.a": "x"}, '{"a": 1}'),
        ({"job.message.data.a.b": "x"}, '{"a": 1}'),
        ({"job.message.data.a": "x", "job.message.data.a.b": "y"}, "{}"),
        ({}, "[]"),
        ({}, "{"),
    ],
)
def test_data_that_stands_twice_is_refused(fields: dict[str, str], more: str) -> None:
    form = Form({**shown(MESSAGE).fields, **fields, "job.message.more": more})
    with pytest.raises(Refused) as caught:
        requested.job_of(form)
    assert set(form.refused(caught.value).flaws) == {"job.message.more"}


def test_flaws_stand_at_the_fields() -> None:
    flaws = {
        "job.to.email": "a",
        "job.data.name": "b",
        "job.data.other": "c",
        "job.subject": "d",
        "name": "e",
    }
    form = Form({"job.does": "message"}, {**flaws, "job.expires_at": "f", "job": "g"})
    assert requested.placed(form, ["job.message.data.name"]).flaws == {
        "job.message.to": "a",
        "job.message.data.name": "b",
        "job.message.more": "other: c",
        "job.message.subject": "d",
        "name": "e",
        "job.message.type": "expires_at: f",
        "job": "g",
    }
    task = Form({"job.does": "task"}, {"job.payload.format": "a", "job.payload.rows": "b", "job.type": "c"})
    assert requested.placed(task, []).flaws == {
        "job.task.payload": "format: a; rows: b",
        "job.task.type": "c",
    }
    job = Form({"job.does": "json"}, {"job.data.name": "a", "job.json": "b"})
    assert requested.placed(job, []).flaws == {"job.json": "data.name: a; b"}


def test_what_a_template_does_not_name_any_more_is_shown() -> None:
    form = shown(MESSAGE | {"data": {"old": "x"}})
    lines = requested.data_fields(form, ["name", "order.number"])
    assert [(label, named) for _, label, named in lines] == [
        ("name", True),
        ("order.number", True),
        ("old", False),
    ]
