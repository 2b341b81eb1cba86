"""Pages of the console, from templates of ours. What stands in them is escaped; nothing of them runs."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from starlette.responses import FileResponse, HTMLResponse, Response

from hermodr_api.console.forms import Form
from hermodr_api.console.looks import LOOKS
from hermodr_api.console.menu import menu
from hermodr_api.console.sessions import Visitor
from hermodr_api.errors import Refused
from hermodr_api.http.html import environment
from hermodr_contracts.brands import LOGOS
from hermodr_contracts.visible import LINES, visible
from hermodr_ledger.jobs.bulk_actions import MAY_BE

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
}
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)
"""Of a mail as it was sent: a stranger's page, without scripts, forms, or anything that is fetched."""
_CANVAS_POLICY = _MAIL_POLICY.replace("sandbox ", "sandbox allow-same-origin ")
"""Of an empty page that our own script fills with a mail: it, too, runs nothing and fetches nothing."""
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(milliseconds: float | None) -> str:
    """`820 ms`, `4.2 s`, `3 min`, `2 h`, `5 d`."""
    if milliseconds is None:
        return "–"
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def _json(value: Any) -> str:
    """For people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


_ENVIRONMENT = environment(_FOLDER / "templates")
_ENVIRONMENT.filters |= {"moment": _moment, "span": _span, "number": _number, "json": _json}
_ENVIRONMENT.filters["visible"] = lambda text: visible(text, LINES)
_ENVIRONMENT.globals["may_be"] = MAY_BE
_ENVIRONMENT.globals["mark"] = lambda state: LOOKS.get(state, "quiet")


def page(
    name: str, visitor: Visitor, status: int = 200, *, here: str | None = None, **values: Any
) -> HTMLResponse:
    """The template of that name, for the visitor. `here`: the entry of the menu that it belongs to, where that is not
    its own."""
    text = _ENVIRONMENT.get_template(f"{name}.html").render(
        visitor=visitor, menu=menu(visitor), here=here or name, **values
    )
    return HTMLResponse(text, status, headers=HEADERS)


def question(
    visitor: Visitor,
    here: str,
    asks: str,
    says: Sequence[str],
    action: str,
    label: str,
    back: str,
    *,
    hidden: Mapping[str, str] = MappingProxyType({}),
    typed: Sequence[tuple[str, str]] = (),
) -> HTMLResponse:
    """Asked before what cannot be taken back: `says` what it means; the button `label` posts to `action`, with fields
    that are `hidden`, and those that may be `typed` (name and label)."""
    return page(
        "question",
        visitor,
        here=here,
        asks=asks,
        says=says,
        action=action,
        label=label,
        back=back,
        form=Form(),
        hidden=hidden,
        typed=typed,
    )


def secret(visitor: Visitor, here: str, title: str, says: str, secret: str | None, back: str) -> HTMLResponse:
    """A secret that is shown this once; `None`: it was."""
    return page("secret", visitor, here=here, title=title, says=says, secret=secret, back=back)


def login(
    next_path: str, flaw: str | None = None, status: int = 200, sign_in: str | None = None
) -> HTMLResponse:
    """`flaw`: why it did not work. `sign_in`: what the identity provider is called, if there is one."""
    text = _ENVIRONMENT.get_template("login.html").render(next=next_path, flaw=flaw, sign_in=sign_in)
    return HTMLResponse(text, status, headers=HEADERS)


def entered(next_path: str) -> HTMLResponse:
    """Leads on at once, as a page of ours: see `oidc.callback`."""
    text = _ENVIRONMENT.get_template("entered.html").render(next=next_path)
    return HTMLResponse(text, headers={**HEADERS, "refresh": f"0; url={quote(next_path, safe='/?&=%+')}"})


def left(address: str, provider: str | None) -> HTMLResponse:
    """Leads on to the identity provider, where they are still logged in."""
    text = _ENVIRONMENT.get_template("left.html").render(address=address, provider=provider)
    return HTMLResponse(text, headers={**HEADERS, "refresh": f"0; url={address}"})


def entering(link: str) -> HTMLResponse:
    """Whether that link is theirs."""
    text = _ENVIRONMENT.get_template("entering.html").render(link=link)
    return HTMLResponse(text, headers=HEADERS)


def failed(refused: Refused | None) -> HTMLResponse:
    """A page that says what is wrong; `None`: the database cannot be reached."""
    if refused is None:
        title, detail, status = "The database cannot be reached", "This page tries again by itself.", 503
    else:
        title, detail, status = refused.kind.title, refused.detail, refused.kind.status
    text = _ENVIRONMENT.get_template("failed.html").render(title=title, detail=detail, status=status)
    more: Mapping[str, str] = {"refresh": "5"} if refused is None else dict(refused.headers)
    return HTMLResponse(text, status, headers={**HEADERS, **more})


def mail(html: str) -> HTMLResponse:
    """A mail's own page, for a frame."""
    return HTMLResponse(html, headers={**HEADERS, "content-security-policy": _MAIL_POLICY})


def canvas() -> HTMLResponse:
    """An empty page for a frame."""
    text = '<!doctype html><html lang=""><head><title>Preview</title></head><body></body></html>'
    return HTMLResponse(text, headers={**HEADERS, "content-security-policy": _CANVAS_POLICY})


def static(name: str) -> Response | None:
    """A file that pages use."""
    path = _STATIC / name
    if path.parent != _STATIC or path.suffix not in _TYPES or not path.is_file():
        return None
    headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def with_logos(answer: Response, host: str) -> Response:
    """The answer; a mail in it may show logos that we serve, as the browser sees us, and nothing else of ours."""
    policy = answer.headers.get("content-security-policy", "")
    if policy.startswith("sandbox ") and _HOST.fullmatch(host):
        ours = f"img-src data: http://{host}{LOGOS}/ https://{host}{LOGOS}/;"
        answer.headers["content-security-policy"] = policy.replace("img-src data:;", ours)
    return answer
