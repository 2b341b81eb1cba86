"""The page behind the unsubscribe link: plain HTML in one piece, usable without a script."""

import base64
import hashlib
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #f4f6f9; --card: #fff; --line: #dde3ea;
  --deed: #2456d6; --on-deed: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf2; --soft: #a3adba; --paper: #12161c; --card: #1b2129; --line: #2c3540; --deed: #8ab0ff;
    --on-deed: #0d1520 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .9rem }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.25 }
p { margin: 0 0 1.25rem; color: var(--soft); overflow-wrap: anywhere }
button { font: inherit; font-weight: 600; padding: .7rem 1.2rem; border: 0; border-radius: .55rem; cursor: pointer;
  background: var(--deed); color: var(--on-deed) }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


def asking(type_name: str) -> str:
    return _page(
        "Unsubscribe?",
        f"You will get no more emails of the kind “{escape(type_name)}”. Other emails are not affected.",
        _button("off", "Unsubscribe"),
    )


def done(type_name: str) -> str:
    return _page(
        "You are unsubscribed",
        f"You will get no more emails of the kind “{escape(type_name)}”. Was that a mistake?",
        _button("on", "Subscribe again"),
    )


def undone(type_name: str) -> str:
    return _page(
        "You are subscribed again",
        f"You will get emails of the kind “{escape(type_name)}” as before.",
        _button("off", "Unsubscribe"),
    )


def nobody() -> str:
    return _page(
        "This link does not work",
        "It is incomplete or no longer valid. Please use the link of a newer email, whole.",
    )


def _button(wanted: str, label: str) -> str:
    return (
        f'<form method="post"><input type="hidden" name="emails" value="{wanted}">'
        f'<button type="submit">{escape(label)}</button></form>'
    )


def _page(title: str, text: str, form: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{text}</p>{form}</main></body></html>"
    )
