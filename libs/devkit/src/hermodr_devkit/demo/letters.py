"""The demo's templates, from the package's files in `mails/`.

`<type>.<locale>.txt` has `Subject: …`, an empty line, and the text; `<type>.<locale>.html` goes into `layout.html`.
`class="name"` becomes a `style` attribute.
"""

import re
from importlib.resources import files
from typing import Any

TYPES: dict[str, tuple[str, ...]] = {
    "magic_link": ("en",),
    "booking_confirmation": ("en", "de"),
    "visit_reminder": ("en", "de"),
    "system_notice": ("en",),
    "weekly_digest": ("en",),
    "photo_liked": ("en",),
}
"""The first locale of each template is its default."""
TEXTS = ("room_ready",)
"""Templates of texts, in English."""
APPROVED = ("room_ready", "en", "Hello {{1}}, your room {{2}} is ready. The code of the key box is {{3}}.")
"""A template of WhatsApp: its name, language and body."""

SANS = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
STYLES = {
    "page": f"margin:0;padding:32px 12px;background:#eef1f5;{SANS}color:#1f2933;",
    "card": "max-width:560px;margin:0 auto;background:#ffffff;border-radius:14px;overflow:hidden;"
    "border:1px solid #dfe4ea;",
    "brand": "padding:20px 32px;background:#17324d;color:#ffffff;font-size:15px;font-weight:600;letter-spacing:.4px;",
    "body": "padding:32px;font-size:16px;line-height:1.55;",
    "title": "margin:0 0 16px;font-size:23px;line-height:1.3;font-weight:650;color:#102a43;",
    "lead": "margin:0 0 20px;",
    "button": "display:inline-block;padding:13px 26px;border-radius:9px;background:#1f6feb;color:#ffffff;"
    "font-weight:600;text-decoration:none;",
    "action": "margin:28px 0;",
    "small": "margin:20px 0 0;font-size:13px;line-height:1.5;color:#627d98;",
    "facts": "width:100%;margin:0 0 24px;border-collapse:collapse;font-size:15px;",
    "label": "padding:11px 0;border-bottom:1px solid #e6eaef;color:#627d98;width:38%;vertical-align:top;",
    "value": "padding:11px 0;border-bottom:1px solid #e6eaef;font-weight:600;",
    "panel": "margin:0 0 22px;padding:16px 20px;background:#fff8e6;border-left:4px solid #f0b429;border-radius:6px;",
    "item": "margin:0 0 14px;padding:0 0 14px;border-bottom:1px solid #e6eaef;",
    "foot": "max-width:560px;margin:18px auto 0;font-size:12px;line-height:1.5;color:#829ab1;text-align:center;",
}
_CLASS = re.compile(r'class="(\w+)"')


def templates() -> list[dict[str, Any]]:
    mails = [
        {
            "name": name,
            "default_locale": locales[0],
            "contents": {"email": {locale: _texts(name, locale) for locale in locales}},
        }
        for name, locales in TYPES.items()
    ]
    texts = [
        {"name": name, "default_locale": "en", "contents": _of_phones(name, _read(f"{name}.en.txt"))}
        for name in TEXTS
    ]
    return mails + texts


def _of_phones(name: str, text: str) -> dict[str, Any]:
    approved = {"name": name, "parameters": ["{{ name }}", "{{ room }}", "{{ code }}"]}
    return {
        "sms": {"en": {"body_text": text}},
        "whatsapp": {"en": {"body_text": text, "approved": approved}},
    }


def _texts(name: str, locale: str) -> dict[str, str]:
    head, _, text = _read(f"{name}.{locale}.txt").partition("\n\n")
    page = _read("layout.html").replace("%%LOCALE%%", locale)
    page = page.replace("%%CONTENT%%", _read(f"{name}.{locale}.html").strip())
    return {
        "subject": head.removeprefix("Subject: "),
        "body_text": text,
        "body_html": _CLASS.sub(lambda found: f'style="{STYLES[found[1]]}"', page),
    }


def _read(name: str) -> str:
    return files("hermodr_devkit.demo").joinpath("mails", name).read_text(encoding="utf-8")
