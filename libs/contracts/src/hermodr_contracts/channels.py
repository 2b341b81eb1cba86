"""The channel registry: one entry per channel with all that differs between channels. An installation serves some of
them (`HERMODR_CHANNELS`) and passes these on as `Channels` in its `Topology`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from hermodr_contracts.ladder import Step, parse_ladder
from hermodr_contracts.messages import DeliveryCommand, SendEmails, SendSms, SendWebhooks
from hermodr_contracts.vocabulary import Channel, OnUnknown

EMAIL_LADDER = "10s,60s,5m,20m,1h,4h,12h"
"""RFC 5321 §4.5.4.1 wants attempts for days, fewer after the first hours; this ladder ends after 17 hours."""
TEXT_LADDER = "10s,60s,5m"
WEBHOOK_LADDER = "5s,1m,5m,30m,2h,8h,14h"


class AddressKind(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    USER = "user"
    """A recipient's `user_id`: an account in the application."""
    URL = "url"
    """A recipient's own, which may hold secrets: it is shown by `hermodr_contracts.urls.origin` only."""


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    channel: Channel
    address: AddressKind
    service: str
    command: type[DeliveryCommand] | None
    """The command to that service; `None`: no queue, because the dispatcher itself is the service."""
    ladder: tuple[Step, ...]
    """The retry ladder unless the installation sets another."""
    on_unknown: OnUnknown
    """What happens after an unknown outcome, unless the job says otherwise."""
    by_default: bool
    """Whether content sent as given uses this channel if the job names no channels."""
    as_given: bool
    """Whether content can be sent as given, without a template."""
    has_sender: bool = False
    """Whether its service exists, or the dispatcher is it."""
    needs_texts: bool = True
    """Whether a template needs texts for it; else its sender has a usual form for the data."""


Channels = Mapping[Channel, ChannelSpec]
"""The channels that are served, in the order of the registry."""

CHANNELS: Channels = MappingProxyType(
    {
        spec.channel: spec
        for spec in (
            ChannelSpec(
                Channel.EMAIL,
                AddressKind.EMAIL,
                "email-sender",
                SendEmails,
                parse_ladder(EMAIL_LADDER),
                OnUnknown.RESEND,
                by_default=True,
                as_given=True,
                has_sender=True,
            ),
            ChannelSpec(
                Channel.SMS,
                AddressKind.PHONE,
                "sms-sender",
                SendSms,
                parse_ladder(TEXT_LADDER),
                OnUnknown.HOLD,
                by_default=False,
                as_given=True,
                has_sender=True,
            ),
            ChannelSpec(
                Channel.WHATSAPP,
                AddressKind.PHONE,
                "sms-sender",
                SendSms,
                parse_ladder(TEXT_LADDER),
                OnUnknown.HOLD,
                by_default=False,
                as_given=True,  # within 24 hours of the person's last message
                has_sender=True,
            ),
            ChannelSpec(
                Channel.IN_APP,
                AddressKind.USER,
                "dispatcher",
                None,
                (),
                OnUnknown.RESEND,
                by_default=False,  # a token shows it, that may be stolen: the application chooses what is in it
                as_given=True,
                has_sender=True,
            ),
            ChannelSpec(
                Channel.WEBHOOK,
                AddressKind.URL,
                "webhook-sender",
                SendWebhooks,
                parse_ladder(WEBHOOK_LADDER),
                OnUnknown.RESEND,  # its id is the same at every attempt
                by_default=False,
                as_given=False,  # subject and bodies are for people; programs get the data
                has_sender=True,
                needs_texts=False,
            ),
        )
    }
)


def servable(known: Channels = CHANNELS) -> Channels:
    return {channel: spec for channel, spec in known.items() if spec.has_sender}


def usual(with_providers: Collection[Channel] = ()) -> Channels:
    """Those served unless an installation names others: email, what needs no provider, and what it has some for."""
    return {
        channel: spec
        for channel, spec in servable().items()
        if channel is Channel.EMAIL or spec.command is None or channel in with_providers
    }


def first_of_phones(channels: Channels) -> Channel | None:
    """What a bare phone number asks for if the job names no channel: texts where they are served, else WhatsApp."""
    phones = (channel for channel, spec in channels.items() if spec.address is AddressKind.PHONE)
    return next(phones, None)


def served(names: str, known: Channels = CHANNELS) -> Channels:
    """`"email sms"` → their entries. Raises `ValueError` for no name, an unknown one, or a channel without a sender."""
    wanted = set(names.split())
    for name in sorted(wanted - set(known)):
        raise ValueError(f"{name[:40]!r} is no channel; there are {', '.join(known)}")
    possible = servable(known)
    for name in sorted(wanted - set(possible)):
        raise ValueError(f"{name} has no sender yet; possible: {', '.join(possible)}")
    if not wanted:
        raise ValueError("names no channel")
    return {channel: spec for channel, spec in possible.items() if channel in wanted}


def with_ladder(channels: Channels, channel: Channel, ladder: tuple[Step, ...]) -> Channels:
    return {
        each: replace(spec, ladder=ladder) if each is channel else spec for each, spec in channels.items()
    }
