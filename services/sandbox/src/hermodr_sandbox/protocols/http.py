"""What the pretended HTTP providers share: from a request to a mail, with the fault rules in between."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses, parseaddr
from typing import Any, NamedTuple, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain.faults import Provider, Report, Stage
from hermodr_sandbox.domain.mail import Client, Mail
from hermodr_sandbox.protocols.callbacks import Callbacks
from hermodr_sandbox.protocols.trouble import Cut, Lied, Refusal, Wrong, bounded, reply, step
from hermodr_sandbox.service import Sandbox

MAX_BODY = 40 * 1024 * 1024


class Submission(NamedTuple):
    """A mail as it was asked for. `repeat` is the answer to an earlier request that this one repeats."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    repeat: Response | None = None


class Dialect(Protocol):
    """One provider's interface."""

    name: Provider
    path: str
    """Where mails are sent to."""
    others: Mapping[str, Callable[[Mapping[str, str]], Response]]
    """Answers to GET with these query parameters, by path."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Submission:
        """Raises `Refusal`."""
        ...

    def under_way(self, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """While the mail is worked on. Raises `Refusal`."""
        ...

    def accepted(self, headers: Mapping[str, str], body: bytes, mail: Mail) -> Response: ...

    def refused(self, refusal: Refusal) -> Response: ...


class HttpProviders:
    """The providers' paths, before all others: directly on the server, to end a connection without a word."""

    def __init__(
        self,
        app: ASGIApp,
        sandbox: Sandbox,
        dialects: Sequence[Dialect],
        callbacks: Callbacks | None = None,
    ) -> None:
        self._app = app
        self._callbacks = callbacks
        self._sandbox = sandbox
        self._dialects = {("POST", each.path): each for each in dialects} | {
            ("GET", path): each for each in dialects for path in each.others
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        dialect = self._dialects.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if dialect is None:
            await self._app(scope, receive, send)
        else:
            request = Request(scope, receive)
            await reply(request, send, self._answer(dialect, request))

    async def _answer(self, dialect: Dialect, request: Request) -> Response:
        try:
            await step(self._sandbox, dialect.name, Stage.CONNECT)
            key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            if not key:
                raise Refusal(Wrong.MISSING_KEY, "The Authorization header has no key.")
            await step(self._sandbox, dialect.name, Stage.AUTH)
            if request.method == "POST":
                return await self._send(dialect, request)
            return dialect.others[request.url.path](request.query_params)
        except Refusal as refusal:
            self._sandbox.traffic.commands_refused += 1
            return dialect.refused(refusal)

    async def _send(self, dialect: Dialect, request: Request) -> Response:
        body = await _body(request)
        submission = dialect.read(request.headers, body)
        if submission.repeat is not None:
            return submission.repeat
        with dialect.under_way(request.headers):
            return await self._take(dialect, request, submission, body)

    async def _take(
        self, dialect: Dialect, request: Request, submission: Submission, body: bytes
    ) -> Response:
        sender, recipients = submission.sender, submission.recipients
        await step(self._sandbox, dialect.name, Stage.MAIL, sender)
        for recipient in recipients:
            await step(self._sandbox, dialect.name, Stage.RCPT, sender, (recipient,))
        try:
            await step(self._sandbox, dialect.name, Stage.AFTER_DATA, sender, recipients)
        except (Cut, Lied) as end:
            if end.stored:
                self._store(dialect, request, submission, body)
            raise
        return self._store(dialect, request, submission, body)

    def _store(self, dialect: Dialect, request: Request, submission: Submission, body: bytes) -> Response:
        peer = request.client
        client = Client(
            f"{peer.host}:{peer.port}" if peer else "", dialect.path, request.url.scheme == "https"
        )
        mail = self._sandbox.accept(submission.sender, submission.recipients, submission.raw, client)
        if self._callbacks is not None:
            verdict = self._sandbox.judge(
                Stage.REPORT, submission.sender, submission.recipients, dialect.name
            )
            rule = verdict.action if verdict is not None and isinstance(verdict.action, Report) else None
            self._callbacks.report(dialect.name, body, submission.recipients[0], rule)
        return dialect.accepted(request.headers, body, mail)


async def _body(request: Request) -> bytes:
    body = await bounded(request, MAX_BODY)
    if body is None:
        raise Refusal(Wrong.TOO_LARGE, "The body is larger than 40 MiB.")
    return body


def parsed(body: bytes) -> dict[str, Any]:
    """The body's object. Raises `Refusal`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(Wrong.MESSAGE, "The body is no JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(Wrong.MESSAGE, "The body is no object.")
    return value


def addresses(given: object, field: str, *, wrong: Wrong = Wrong.MESSAGE) -> list[tuple[str, str]]:
    """(name, address) of a text or a list of them. Raises `Refusal` naming the field."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise Refusal(
            Wrong.MESSAGE, f"Invalid `{field}` field: it is neither a text nor a list of texts.", field
        )
    found = getaddresses(texts)
    for _, address in found:
        checked(address, field, wrong=wrong)
    return found


def checked(address: object, field: str, *, wrong: Wrong = Wrong.MESSAGE) -> str:
    """The address. Raises `Refusal` for what is none."""
    text = address if isinstance(address, str) else ""
    local, _, domain = text.rpartition("@")
    if not local or not domain or " " in text or parseaddr(text)[1] != text:
        raise Refusal(wrong, f"Invalid `{field}` field: this is no email address.", field)
    return text


def mime(
    *,
    sender: tuple[str, str],
    to: Sequence[tuple[str, str]],
    subject: str,
    text: str | None,
    html: str | None,
    headers: Mapping[str, str],
    reply_to: Sequence[tuple[str, str]] = (),
    cc: Sequence[tuple[str, str]] = (),
    attachments: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The mail a provider would make of it. Raises `Refusal` for what makes none."""
    mail = EmailMessage(policy=SMTP.clone(utf8=True))
    try:
        for name, group in (("From", [sender]), ("To", to), ("Cc", cc), ("Reply-To", reply_to)):
            if group:
                mail[name] = ", ".join(_field(*each) for each in group)
        mail["Subject"] = subject
        for name, value in headers.items():
            mail[name] = value
        mail.set_content(text or "")
        if html is not None:
            mail.add_alternative(html, subtype="html")
        for each in attachments:
            _attach(mail, each)
        return mail.as_bytes()
    except (ValueError, TypeError, UnicodeError, AttributeError) as error:
        raise Refusal(Wrong.MESSAGE, f"The mail cannot be built: {type(error).__name__}.") from None


def _field(name: str, address: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>' if name else address


def _attach(mail: EmailMessage, given: Mapping[str, Any]) -> None:
    try:
        content = base64.b64decode(str(given["content"]), validate=True)
    except (KeyError, binascii.Error):
        raise Refusal(Wrong.MESSAGE, "An attachment has no content in base64.", "attachments") from None
    kind, *parameters = str(given.get("content_type") or "application/octet-stream").split(";")
    main, _, subtype = kind.strip().partition("/")
    content_id = given.get("content_id")
    mail.add_attachment(
        content,
        maintype=main,
        subtype=subtype or "octet-stream",
        params=dict(_parameter(each) for each in parameters),
        filename=str(given.get("filename") or "attachment"),
        cid=f"<{content_id}>" if content_id else None,
        disposition="inline" if content_id else "attachment",
    )


def _parameter(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    return name.strip(), value.strip().strip('"')
