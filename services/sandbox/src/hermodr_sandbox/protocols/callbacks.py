"""What the pretended providers report about the mails they took, signed as the real ones do; by SMTP as a mail server's
script hands in bounces and complaints.

By tags of the address, each after a `+`: `ann+bounced@…`, `+blocked`, `+complained`, `+opened`, `+clicked`, `+scanned`
(a machine's click). All but bounced and blocked ones are delivered first. A rule with the action `report` says it for
the mails that it matches. Off without a secret.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from hermodr_sandbox.domain.faults import Provider, Report, Reported
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.protocols import mailed_reports
from hermodr_sandbox.protocols.outbox import Outbox
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

_SCANNER = "Barracuda Sentinel (EE)"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SENDGRID: Mapping[Reported, Mapping[str, Any]] = {
    "delayed": {"event": "deferred", "response": "451 try again later"},
    "delivered": {"event": "delivered", "response": "250 OK"},
    "bounced": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 no such user"},
    "blocked": {"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "550 not from you"},
    "complained": {"event": "spamreport"},
    "opened": {"event": "open", "useragent": _BROWSER, "sg_machine_open": False},
    "clicked": {"event": "click", "useragent": _BROWSER, "url": "https://example.com/"},
    "scanned": {"event": "click", "useragent": _SCANNER, "url": "https://example.com/"},
}
_RESEND: Mapping[Reported, tuple[str, Mapping[str, Any]]] = {
    "delayed": ("email.delivery_delayed", {}),
    "delivered": ("email.delivered", {}),
    "bounced": (
        "email.bounced",
        {"bounce": {"type": "Permanent", "subType": "General", "message": "no such user"}},
    ),
    "blocked": (
        "email.bounced",
        {"bounce": {"type": "Transient", "subType": "General", "message": "not from you"}},
    ),
    "complained": ("email.complained", {}),
    "opened": ("email.opened", {}),
    "clicked": ("email.clicked", {"click": {"link": "https://example.com/", "userAgent": _BROWSER}}),
    "scanned": ("email.clicked", {"click": {"link": "https://example.com/", "userAgent": _SCANNER}}),
}
_UNDELIVERED = ("bounced", "blocked")
_MOST_RECIPIENTS = 10
Write = Callable[[Reported], tuple[bytes, str]]
"""Body and number of a report."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """`resend`: `whsec_…`; `sendgrid`: a private key (P-256, PKCS 8 DER in base64); `smtp`: what the api wants as
    bearer token. Raises `ValueError`."""

    resend: bytes | None = None
    sendgrid: ec.EllipticCurvePrivateKey | None = None
    smtp: str | None = None

    @classmethod
    def of(cls, resend: str | None, sendgrid: str | None, smtp: str | None = None) -> Secrets:
        secret = base64.b64decode(resend.removeprefix("whsec_"), validate=True) if resend else None
        key = load_der_private_key(base64.b64decode(sendgrid, validate=True), None) if sendgrid else None
        if key is not None and not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("is no key of an elliptic curve")
        return cls(secret, key, smtp or None)


class Callbacks(Outbox):
    """`url`: what `/<provider>/events` is appended to."""

    def __init__(self, url: str, secrets: Secrets, clock: Clock) -> None:
        super().__init__()
        self._url = url.rstrip("/")
        self._secrets = secrets
        self._clock = clock

    def report(self, provider: Provider, body: bytes, recipient: str, rule: Report | None = None) -> None:
        """Soon, and in order: what the `rule` says, else the address. When very many are under way, nothing."""
        secret = self._secrets.resend if provider == "resend" else self._secrets.sendgrid
        if secret is None:
            return
        mail = orjson.loads(body)
        written = self._resend if provider == "resend" else self._sendgrid
        rule = rule if rule is not None else Report(outcomes=tuple(outcomes(recipient)))
        self._soon(partial(self._send_all, provider, rule, lambda what: written(what, mail, recipient)))

    def report_mail(self, mail: Mail, rule: Report | None = None) -> None:
        """The same for a mail by SMTP: what goes back to its return path. Nothing if it has none, as bounces have."""
        if self._secrets.smtp is None or not mail.sender:
            return
        for recipient in mail.recipients[:_MOST_RECIPIENTS]:
            told = rule.outcomes if rule is not None else outcomes(recipient)
            possible = mailed_reports.UNASKED if rule is None else mailed_reports.MAILED
            said = Report(
                outcomes=tuple(each for each in told if each in possible),
                after=0.0 if rule is None else rule.after,
                twice=rule is not None and rule.twice,
            )
            if said.outcomes:
                self._soon(partial(self._send_all, "smtp", said, partial(self._mailed, mail, recipient)))

    async def _send_all(self, provider: Provider, rule: Report, write: Write) -> None:
        await asyncio.sleep(rule.after)
        for what in rule.outcomes:
            content = write(what)
            for _ in range(2 if rule.twice else 1):
                if not await self._send(provider, *content):
                    log.warning("report given up", provider=provider, what=what)
                    return

    async def _send(self, provider: Provider, body: bytes, number: str) -> bool:
        signed = partial(self._signed, provider, body, number)
        return await self._posted(f"{self._url}/{provider}/events", body, signed)

    def _signed(self, provider: Provider, body: bytes, number: str) -> dict[str, str]:
        """With the time of now, as the real ones do."""
        at = str(int(self._clock.now().timestamp()))
        if provider == "smtp":
            return {"content-type": "message/rfc822", "authorization": f"Bearer {self._secrets.smtp}"}
        headers = {"content-type": "application/json"}
        if provider == "sendgrid":
            assert self._secrets.sendgrid is not None
            signature = self._secrets.sendgrid.sign(at.encode() + body, ec.ECDSA(SHA256()))
            return headers | {
                "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
                "x-twilio-email-event-webhook-timestamp": at,
            }
        assert self._secrets.resend is not None
        mac = hmac.digest(self._secrets.resend, f"{number}.{at}.".encode() + body, hashlib.sha256)
        signed = "v1," + base64.b64encode(mac).decode()
        return headers | {"svix-id": number, "svix-timestamp": at, "svix-signature": signed}

    def _mailed(self, mail: Mail, recipient: str, what: Reported) -> tuple[bytes, str]:
        return mailed_reports.written(what, mail, recipient, self._clock.now()), ""

    def _sendgrid(self, what: Reported, mail: Mapping[str, Any], recipient: str) -> tuple[bytes, str]:
        number = uuid.uuid4().hex
        event = {
            "email": recipient,
            "timestamp": int(self._clock.now().timestamp()),
            "sg_event_id": number,
            **_SENDGRID[what],
            **(mail.get("custom_args") or {}),
        }
        return orjson.dumps([event]), number

    def _resend(self, what: Reported, mail: Mapping[str, Any], recipient: str) -> tuple[bytes, str]:
        number = f"msg_{uuid.uuid4().hex}"
        kind, more = _RESEND[what]
        now = self._clock.now().isoformat().replace("+00:00", "Z")
        tags = {each["name"]: each["value"] for each in mail.get("tags") or ()}
        data = {"to": [recipient], "subject": mail.get("subject"), "created_at": now, "tags": tags, **more}
        return orjson.dumps({"type": kind, "created_at": now, "data": data}), number


def outcomes(address: str) -> Iterator[Reported]:
    """What is reported of a mail to the address, in order."""
    known = {str(each): each for each in _SENDGRID if each not in ("delayed", "delivered")}
    told = [known[tag] for tag in address.rpartition("@")[0].split("+")[1:] if tag in known]
    if bad := [each for each in told if each in _UNDELIVERED]:
        yield bad[0]
        return
    yield "delivered"
    yield from told
