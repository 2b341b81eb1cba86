import pytest
from pydantic import ValidationError

from hermodr_api.http.bodies import read
from hermodr_api.previews.models import PreviewView, chosen, warnings_of
from hermodr_api.templates.models import (
    MAX_SOURCE,
    TemplateIn,
    TemplatePatch,
    TextsIn,
    content_flaws,
    merged,
    patched_of,
    texts_of,
)
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Texts

ENGLISH = Texts("Hi", "x", None)
CURRENT = {"email": {"en": ENGLISH}}


def _patched(contents: dict[str, object]) -> object:
    patch = read(TemplatePatch, {"contents": contents})
    return merged(CURRENT, patch, patched_of(patch))


def test_a_patch_replaces_what_it_names() -> None:
    german = {"subject": "Hallo", "body_text": "y"}
    both = {"email": {"en": ENGLISH, "de": Texts("Hallo", "y", None)}}
    assert _patched({"email": {"de": german}}) == both
    assert _patched({"email": {"en": None, "de": german}}) == {"email": {"de": Texts("Hallo", "y", None)}}
    assert _patched({"email": None}) == {}
    assert merged(CURRENT, TemplatePatch(critical=True), {}) is None
    assert CURRENT == {"email": {"en": ENGLISH}}


def test_contents_as_the_ledger_keeps_them() -> None:
    wanted = read(TemplateIn, {"name": "a", "contents": {"sms": {"en": {"body_text": "{{ x }}"}}}})
    contents = texts_of(wanted.contents)
    assert contents == {"sms": {"en": Texts(None, "{{ x }}", None)}}
    assert content_flaws(contents, "en") == []


def test_a_text_is_html_or_mjml_and_not_both() -> None:
    texts = {"subject": "s", "body_html": "<p>x", "body_mjml": "<mjml></mjml>"}
    wanted = read(TemplateIn, {"name": "a", "contents": {"email": {"en": texts}}})
    (flaw,) = content_flaws(texts_of(wanted.contents), "en")
    assert flaw.loc == ("body", "contents", "email", "en", "body_mjml")


def test_whose_texts_are_shown() -> None:
    email = {"en": Texts("Hi", "x", None), "de": Texts("Hallo", "y", None)}
    sms = {"en": Texts(None, "z", None)}
    assert chosen({"sms": sms, "email": email}, None, "de-AT", "en") == ("email", "de", email["de"])
    assert chosen({"sms": sms}, None, "de-AT", "en") == ("sms", "en", sms["en"])
    assert chosen({"sms": sms}, Channel.EMAIL, None, "en") is None


def test_what_an_author_may_not_have_meant_is_told() -> None:
    view = PreviewView(
        version=1,
        channel="email",
        locale="de",
        subject="",
        html="x" * 110_000,
        text="x",
        variables=["a", "b"],
        warnings=[],
    )
    warnings = " | ".join(warnings_of(view, Texts("{{ a }}", None, "x"), "fr", {"a": 1}))
    for words in ("no texts in fr", "done without: b", "derived", "100 KiB", "subject is empty"):
        assert words in warnings
    fine = view.model_copy(update={"subject": "s", "html": "x"})
    assert warnings_of(fine, Texts("s", "t", "x"), "DE", {"a": 1, "b": 2}) == []


def test_a_text_longer_than_mail_programs_show_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most"):
        TextsIn(subject="s", body_html="x" * (MAX_SOURCE + 1))
