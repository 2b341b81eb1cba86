"""Signatures of webhooks by the Standard Webhooks specification (github.com/standard-webhooks, 1.0.0), with secrets
that are derived and stored nowhere."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from hermodr_servicekit.secret_keys import secret_keys

PREFIX = "whsec_"


class Purpose(StrEnum):
    """Whose secret it is: of what the id is."""

    ENDPOINT = "endpoint"
    RECIPIENT = "recipient"


class SecretOf(NamedTuple):
    """Names a secret. A higher `version` is another one."""

    purpose: Purpose
    id: UUID
    version: int = 1


class WebhookSecrets:
    """`keys`: one or several, separated by spaces, of at least 32 bytes each. The first makes the secrets that are
    shown; all sign, so that a key can be replaced: `new old`, then `new` when all receivers have its secret."""

    def __init__(self, keys: str) -> None:
        self._keys = secret_keys(keys)

    def secret(self, of: SecretOf) -> str:
        """`whsec_…`, what a receiver checks signatures with."""
        return PREFIX + base64.b64encode(_derived(self._keys[0], of)).decode()

    def headers(
        self, message_id: str, body: bytes, at: datetime, secrets: Iterable[SecretOf]
    ) -> dict[str, str]:
        """`webhook-id`, `webhook-timestamp` and `webhook-signature`, which has one for each of our keys and each of
        `secrets`. `message_id` is the same at every attempt and has no full stop."""
        seconds = str(int(at.timestamp()))
        signed = f"{message_id}.{seconds}.".encode() + body
        signatures = [
            "v1," + base64.b64encode(hmac.digest(_derived(key, of), signed, hashlib.sha256)).decode()
            for of in secrets
            for key in self._keys
        ]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": seconds,
            "webhook-signature": " ".join(signatures),
        }


def _derived(key: bytes, of: SecretOf) -> bytes:
    said = f"hermodr webhook {of.purpose} {of.version} ".encode() + of.id.bytes
    return hmac.digest(key, said, hashlib.sha256)
