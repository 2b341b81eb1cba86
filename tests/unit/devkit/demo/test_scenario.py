"""What the demo sends: 200 requests, to nobody real, in letters that need nothing from elsewhere."""

import re

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hermodr_contracts.segments import segments_of
from hermodr_devkit.demo import letters
from hermodr_devkit.demo.scenario import KINDS, SEGMENTS, TEXTED, TWICE, Request, scenario

RESERVED = re.compile(r"@(\w+\.)?example\.(com|org|net)$")
PLOT = scenario("run")
REQUESTS = [request for requests in PLOT.requests.values() for request in requests]
IDS = {person.external_id: f"id of {person.external_id}" for person in PLOT.recipients}
CONTENTS = {template["name"]: template["contents"] for template in letters.templates()}
LETTERS = {name: contents["email"] for name, contents in CONTENTS.items() if "email" in contents}


def test_it_is_two_hundred_requests() -> None:
    assert sum(kind.requests for kind in KINDS) == 200
    assert {kind.key: kind.requests for kind in KINDS} == {
        key: len(requests) for key, requests in PLOT.requests.items()
    }


def test_nobody_real_is_written_to_and_everybody_once_per_kind() -> None:
    assert all(RESERVED.search(request.person.email) for request in REQUESTS)
    for kind in KINDS:
        addresses = {request.person.email for request in PLOT.requests[kind.key]}
        assert len(addresses) == kind.jobs


def test_whoever_is_named_by_id_is_in_the_address_book() -> None:
    for request in REQUESTS:
        to = request.body(IDS)["to"]
        assert list(to) == [request.by]
        if request.by in ("external_id", "recipient_id"):
            assert request.person.external_id in IDS


def test_a_text_fills_two_segments() -> None:
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    text = jinja.from_string(CONTENTS["room_ready"]["sms"]["en"]["body_text"])
    for request in PLOT.requests[TEXTED.key]:
        assert segments_of(text.render(request.fields["data"]).strip()).number == SEGMENTS


def test_the_repeated_request_is_the_same_and_has_a_key() -> None:
    first, second = PLOT.requests[TWICE.key]
    assert first.key
    assert (first.key, first.body(IDS)) == (second.key, second.body(IDS))
    assert first.key != scenario("another run").requests[TWICE.key][0].key


@pytest.mark.parametrize("request_", [requests[0] for requests in PLOT.requests.values()])
def test_every_letter_renders_with_what_is_sent(request_: Request) -> None:
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    for locales in CONTENTS[request_.fields["type"]].values():
        for source in [
            each for texts in locales.values() for each in texts.values() if isinstance(each, str)
        ]:
            assert jinja.from_string(source).render(request_.fields["data"]).strip()


@pytest.mark.parametrize("name", LETTERS)
def test_letters_are_whole(name: str) -> None:
    for locale, texts in LETTERS[name].items():
        assert "\n" not in texts["subject"]
        assert not texts["subject"].startswith("Subject")
        html = texts["body_html"]
        assert f'<html lang="{locale}">' in html
        assert "%%" not in html
        assert "class=" not in html
        assert not re.search(r"<(img|link|script)|url\(", html)
