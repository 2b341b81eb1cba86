"""What the page is about: a person, what a project may send them, and what they wish of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_api.recipients.reach import allowed, channels_to
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.engine.documents import Object
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.templates.channels_of_types import TypeOnChannels


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest of theirs; `group` is the name of what it sums up."""

    schedule: DigestSchedule
    group: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`types`: those that may reach them, with the channels on which they do. `brand`: see `mail_defaults.Project`."""

    recipient: Recipient
    types: Sequence[tuple[TypeOnChannels, Sequence[Channel]]]
    more: bool
    """Whether there are more types than are shown."""
    digests: Sequence[Digest]
    brand: Object
    at: datetime
    """When it stood so."""

    def digest(self, schedule_id: UUID) -> DigestSchedule | None:
        return next((each.schedule for each in self.digests if each.schedule.id == schedule_id), None)

    @property
    def paused_until(self) -> datetime | None:
        until = self.recipient.muted_until
        return until if until is not None and until > self.at else None

    def named(self, name: str) -> TypeOnChannels | None:
        return next((each for each, _ in self.types if each.name == name), None)


def reachable(
    recipient: Recipient, types: Collection[TypeOnChannels], channels: Channels
) -> list[tuple[TypeOnChannels, list[Channel]]]:
    """The types with the channels that are served, have texts, and lead to an address of theirs."""
    theirs = channels_to(recipient, channels)
    found = ((each, [channel for channel in theirs if channel in each.channels]) for each in types)
    return [(each, on) for each, on in found if on]


def wishing(preferences: Sequence[Object], type_name: str, channel: Channel, wanted: bool) -> list[Object]:
    """The preferences with what is wanted of exactly this; said only where the others do not say it."""
    others = [each for each in preferences if (each.get("type"), each.get("channel")) != (type_name, channel)]
    if allowed(others, type_name, channel) == wanted:
        return others
    return [*others, {"type": type_name, "channel": channel.value, "enabled": wanted}]


def wishing_nothing(preferences: Sequence[Object]) -> list[Object]:
    """The preferences so that only what is required comes."""
    all_of_it = {"type": None, "channel": None, "enabled": False}
    against = [each for each in preferences if not each.get("enabled") and _about(each) != (None, None)]
    return [*against, all_of_it]


def _about(wish: Object) -> tuple[object, object]:
    return wish.get("type"), wish.get("channel")
