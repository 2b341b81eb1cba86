"""What providers reported about a delivery, from the events of its job."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState
from hermodr_ledger.deliveries.receipts import REPORTED
from hermodr_ledger.jobs.reading import Delivery, Event


def first_of(events: Sequence[Event], delivery_id: UUID, kind: str) -> datetime | None:
    """When a person did it first; machines and those who got a copy do not count."""
    told = (
        each.detail.get("at")
        for each in events
        if each.kind == REPORTED
        and each.delivery_id == delivery_id
        and each.detail.get("kind") == kind
        and not each.detail.get("automatic")
        and not each.detail.get("copy")
    )
    return min((at for each in told if (at := _moment(each)) is not None), default=None)


def rose(events: Sequence[Event], delivery: Delivery) -> bool:
    """Whether its state is what was reported after it had been sent."""
    if delivery.channel == Channel.IN_APP:
        return False  # it is delivered as it is written
    if delivery.state in (DeliveryState.DELIVERED, DeliveryState.COMPLAINED):
        return True
    return delivery.state == DeliveryState.BOUNCED and any(
        each.kind == REPORTED
        and each.delivery_id == delivery.id
        and each.detail.get("kind") == delivery.state
        for each in events
    )


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
