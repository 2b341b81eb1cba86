from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.phones import country_of
from hermodr_contracts.segments import segments_of
from hermodr_sms_sender.domain import OutgoingText

ACCOUNT = "AC" + "7f" * 16
PHONE = "+15550100123"


def text(body: str = "Your code is 4711", **changes: Any) -> OutgoingText:
    to = changes.pop("to", PHONE)
    made = OutgoingText(
        delivery_id=UUID("01900000-0000-7000-8000-000000000001"),
        to=to,
        text=body,
        segments=segments_of(body),
        country=country_of(to),
        wanted_at=datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
    )
    return made._replace(**changes)
