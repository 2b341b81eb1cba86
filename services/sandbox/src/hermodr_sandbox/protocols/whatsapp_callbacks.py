"""What pretended Meta tells of WhatsApp, signed with the app's secret
(https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import orjson
import structlog

from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols.outbox import Outbox
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

SECRET = "pretended-app-secret"
_ACCOUNT = "200000000000002"
_TITLES = {
    131047: "Re-engagement message",
    131026: "Message undeliverable",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
}


class WhatsAppCallbacks(Outbox):
    """`url`: the one webhook of the app."""

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        super().__init__(trust_env=False)
        self._url = url
        self._secret = secret.encode()
        self._clock = clock

    def report(self, text: Text, failed: int | None) -> None:
        """Soon, and in order: sent and delivered, or failed."""
        self._soon(partial(self._report_all, text, failed))

    async def read(self, text: Text) -> bool:
        """Whether it was taken that the phone shows two blue ticks."""
        text.status = "read"
        return await self._send(text.account, {"statuses": [self._status(text, "read", None)]})

    async def wrote(self, message: Text) -> bool:
        """Tells what a person wrote; whether it was taken."""
        contact = {"profile": {"name": "Somebody"}, "wa_id": message.phone[1:]}
        said = {
            "from": message.phone[1:],
            "id": message.sid,
            "timestamp": str(int(message.at.timestamp())),
            "type": "text",
            "text": {"body": message.body},
        }
        return await self._send(message.account, {"contacts": [contact], "messages": [said]})

    async def handshake(self, verify_token: str) -> tuple[int, bool]:
        """Subscribes as Meta does: the status of the answer, and whether it was the challenge."""
        challenge = uuid.uuid4().hex
        asked = {"hub.mode": "subscribe", "hub.verify_token": verify_token, "hub.challenge": challenge}
        async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
            try:
                answer = await client.get(self._url, params=asked)
            except httpx.HTTPError:
                return 0, False
        return answer.status_code, answer.status_code == 200 and answer.text == challenge

    async def _report_all(self, text: Text, failed: int | None) -> None:
        for status in ("failed",) if failed else ("sent", "delivered"):
            text.status, text.error = status, str(failed) if failed else None
            if not await self._send(text.account, {"statuses": [self._status(text, status, failed)]}):
                log.warning("report given up", provider="whatsapp", what=status)
                return
            await asyncio.sleep(0)

    def _status(self, text: Text, status: str, failed: int | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": text.sid,
            "status": status,
            "timestamp": str(int(self._clock.now().timestamp())),
            "recipient_id": text.phone[1:],
        }
        if text.reference is not None:
            told["biz_opaque_callback_data"] = text.reference
        if failed:
            title = _TITLES.get(failed, "Message failed")
            told["errors"] = [
                {"code": failed, "title": title, "message": title, "error_data": {"details": title}}
            ]
        return told

    async def _send(self, number_id: str, said: Mapping[str, Any]) -> bool:
        metadata = {"display_phone_number": text_of(number_id), "phone_number_id": number_id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **said}
        change = {"field": "messages", "value": value}
        body = orjson.dumps(
            {"object": "whatsapp_business_account", "entry": [{"id": _ACCOUNT, "changes": [change]}]}
        )
        headers = {"content-type": "application/json", "x-hub-signature-256": signature(body, self._secret)}
        return await self._posted(self._url, body, lambda: headers)


def text_of(number_id: str) -> str:
    """A number to show for it."""
    return f"1555{number_id[-7:]}"


def signature(body: bytes, secret: bytes) -> str:
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
