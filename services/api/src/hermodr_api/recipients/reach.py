"""What may reach a person, as their preferences show it: by link and in the inbox alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hermodr_contracts.channels import AddressKind, Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_deciding.notifications import deciding_wish
from hermodr_ledger.jobs.decisions import Preference
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.templates.channels_of_types import Told


def channels_to(recipient: Recipient, channels: Channels) -> Sequence[Channel]:
    """Those that are served and lead to an address of theirs."""
    there = {
        AddressKind.EMAIL: recipient.email,
        AddressKind.PHONE: recipient.phone,
        AddressKind.USER: recipient.user_id,
        AddressKind.URL: recipient.webhook_url,
    }
    return [channel for channel, spec in channels.items() if there[spec.address] is not None]


def allowed(preferences: Iterable[Mapping[str, Any]], type_name: str | None, channel: Channel) -> bool:
    """Whether none of these preferences speaks against it. `type_name` `None`: types of which none speaks."""
    wishes = (
        Preference(each.get("type"), each.get("channel"), bool(each.get("enabled"))) for each in preferences
    )
    wish = deciding_wish(wishes, type_name, channel)
    return wish is None or wish.enabled


def told(recipient: Recipient, channels: Channels, about: str = "") -> Told:
    """The types that may reach them. `about`: a type that they were told of for certain."""
    wished = {each["type"] for each in recipient.preferences if each.get("type")}
    named = wished | {about} if about else wished
    return Told(recipient.id, channels_to(recipient, channels), named)
