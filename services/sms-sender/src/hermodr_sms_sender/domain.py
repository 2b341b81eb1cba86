"""A text to be sent, independent of providers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.segments import Segments


class OutgoingText(NamedTuple):
    """One text to one phone. `delivery_id` is the same in all attempts; `to` is in E.164, `country` where that is, if
    anywhere; `wanted_at` is aware: no attempt was made earlier."""

    delivery_id: UUID
    to: str
    text: str
    segments: Segments
    country: str | None
    wanted_at: datetime

    def measured(self) -> str:
        """What it is paid by, see `Attempt`."""
        paid_by = {
            "segments": self.segments.number,
            "encoding": self.segments.encoding,
            "country": self.country,
        }
        return json.dumps(paid_by)
