"""Saving templates: only what changed is written."""

import json

import pytest

from hermodr_client import Invalid
from tests.support.client import ACCEPTED, Either, Scripted, json_answer, problem

THERE = {
    "id": ACCEPTED["job_id"],
    "name": "news",
    "version": 3,
    "contents": {
        "email": {
            "en": {
                "subject": "x",
                "body_text": "y",
                "body_html": None,
                "body_mjml": None,
                "inline_css": True,
            },
            "de-AT": {
                "subject": "x",
                "body_text": "z",
                "body_html": None,
                "body_mjml": None,
                "inline_css": True,
            },
        }
    },
}
SAME = {"email": {"en": {"subject": "x", "body_text": "y"}, "de_at": {"subject": "x", "body_text": "z"}}}


def test_a_template_is_saved_only_if_it_changed(either: Either) -> None:
    server = Scripted([json_answer({"data": [THERE], "next_cursor": None})])
    saved = either.call(server, lambda h: h.templates.save("news", SAME))
    assert (saved.outcome, saved.template.version, len(server.requests)) == ("unchanged", 3, 1)
    assert server.requests[0].url.params["name"] == "news"
    changed = {"email": {"en": {"subject": "new", "body_text": "y"}}}
    server = Scripted(
        [json_answer({"data": [THERE], "next_cursor": None}), json_answer(THERE | {"version": 4})]
    )
    saved = either.call(server, lambda h: h.templates.save("news", changed, critical=True))
    assert (saved.outcome, saved.template.version) == ("changed", 4)
    assert json.loads(server.requests[1].content) == {
        "critical": True,
        "contents": {"email": {"en": {"subject": "new", "body_text": "y"}, "de-AT": None}},
    }
    server = Scripted(
        [json_answer({"data": [], "next_cursor": None}), json_answer(THERE | {"version": 1}, 201)]
    )
    saved = either.call(server, lambda h: h.templates.save("news", SAME))
    assert (saved.outcome, server.requests[1].method) == ("created", "POST")


def test_a_dry_run_saves_nothing_and_checks_all(either: Either) -> None:
    missing = problem(422, errors=[{"loc": ["body", "data"], "msg": "subject, line 1: x is missing"}])
    flawed = problem(422, errors=[{"loc": ["body", "contents", "email", "en", "subject"], "msg": "no"}])
    nothing = json_answer({"data": [], "next_cursor": None})
    server = Scripted([nothing, missing])
    saved = either.call(server, lambda h: h.templates.save("news", SAME, dry_run=True))
    assert (saved.outcome, saved.template) == ("created", None)
    assert server.requests[1].url.path == "/v1/template-previews"
    with pytest.raises(Invalid):
        either.call(Scripted([nothing, flawed]), lambda h: h.templates.save("news", SAME, dry_run=True))
