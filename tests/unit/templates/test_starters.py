"""The templates that new projects begin with."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import hermodr_templates
from hermodr_templates.publishing import Published, Source, publish
from hermodr_templates.rendering import Rendered, Renderer
from tests.support.templates import Version

FOLDER = Path(hermodr_templates.__file__).parent / "starters"
NEEDED: dict[str, dict[str, Any]] = {
    "address_changed": {},
    "address_verification": {"link": "https://example.com/yes"},
    "auto_sync_reminder": {"event_name": "Summer party"},
    "booking_confirmation": {"reference": "HH-4711"},
    "digest": {"items": [{"title": "One"}, {"text": "Two"}]},
    "invitation": {"inviter": "Grace", "group": "Crew", "link": "https://example.com/join"},
    "job_completed": {"task": "Export"},
    "job_failed": {"task": "Export"},
    "job_status": {"task": "Export"},
    "magic_link": {"magic_link": "https://example.com/in"},
    "system_notice": {"title": "Maintenance", "message": "On Sunday."},
}
CASES = [(name, locale) for name in NEEDED for locale in ("de", "en")]


def published(name: str, locale: str) -> tuple[Source, Published]:
    head = tomllib.loads((FOLDER / name / "template.toml").read_text())
    texts = [(FOLDER / name / f"email.{locale}.{kind}").read_text() for kind in ("txt", "mjml")]
    source = Source(head["email"][locale]["subject"], texts[0], None, texts[1])
    return source, publish(source)


def rendered(name: str, locale: str, data: dict[str, Any]) -> Rendered:
    source, made = published(name, locale)
    return Renderer().render(
        Version(source.subject, source.body_text, made.compiled_html, locale=locale), data
    )


def test_they_are_all_there() -> None:
    assert sorted(each.name for each in FOLDER.iterdir()) == sorted(NEEDED)


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_they_are_published_and_need_little(name: str, locale: str) -> None:
    _, made = published(name, locale)
    assert (made.flaws, made.warnings) == ([], [])
    assert set(made.required) == set(NEEDED[name])


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_they_are_readable_for_everybody(name: str, locale: str) -> None:
    data = {
        **NEEDED[name],
        "name": "<Ada>",
        "brand_name": "Harbour & Sons",
        "brand_logo": "https://example.com/l.png",
    }
    made = rendered(name, locale, data)
    html = made.html or ""
    assert f'lang="{locale}"' in html
    assert "prefers-color-scheme: dark" in html
    assert all("alt=" in image for image in re.findall(r"<img[^>]*>", html))
    assert 'alt="Harbour &amp; Sons"' in html
    assert "<Ada>" not in html
    assert "&lt;Ada&gt;" in html
    assert "Harbour & Sons" in made.text
    assert re.findall(r"""(?:src|url\()=?["']?(https?://[^"')]*)""", html) == ["https://example.com/l.png"]


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_with_what_they_need_they_are_whole(name: str, locale: str) -> None:
    made = rendered(name, locale, NEEDED[name])
    assert "Hermodr" in made.text
    assert "{" not in made.subject + made.text
    assert not re.search(r"[ \t]+\n\n\n|\n\n\n\n", made.text)


def test_a_digest_counts() -> None:
    item = {"title": "One"}
    assert rendered("digest", "en", {"items": [item]}).subject == "What is new: One thing is new"
    whole = rendered("digest", "en", {"items": [item] * 2, "total": 7})
    assert whole.subject.endswith("7 things are new")
    assert "and 5 more" in whole.text


def test_a_digest_groups_by_kind_and_shows_photos() -> None:
    items = [
        {
            "content_type": "text",
            "title": "Party",
            "text": "At three.\nBring a <hat>.",
            "url": "https://a.example/p",
        },
        {"content_type": "photo", "url": "https://a.example/lake.jpg", "author": "John", "date": "Mon"},
        {"content_type": "milestone", "title": "First steps"},
        {"content_type": "school_report", "text": "All well"},
    ]
    made = rendered("digest", "en", {"items": items, "summary": "A <good> week."})
    html = made.html or ""
    places = [made.text.index(each) for each in ("Photos", "Milestones", "News", "School report")]
    assert places == sorted(places)
    assert re.findall(r'<img[^>]*?src="([^"]*)"', html) == ["https://a.example/lake.jpg"]
    assert 'href="https://a.example/p"' in html
    assert "  At three.\n  Bring a <hat>." in made.text
    for escaped in ("Bring a &lt;hat&gt;.", "A &lt;good&gt; week."):
        assert escaped in html
    one_kind = rendered("digest", "de", {"items": [items[1]]})
    assert "Fotos" not in one_kind.text + (one_kind.html or "")


def test_a_digest_shows_what_has_no_title_as_text() -> None:
    made = rendered(
        "digest", "en", {"items": [{"content_type": "text", "text": "At three.\n\nBring a hat."}]}
    )
    assert "* At three.\n\n  Bring a hat.\n" in made.text
    html = made.html or ""
    (block,) = re.findall(r"<td[^>]*>\s*<div[^>]*>At three\.\n\nBring a hat\.</div>", html)
    assert "font-weight" not in block
    assert 'class="strong"' not in html


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_they_greet_the_recipient_and_say_how_to_unsubscribe(name: str, locale: str) -> None:
    link = "https://mail.example/u/abc"
    reader = {"recipient": {"name": "Edith <H>", "attributes": {}}}
    made = rendered(name, locale, {**NEEDED[name], **reader, "unsubscribe_url": link})
    named = rendered(name, locale, {**NEEDED[name], **reader, "name": "Ada"})
    critical = tomllib.loads((FOLDER / name / "template.toml").read_text())["critical"]
    for text in (made.text, made.html or ""):
        assert (link in text) is not critical
    assert ("Edith <H>" in made.text) is not critical
    assert ("Edith &lt;H&gt;" in (made.html or "")) is not critical
    assert "Edith" not in named.text + (named.html or "")
    assert "/u/" not in named.text + (named.html or "")


@pytest.mark.parametrize(
    ("locale", "state", "subject", "says"),
    [
        ("en", "completed", "Done: Export", "Everything went well."),
        ("en", "failed", "Failed: Export", "no disk"),
        ("en", "cancelled", "Cancelled: Export", "It was stopped before its end."),
        ("de", "completed", "Fertig: Export", "Alles hat geklappt."),
        ("de", "failed", "Gescheitert: Export", "no disk"),
        ("de", "cancelled", "Abgebrochen: Export", "Sie wurde vor ihrem Ende angehalten."),
    ],
)
def test_the_end_of_a_task_is_told_as_it_was(locale: str, state: str, subject: str, says: str) -> None:
    data = {
        "task": "Export",
        "state": state,
        "error": "no disk" if state == "failed" else None,
        "seconds": 12.5,
    }
    made = rendered("job_status", locale, data)
    assert made.subject == subject
    for text in (made.text, made.html or ""):
        assert says in text
        assert "12.5 s" in text
    given_up = rendered(
        "job_status", locale, {"task": "Export", "state": "failed", "error": None, "seconds": None}
    )
    assert "None" not in given_up.text
    assert "null" not in given_up.text


IN_APP = ("booking_confirmation", "invitation", "job_completed", "job_failed", "job_status", "system_notice")
"""Who is not signed in reads no inbox, and a digest is a mail unless somebody wants it otherwise."""


def test_what_is_news_in_the_application_comes_there_too() -> None:
    assert {each.parent.name for each in FOLDER.glob("*/in_app.*.txt")} == set(IN_APP)


@pytest.mark.parametrize("name", IN_APP)
@pytest.mark.parametrize("locale", ["de", "en"])
def test_in_app_they_are_short_and_need_no_more(name: str, locale: str) -> None:
    head = tomllib.loads((FOLDER / name / "template.toml").read_text())
    text = (FOLDER / name / f"in_app.{locale}.txt").read_text()
    subject = head["in_app"][locale]["subject"]
    made = publish(Source(subject, text))
    assert (made.flaws, made.warnings) == ([], [])
    assert set(made.required) <= set(NEEDED[name])
    shown = Renderer().render(Version(subject, text, None, locale=locale), NEEDED[name])
    assert shown.subject
    assert 0 < len(shown.text.strip()) < 200
    assert "{" not in shown.subject + shown.text
