"""What a mail may suffer from."""

import pytest

from hermodr_sandbox.domain.checks import CLIPPED_FROM, MOST_FOUND, checks_of
from hermodr_sandbox.domain.mail import ParsedMail

ONE_CLICK = (
    ("List-Unsubscribe", "<https://x.example>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


def mail(
    html: str | None,
    text: str | None = "Hello",
    subject: str = "Hello",
    headers: tuple[tuple[str, str], ...] = ONE_CLICK,
) -> ParsedMail:
    return ParsedMail((("Subject", subject), *headers), text, html, ())


def titles(parsed: ParsedMail, level: str | None = None) -> list[str]:
    return [each.title for each in checks_of(parsed) if level in (None, each.level)]


def test_a_sound_mail_has_nothing_to_mind() -> None:
    sound = mail(
        "<p>"
        + "word " * 30
        + "<a href='https://shop.example'>Shop</a><img src='https://x/a.png' alt='A'></p>"
    )
    assert titles(sound) == ["One click unsubscribes", "Short enough for Gmail", "1 link"]
    assert titles(mail(None)) == ["One click unsubscribes"]


@pytest.mark.parametrize(
    ("html", "title", "programs"),
    [
        ("<p style='display:flex'>x</p>", "display: flex", "Outlook for Windows"),
        ("<style>p { color: var(--ink) }</style>", "variables (var)", "Gmail"),
        ("<style>@font-face { src: url(x) }</style>", "fonts of your own (@font-face)", "Yahoo"),
        ("<svg></svg>", "<svg>", "Outlook.com"),
        ("<img alt='' src='data:image/png;base64,AA'>", "pictures as data: URLs", "Gmail"),
        ("<img alt='' src='https://x.example/a.webp?b'>", "pictures of the kind WebP", "Outlook for Windows"),
        ("<link rel='stylesheet' href='https://x.example/a.css'>", "style sheets by <link>", "Gmail"),
    ],
)
def test_what_programs_do_not_show(html: str, title: str, programs: str) -> None:
    (found,) = [each for each in checks_of(mail(html)) if each.title == title]
    assert (found.level, programs in found.detail) == ("warn", True)
    assert found.source is not None
    assert found.source.startswith("https://www.caniemail.com/features/")


def test_words_in_a_text_are_no_styles() -> None:
    assert titles(mail("<p>" + "display: flex; position: fixed " * 10 + "</p>"), "warn") == []


def test_size_scripts_links_and_pictures() -> None:
    assert titles(mail("x" * (CLIPPED_FROM + 1)), "bad") == ["Gmail clips the mail"]
    assert titles(mail("<p onclick='x()'>x</p>"), "bad") == ["A script"]
    bad = mail(
        "<a href='javascript:x'>a</a><a href='{{ link }}'>b</a><a href='http://x.example'>c</a><a href='#a'>d</a>"
    )
    assert [each.detail for each in checks_of(bad) if each.level == "bad"] == ["javascript:x", "{{ link }}"]
    assert titles(bad, "warn") == ["A link without encryption"]
    pictures = mail("<img src='https://x/a.png'><img src='https://x/b.png' alt=''>")
    assert titles(pictures, "warn") == ["1 of 2 pictures without alt", "Hardly anything but pictures"]


@pytest.mark.parametrize(
    ("parsed", "title"),
    [
        (mail(None, subject=""), "No subject"),
        (mail(None, subject="BUY NOW TODAY"), "The subject is in capitals"),
        (mail(None, subject="Now!!"), "Several exclamation marks in the subject"),
        (mail("<p>x</p>", text=" "), "No text beside the HTML"),
        (mail(None, headers=()), "No List-Unsubscribe"),
        (mail(None, headers=ONE_CLICK[:1]), "Unsubscribing takes more than one click"),
    ],
)
def test_what_filters_dislike(parsed: ParsedMail, title: str) -> None:
    assert title in titles(parsed)


def test_hostile_html_is_read_within_bounds() -> None:
    many = "".join(f"<a href='x{number}'>" for number in range(10_000))
    assert (
        len(checks_of(mail(many + "<" * 10_000 + "<![CDATA[ <style>" + "position:" * 50_000))) == MOST_FOUND
    )
