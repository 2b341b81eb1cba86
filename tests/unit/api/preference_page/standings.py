"""People as their page sees them."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from hermodr_api.preference_page.standing import Digest, Standing, reachable
from hermodr_contracts.channels import CHANNELS
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.templates.channels_of_types import TypeOnChannels
from hermodr_servicekit.ids import new_id

NOW = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)


def person_of(**fields: Any) -> Recipient:
    usual: dict[str, Any] = {
        "id": new_id(), "external_id": None, "user_id": "ada", "name": "Ada", "email": "ada@example.com",
        "phone": None, "locale": None, "timezone": None, "muted_until": None, "quiet_hours": None,
        "preferences": [], "created_at": NOW, "updated_at": NOW, "relationship": None, "attributes": {},
        "webhook_url": None, "caps": [],
    }  # fmt: skip
    return Recipient(**{**usual, **fields})


def type_of(name: str, *channels: str, critical: bool = False, labels: Any = None) -> TypeOnChannels:
    on = frozenset(channels or ("email", "in_app"))
    return TypeOnChannels(new_id(), name, critical, on, "en", labels or {}, False)


def schedule_of() -> DigestSchedule:
    return DigestSchedule(
        id=new_id(), project_id=new_id(), recipient_id=new_id(), group_id=new_id(), frequency="weekly",
        delivery_time=time(8, 30), delivery_day=5, timezone="Europe/Vienna", max_updates_per_digest=10,
        include_content_types=None, is_active=True, misfire="coalesce", last_digest_sent=None,
        next_digest_scheduled=None, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def standing_of(*types: TypeOnChannels, digests: Sequence[Digest] = (), **fields: Any) -> Standing:
    person = person_of(**fields)
    return Standing(person, reachable(person, types, CHANNELS), False, digests, {"name": "shop"}, NOW)
