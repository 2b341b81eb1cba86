"""What is sent to phones, independent of providers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.approved_templates import ApprovedTemplate
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


class OutgoingWhatsApp(NamedTuple):
    """One message to one phone by WhatsApp: a `text` by those providers whose window is open (`open_with`), else the
    `approved` template, filled in. At least one of both is there."""

    delivery_id: UUID
    to: str
    text: str | None
    approved: ApprovedTemplate | None
    open_with: frozenset[str]
    country: str | None
