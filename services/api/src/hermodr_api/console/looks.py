"""How states, outcomes and conditions look."""

from collections.abc import Mapping
from typing import Literal

Look = Literal["good", "bad", "warn", "busy", "quiet"]

LOOKS: Mapping[str, Look] = {
    "completed": "good",
    "sent": "good",
    "delivered": "good",
    "healthy": "good",
    "closed": "good",
    "failed": "bad",
    "bounced": "bad",
    "complained": "bad",
    "unhealthy": "bad",
    "open": "bad",
    "unknown": "bad",
    "retrying": "warn",
    "degraded": "warn",
    "half_open": "warn",
    "suppressed": "warn",
    "paused": "warn",
    "running": "busy",
    "processing": "busy",
    "queued": "busy",
    "sending": "busy",
    "scheduled": "busy",
}
