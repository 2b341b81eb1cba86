"""What is typed into a form over what is known by now."""

from typing import Any

import pytest

from hermodr_api.console.forms import Form
from hermodr_api.errors import CONFLICT, Refused

KNOWN = {"name": "Ada", "phone": None, "note": "two\nlines", "until": "2030-01-01T00:00:00", "caps.0.max": 3}


def body(form: Form) -> dict[str, Any]:
    return {**form.given("name", "phone", "note"), "caps": form.rows("caps", bool)}


def posted(**typed: str) -> Form:
    """As a browser does: lines end otherwise, and a moment has no seconds."""
    shown = {**Form.changing(KNOWN).fields, "note": "two\r\nlines", "until": "2030-01-01T00:00"}
    return Form({**shown, **typed})


def test_what_nobody_typed_is_no_change() -> None:
    assert posted().merged(KNOWN).changes(body, KNOWN) == {}


def test_what_somebody_else_changed_stays() -> None:
    now = {**KNOWN, "phone": "+1", "caps.0.max": 5, "until": None}
    form = posted(name="Ada L.").merged(now)
    assert form.changes(body, now) == {"name": "Ada L."}
    assert (form.value("phone"), form.value("caps.0.max"), form.value("until")) == ("+1", "5", "")


def test_what_is_emptied_is_emptied() -> None:
    assert posted(name="").merged(KNOWN).changes(body, KNOWN) == {"name": None}


def test_both_changed_the_same() -> None:
    now = {**KNOWN, "name": "Ada King", "caps.0.max": 5}
    form = posted(**{"name": "Ada L.", "caps.0.max": "4"}).merged(now)
    with pytest.raises(Refused) as caught:
        form.changes(body, now)
    assert caught.value.kind == CONFLICT
    shown = form.refused(caught.value)
    assert set(shown.flaws) == {"name", "caps"}
    assert "Ada King" in shown.flaws["name"]
    again = Form(shown.fields).merged(now)
    assert again.changes(body, now) == {"name": "Ada L.", "caps": [{"max": "4"}]}


def test_both_typed_the_same() -> None:
    now = {**KNOWN, "name": "Ada L."}
    assert posted(name="Ada L.").merged(now).changes(body, now) == {}


def test_without_what_was_seen_nothing_known_is_overwritten() -> None:
    form = Form({"name": "Ada L."}).merged(KNOWN)
    with pytest.raises(Refused):
        form.changes(body, KNOWN)
