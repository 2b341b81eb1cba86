"""What is posted to a recipient's own URL, independent of HTTP."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class OutgoingWebhook(NamedTuple):
    """`delivery_id` is the same in all attempts, and the `webhook-id`; `project_id`: whose calls of a host take
    turns; `recipient_id`: whose secret signs it; `url` is as it was stored; `body` is a JSON text."""

    delivery_id: UUID
    project_id: UUID
    recipient_id: UUID
    url: str
    body: bytes
