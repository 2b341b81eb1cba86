"""What a notification says about its mail: replies, copies, headers."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body
from hermodr_api.http.fields import EmailAddress
from hermodr_api.http.json_text import dump
from hermodr_api.notifications.attachments import Attachments
from hermodr_api.senders.models import From
from hermodr_contracts import mail_headers
from hermodr_contracts.addresses import mailbox
from hermodr_contracts.channels import CHANNELS, AddressKind, Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access.mail_defaults import MailDefaults

MOST_ADDRESSES = 50
"""Of `reply_to`, `cc` and `bcc` together: Resend takes 50 recipients."""
FIELDS = {name: name for name in ("reply_to", "cc", "bcc", "headers", "attachments")} | {"sender": "from"}
"""What only mails have, and what it is called."""

Addresses = Annotated[list[EmailAddress], Field(max_length=MOST_ADDRESSES)]
At = tuple[str | int, ...]


class MailFields(Body):
    sender: From | None = Field(
        default=None,
        alias="from",
        description="Whom the mail is from: `Name <address>` or an address, of a verified sender of the project "
        "(`/v1/senders`); by default that of the template, of the project, of the provider, else `HERMODR_EMAIL_FROM`.",
    )
    reply_to: Addresses = Field(
        default_factory=list,
        description="Where answers to the mail go, instead of to its sender.",
        examples=[["help@example.com"]],
    )
    cc: Addresses = Field(
        default_factory=list,
        description="Addresses that get the same mail and stand in it. `reply_to`, `cc` and `bcc` have at most "
        f"{MOST_ADDRESSES} addresses together.",
        examples=[["max@example.com"]],
    )
    bcc: Addresses = Field(
        default_factory=list,
        description="Addresses that get the same mail and stand in no header of it.",
        examples=[["archive@example.com"]],
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers of the mail: `X-…`, `List-…`, `In-Reply-To`, `References`, in printable ASCII; at most "
        f"{mail_headers.MOST_HEADERS}. `List-Unsubscribe` and `X-Hermodr-…` are Hermodr's own.",
        examples=[{"X-Order": "4711", "In-Reply-To": "<1@example.com>"}],
    )
    attachments: Attachments = Field(
        default_factory=list, description="Files and inline images, at most 5 MiB together once decoded."
    )


def mail_flaws(
    wanted: MailFields, asked: list[Channel] | None, *, by_phone: bool, channels: Channels, at: At
) -> Iterator[Flaw]:
    """`asked`: the channels that were named; `channels`: those served here."""
    given = [name for name in FIELDS if getattr(wanted, name)]
    if not given:
        return
    possible = [each for each in (channels if asked is None else asked) if each in channels]
    if by_phone or not any(CHANNELS[each].address is AddressKind.EMAIL for each in possible):
        yield from (
            Flaw((*at, FIELDS[name]), "goes with a mail, and this cannot become one") for name in given
        )
    if len(wanted.reply_to) + len(wanted.cc) + len(wanted.bcc) > MOST_ADDRESSES:
        last = next(name for name in ("bcc", "cc", "reply_to") if getattr(wanted, name))
        yield Flaw((*at, last), f"reply_to, cc and bcc have at most {MOST_ADDRESSES} addresses together")
    for name, reason in mail_headers.flaws(wanted.headers):
        place: At = ("headers",) if name is None else ("headers", name[: mail_headers.LONGEST_NAME])
        yield Flaw((*at, *place), reason)


def envelope_of(wanted: MailFields) -> str | None:
    """`NewJob.envelope`."""
    given: dict[str, Any] = {
        called: getattr(wanted, name) for name, called in FIELDS.items() if getattr(wanted, name)
    }
    if "attachments" in given:
        given["attachments"] = len(wanted.attachments)
    if "headers" in given:
        given["headers"] = {mail_headers.spelled(name): text for name, text in wanted.headers.items()}
    return dump(given) if given else None


def from_address(wanted: MailFields) -> str | None:
    return mailbox(wanted.sender)[1] if wanted.sender is not None else None


def takes_defaults(wanted: MailFields, asked: list[Channel] | None, *, by_phone: bool) -> bool:
    """Whether it may become a mail that does not say all by itself."""
    if by_phone or (asked is not None and Channel.EMAIL not in asked):
        return False
    return wanted.sender is None or not wanted.reply_to


def with_defaults(wanted: MailFields, envelope: str | None, defaults: MailDefaults) -> str | None:
    """`NewJob.envelope` with what the mail does not say itself."""
    brought: dict[str, Any] = {}
    if wanted.sender is None and defaults.sender is not None:
        brought["from"] = defaults.sender
    if not wanted.reply_to and defaults.reply_to:
        brought["reply_to"] = defaults.reply_to
    return dump({**brought, **json.loads(envelope or "{}")}) if brought else envelope


def default_address(wanted: MailFields, defaults: MailDefaults) -> str | None:
    """The address of the default sender, if the mail gets it."""
    return mailbox(defaults.sender)[1] if wanted.sender is None and defaults.sender is not None else None


def no_sender_any_more(address: str, of: str, at: At) -> Flaw:
    reason = f"{address}, the default of the {of}, is not a verified sender of the project (see /v1/senders)"
    return Flaw((*at, "from"), reason)
