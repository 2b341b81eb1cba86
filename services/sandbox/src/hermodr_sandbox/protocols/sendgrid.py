"""SendGrid v3, pretended: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from starlette.responses import JSONResponse, Response

from hermodr_sandbox.domain.faults import Provider
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.protocols.http import Submission, checked, mime, parsed
from hermodr_sandbox.protocols.trouble import Refusal, Wrong

_STATUSES: Mapping[Wrong, int] = {
    Wrong.MISSING_KEY: 401,
    Wrong.KEY: 401,
    Wrong.ADDRESS: 400,
    Wrong.MESSAGE: 400,
    Wrong.TOO_LARGE: 413,
    Wrong.PACE: 429,
    Wrong.UNAVAILABLE: 503,
    Wrong.BROKEN: 500,
}
_MAILS_KEPT = 100_000
_BY_ARGUMENT = re.compile(r"unique_args\['([^']+)'\]=\"([^\"]*)\"")
_RECIPIENT = "personalizations.0.to.0.email"


class SendGrid:
    """A `Dialect`. One personalization, as senders of notifications use it."""

    name: Provider = "sendgrid"
    path = "/v3/mail/send"

    def __init__(self) -> None:
        self.others: Mapping[str, Callable[[Mapping[str, str]], Response]] = {
            "/v3/scopes": lambda _: JSONResponse({"scopes": ["mail.send"]}),
            "/v3/messages": self._messages,
        }
        self._accepted: OrderedDict[tuple[str, str], str] = OrderedDict()
        """Our id of a mail, by each of its custom arguments."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Submission:  # noqa: ARG002
        """See `Dialect`."""
        given = parsed(body)
        groups = given.get("personalizations")
        if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict):
            raise Refusal(Wrong.MESSAGE, "One personalization is needed.", "personalizations")
        to, cc, bcc = (
            _people(groups[0].get(name), f"personalizations.0.{name}") for name in ("to", "cc", "bcc")
        )
        if not to:
            raise Refusal(Wrong.MESSAGE, "A recipient is needed.", "personalizations.0.to")
        _each_once([*to, *cc, *bcc])
        sender = _person(given.get("from"), "from")
        subject = groups[0].get("subject") or given.get("subject")
        if not isinstance(subject, str) or not subject:
            raise Refusal(Wrong.MESSAGE, "The subject is required.", "subject")
        bodies = _bodies(given.get("content"))
        raw = mime(
            sender=sender,
            to=to,
            cc=cc,
            subject=subject,
            text=bodies.get("text/plain"),
            html=bodies.get("text/html"),
            headers=given.get("headers") or {},
            reply_to=_reply_to(given),
            attachments=[_attachment(each) for each in given.get("attachments") or []],
        )
        return Submission(sender[1], tuple(address for _, address in (*to, *cc, *bcc)), raw)

    def under_way(self, headers: Mapping[str, str]) -> AbstractContextManager[None]:  # noqa: ARG002
        """See `Dialect`. There are no idempotency keys."""
        return nullcontext()

    def accepted(self, headers: Mapping[str, str], body: bytes, mail: Mail) -> Response:  # noqa: ARG002
        """See `Dialect`."""
        number = f"sandbox-{mail.number}"
        arguments = parsed(body).get("custom_args")
        for name, value in arguments.items() if isinstance(arguments, dict) else ():
            self._accepted[name, str(value)] = number
            if len(self._accepted) > _MAILS_KEPT:
                self._accepted.popitem(last=False)
        return Response(status_code=202, headers={"x-message-id": number})

    def _messages(self, query: Mapping[str, str]) -> Response:
        """The activity feed, searched by one custom argument."""
        wanted = _BY_ARGUMENT.fullmatch(query.get("query", ""))
        if wanted is None:
            return JSONResponse(
                {"errors": [{"message": "invalid query", "field": "query", "help": None}]}, 400
            )
        number = self._accepted.get((wanted[1], wanted[2]))
        found = [{"msg_id": number, "status": "delivered"}] if number is not None else []
        return JSONResponse({"messages": found})

    def refused(self, refusal: Refusal) -> Response:
        """See `Dialect`."""
        status = _STATUSES.get(refusal.wrong, 400)
        field = refusal.field
        if refusal.wrong is Wrong.ADDRESS and field is None:
            field = _RECIPIENT
        headers = {"retry-after": "1"} if status == 429 else None
        error = {"message": refusal.detail, "field": field, "help": None}
        return JSONResponse({"errors": [error]}, status, headers)


def _people(given: object, field: str) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise Refusal(Wrong.MESSAGE, "This is no list.", field)
    wrong = Wrong.ADDRESS if field.endswith(".to") else Wrong.MESSAGE
    return [_person(each, f"{field}.{index}", wrong) for index, each in enumerate(given)]


def _person(given: object, field: str, wrong: Wrong = Wrong.MESSAGE) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise Refusal(Wrong.MESSAGE, "This is no object with an email.", field)
    return str(given.get("name") or ""), checked(given.get("email"), f"{field}.email", wrong=wrong)


def _each_once(people: Sequence[tuple[str, str]]) -> None:
    addresses = [address.lower() for _, address in people]
    if len(set(addresses)) < len(addresses):
        reason = "Each email address in the personalization block should be unique between to, cc, and bcc."
        raise Refusal(Wrong.MESSAGE, reason, "personalizations.0")


def _reply_to(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    one, several = given.get("reply_to"), given.get("reply_to_list")
    if one and several:
        raise Refusal(Wrong.MESSAGE, "reply_to and reply_to_list exclude each other.", "reply_to")
    return [_person(one, "reply_to")] if one else _people(several, "reply_to_list")


def _bodies(given: object) -> dict[str, str]:
    parts: Sequence[Any] = given if isinstance(given, list) else []
    bodies = {
        each["type"]: each["value"]
        for each in parts
        if isinstance(each, dict) and isinstance(each.get("type"), str) and isinstance(each.get("value"), str)
    }
    if not bodies or len(bodies) != len(parts) or not all(bodies.values()):
        raise Refusal(
            Wrong.MESSAGE, "Each content needs a type and a value of at least one character.", "content"
        )
    return bodies


def _attachment(given: object) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise Refusal(Wrong.MESSAGE, "This is no object.", "attachments")
    kind = given.get("type")
    if kind is not None and (not isinstance(kind, str) or not kind or set(kind) & set(";\r\n")):
        raise Refusal(Wrong.MESSAGE, "The type is no text without semicolons.", "attachments.type")
    if given.get("disposition") == "inline" and not given.get("content_id"):
        raise Refusal(Wrong.MESSAGE, "What is inline needs a content_id.", "attachments.content_id")
    return given | {"content_type": kind}
