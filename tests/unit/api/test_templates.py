"""The rules of template contents."""

import pytest
from pydantic import ValidationError

from hermodr_api.domain.bodies import read
from hermodr_api.domain.templates import (
    MAX_SOURCE,
    TemplateIn,
    TemplatePatch,
    TextsIn,
    content_flaws,
    merged,
    texts_of,
)
from hermodr_api.errors import Refused
from hermodr_ledger.templates import Texts
from hermodr_templates.language import ALLOWED_FILTERS

ENGLISH = Texts("Hi", "x", None)
CURRENT = {"email": {"en": ENGLISH}}


def _patched(contents: dict[str, object]) -> object:
    return merged(CURRENT, read(TemplatePatch, {"contents": contents}))


def test_a_patch_replaces_what_it_names() -> None:
    german = {"subject": "Hallo", "body_text": "y"}
    both = {"email": {"en": ENGLISH, "de": Texts("Hallo", "y", None)}}
    assert _patched({"email": {"de": german}}) == both
    assert _patched({"email": {"en": None, "de": german}}) == {"email": {"de": Texts("Hallo", "y", None)}}
    assert _patched({"email": None}) == {}
    assert merged(CURRENT, TemplatePatch(critical=True)) is None
    assert CURRENT == {"email": {"en": ENGLISH}}


def test_contents_as_the_ledger_keeps_them() -> None:
    wanted = read(TemplateIn, {"name": "a", "contents": {"sms": {"en": {"body_text": "{{ x }}"}}}})
    contents = texts_of(wanted.contents)
    assert contents == {"sms": {"en": Texts(None, "{{ x }}", None)}}
    assert content_flaws(contents, "en") == []


@pytest.mark.parametrize(
    "source",
    ["{{ ", "{% for %}", "{{ a | nothing }}", "{% endif %}", "{{ " + "(" * 3000 + ")" * 3000 + " }}"],
)
def test_what_cannot_be_compiled_is_told(source: str) -> None:
    with pytest.raises(Refused):
        read(TemplateIn, {"name": "a", "contents": {"sms": {"en": {"body_text": source}}}})


@pytest.mark.parametrize(
    "source",
    [
        "Hello\n{{ a | center(9) }}",
        "Hello\n{% if a %}{{ a | lower | center(9) }}{% endif %}",
        "Hello\n{% filter center(9) %}{{ a | upper }}{% endfilter %}",
    ],
)
def test_what_no_sender_renders_is_refused(source: str) -> None:
    with pytest.raises(Refused) as caught:
        read(TemplateIn, {"name": "a", "contents": {"email": {"en": {"body_text": source}}}})
    assert [flaw.msg for flaw in caught.value.flaws] == ["line 2: No filter named 'center'."]


def test_what_senders_render_is_accepted() -> None:
    source = "".join("{{ a | " + name + " }}" for name in ALLOWED_FILTERS)
    read(TemplateIn, {"name": "a", "contents": {"email": {"en": {"body_text": source}}}})


def test_saving_a_template_does_not_run_it() -> None:
    source = "{{ 9 ** 9 ** 9 ** 9 }}{{ 'a' * 10 ** 12 }}"
    read(TemplateIn, {"name": "a", "contents": {"sms": {"en": {"body_text": source}}}})


@pytest.mark.parametrize("source", ["{{ f(a=1,a=2) }}", "{% for a in b %}" * 21 + "{% endfor %}" * 21])
def test_what_only_python_refuses_is_refused_as_well(source: str) -> None:
    with pytest.raises(ValidationError, match="cannot be compiled"):
        TextsIn(subject="s", body_text=source)


def test_a_text_longer_than_mail_programs_show_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most"):
        TextsIn(subject="s", body_html="x" * (MAX_SOURCE + 1))
