"""The page behind the links in messages: plain HTML in one piece, usable without a script."""

import base64
import hashlib
from html import escape
from typing import NamedTuple

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #f4f6f9; --card: #fff; --line: #dde3ea;
  --deed: #2456d6; --on-deed: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf2; --soft: #a3adba; --paper: #12161c; --card: #1b2129; --line: #2c3540; --deed: #8ab0ff;
    --on-deed: #0d1520 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: clamp(1.5rem, 6vw, 2.5rem); background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; box-shadow: 0 1px 2px #0000000a, 0 8px 24px #0000000f }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; text-wrap: balance }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere }
b { color: var(--ink); font-weight: 600 }
form { margin: 1.75rem 0 0 }
button { font: inherit; font-weight: 600; padding: .7rem 1.4rem; border: 1px solid transparent; border-radius: .6rem;
  cursor: pointer; background: var(--deed); color: var(--on-deed) }
button.quiet { background: transparent; border-color: var(--soft); color: var(--ink) }
button:hover { filter: brightness(1.08) }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


class _Said(NamedTuple):
    """`{}` in the text stands for the kind of emails, or for the address."""

    title: str
    text: str
    button: str | None = None


_WORDS = {
    "en": {
        "asking": _Said(
            "Unsubscribe?",
            "You will get no more emails of the kind {}. Other emails are not affected.",
            "Unsubscribe",
        ),
        "done": _Said(
            "You are unsubscribed",
            "You will get no more emails of the kind {}. Was that a mistake?",
            "Subscribe again",
        ),
        "undone": _Said(
            "You are subscribed again", "You will get emails of the kind {} as before.", "Unsubscribe"
        ),
        "nobody": _Said(
            "This link does not work",
            "It is incomplete or no longer valid. Please use the link of a newer email, whole.",
        ),
        "confirming": _Said(
            "Is this your address?",
            "Somebody who is signed in gave {} as theirs. If it was not you, close this page: nothing happens.",
            "Yes, use it",
        ),
        "confirmed": _Said("Thank you", "{} is confirmed, and used from now on."),
        "too_late": _Said(
            "This link does not work",
            "It is incomplete, was used before, or there is a newer one. If the address is still missing, enter it "
            "again.",
        ),
    },
    "de": {
        "asking": _Said(
            "E-Mails abbestellen?",
            "Dann kommen keine E-Mails der Art {} mehr. Andere E-Mails sind nicht betroffen.",
            "Abbestellen",
        ),
        "done": _Said(
            "Abbestellt", "Es kommen keine E-Mails der Art {} mehr. War das ein Versehen?", "Wieder bestellen"
        ),
        "undone": _Said("Wieder bestellt", "E-Mails der Art {} kommen wieder wie zuvor.", "Abbestellen"),
        "nobody": _Said(
            "Dieser Link funktioniert nicht",
            "Er ist unvollständig oder nicht mehr gültig. Bitte den Link einer neueren E-Mail verwenden, ungekürzt.",
        ),
        "confirming": _Said(
            "Ist das deine Adresse?",
            "Jemand, der angemeldet ist, hat {} als seine angegeben. Warst das nicht du, schließe diese Seite: Es "
            "passiert nichts.",
            "Ja, verwenden",
        ),
        "confirmed": _Said("Danke", "{} ist bestätigt und wird ab jetzt verwendet."),
        "too_late": _Said(
            "Dieser Link funktioniert nicht",
            "Er ist unvollständig, wurde schon benutzt, oder es gibt einen neueren. Fehlt die Adresse noch, gib sie "
            "noch einmal ein.",
        ),
    },
}
LANGUAGES = tuple(_WORDS)
"""The first one is used where none fits."""

HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "vary": "accept-language",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


def asking(type_name: str, language: str) -> str:
    return _page("asking", language, type_name)


def done(type_name: str, language: str) -> str:
    return _page("done", language, type_name)


def undone(type_name: str, language: str) -> str:
    return _page("undone", language, type_name)


def nobody(language: str) -> str:
    return _page("nobody", language)


def confirming(address: str, language: str) -> str:
    return _page("confirming", language, address)


def confirmed(address: str, language: str) -> str:
    return _page("confirmed", language, address)


def too_late(language: str) -> str:
    return _page("too_late", language)


_SENT = {"done": ("emails", "on", "quiet"), "confirming": ("address", "mine", "deed")}
"""What the button of a page sends, and its look; that of the others says that no emails are wanted."""


def _page(name: str, language: str, about: str = "") -> str:
    said = _WORDS[language][name]
    title, text = escape(said.title), escape(said.text).replace("{}", f"<b>{escape(about)}</b>")
    form = ""
    if said.button is not None:
        field, value, look = _SENT.get(name, ("emails", "off", "deed"))
        form = (
            f'<form method="post"><input type="hidden" name="{field}" value="{value}">'
            f'<button type="submit" class="{look}">{escape(said.button)}</button></form>'
        )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f'<body><main class="{name}"><h1>{title}</h1><p>{text}</p>{form}</main></body></html>'
    )
