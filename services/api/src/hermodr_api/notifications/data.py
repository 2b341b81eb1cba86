"""Whether the `data` of a notification has what its template needs."""

from collections.abc import Iterator, Sequence

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import JsonObject
from hermodr_api.notifications.digests import SUPPLIED
from hermodr_api.notifications.models import NotificationIn
from hermodr_contracts.channels import CHANNELS, AddressKind, Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.needs import Needs
from hermodr_templates.needs import RECIPIENT


def data_flaws(
    wanted: NotificationIn, needs: Needs, channels: Channels, at: tuple[str | int, ...] = ("body",)
) -> list[Flaw]:
    """A flaw for each name that the template needs on a channel that would be used, in whatever locale; and for a
    `recipient` in the data of a template that reads the recipient. `channels` are those served here. What Hermodr
    itself supplies is never needed of the caller."""
    used = [needs[channel] for channel in _used(wanted, needs, channels)]
    found: dict[tuple[str, ...], None] = {}
    for need in used:
        found.update(dict.fromkeys(_missing(wanted.data, need.paths)))
    if wanted.digest is not None:
        found = {path: None for path in found if path[0] not in SUPPLIED}
    flaws = [Flaw((*at, "data", *path), f"is missing: the template {wanted.type} needs it") for path in found]
    if RECIPIENT in wanted.data and any(need.reads_recipient for need in used):
        reason = f"needs another name: in the template {wanted.type} this one is the recipient's, whom Hermodr supplies"
        flaws.append(Flaw((*at, "data", RECIPIENT), reason))
    return flaws


def _used(wanted: NotificationIn, needs: Needs, channels: Channels) -> Iterator[Channel]:
    for channel in wanted.channels or channels:
        if channel not in needs or channel not in channels:
            continue
        kind = CHANNELS[channel].address
        if (wanted.to.email is not None and kind is not AddressKind.EMAIL) or (
            wanted.to.phone is not None and kind is not AddressKind.PHONE
        ):
            continue
        yield channel


def _missing(data: JsonObject, paths: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for path in paths:
        value: object = data
        for name in path:
            if not isinstance(value, dict) or name not in value:
                yield path
                break
            value = value[name]
