"""Signs as providers do."""

import base64
import hashlib
import hmac
import time
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID_PUBLIC = base64.b64encode(
    SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
RESEND_SECRET = "whsec_" + base64.b64encode(b"a secret of tests, long enough").decode()


def of_sendgrid(body: bytes, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    signature = SENDGRID_KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    return {
        "content-type": "application/json",
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": stamp,
    }


def of_resend(body: bytes, number: str, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    secret = base64.b64decode(RESEND_SECRET.removeprefix("whsec_"))
    signed = hmac.digest(secret, f"{number}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "svix-id": number,
        "svix-timestamp": stamp,
        "svix-signature": "v1," + base64.b64encode(signed).decode(),
    }


def sendgrid_event(job_id: object, event: str, number: str = "e-1", **more: Any) -> dict[str, Any]:
    return {
        "hermodr_message_id": f"<{job_id}@hermodr.localhost>",
        "event": event,
        "sg_event_id": number,
        "timestamp": int(time.time()),
    } | more


def resend_event(job_id: object, what: str, **data: Any) -> bytes:
    return orjson.dumps(
        {
            "type": what,
            "created_at": "2026-11-22T09:00:00.000Z",
            "data": {"email_id": "x", "tags": {"hermodr_job": str(job_id)}} | data,
        }
    )


def of_vonage(body: bytes, secret: str, key: str, at: float | None = None, **claims: Any) -> dict[str, str]:
    """By PyJWT, as Vonage's libraries make and read them."""
    told = {
        "iat": int(time.time() if at is None else at),
        "jti": "2d1a",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": key,
    } | claims
    token = jwt.encode(told, secret, algorithm="HS256")
    return {"content-type": "application/json", "authorization": f"Bearer {token}"}


def vonage_status(delivery: object, status: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
        "to": "15550100123",
        "from": "12345",
        "timestamp": "2026-11-29T10:00:00.000Z",
        "status": status,
        "channel": "sms",
        "client_ref": str(delivery),
    }
    if code is not None:
        errors = "https://developer.vonage.com/api-errors/messages"
        told["error"] = {"type": f"{errors}#{code}", "title": code, "detail": "no", "instance": "bf0c"}
    return told | more
