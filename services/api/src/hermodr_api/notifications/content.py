"""What a notification sends as given."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from hermodr_api.errors import Flaw
from hermodr_contracts.channels import CHANNELS, AddressKind, Channels, first_of_phones
from hermodr_contracts.segments import segments_of
from hermodr_contracts.vocabulary import Channel

At = tuple[str | int, ...]


class _To(Protocol):
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...


class Wanted(Protocol):
    """What of a `NotificationIn` decides about its content."""

    @property
    def type(self) -> str | None: ...
    @property
    def to(self) -> _To: ...
    @property
    def channels(self) -> Sequence[Channel] | None: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def body_text(self) -> str | None: ...
    @property
    def body_html(self) -> str | None: ...
    @property
    def has_content(self) -> bool: ...


def content_flaws(wanted: Wanted, most_segments: int, at: At) -> Iterator[Flaw]:
    """A text (`sms`) needs no subject, and has at most so many segments."""
    if not wanted.has_content:
        if not wanted.type:
            yield Flaw((*at, "type"), "needs a type, or a subject and a body")
        return
    if wanted.subject is None and not _only_texts(wanted):
        yield Flaw((*at, "subject"), "a body to be sent as given needs a subject")
    elif wanted.body_text is None and wanted.body_html is None:
        yield Flaw((*at, "body_text"), "a subject to be sent as given needs body_text or body_html")
    elif wanted.body_text is not None and _may_be_a_text(wanted):
        yield from _length_flaws(wanted.body_text, most_segments, at)


def _length_flaws(text: str, most: int, at: At) -> Iterator[Flaw]:
    found = segments_of(text.strip())
    if not found.number:
        yield Flaw((*at, "body_text"), "a text needs something in it")
    elif found.number > most:
        reason = f"is {found.number} segments long as a text ({found.encoding}); at most {most} are sent"
        yield Flaw((*at, "body_text"), reason)


def _only_texts(wanted: Wanted) -> bool:
    if wanted.to.phone is not None:
        return True
    return wanted.channels is not None and all(
        CHANNELS[each].address is AddressKind.PHONE for each in wanted.channels
    )


def _may_be_a_text(wanted: Wanted) -> bool:
    if wanted.to.email is not None:
        return False
    return Channel.SMS in wanted.channels if wanted.channels is not None else wanted.to.phone is not None


def only_by_whatsapp(wanted: Wanted, channels: Channels) -> bool:
    """Whether content given as it is could go by WhatsApp alone; `channels` are those served here."""
    if not wanted.has_content or wanted.to.email is not None:
        return False
    if wanted.channels is not None:
        return {each for each in wanted.channels if each in channels} == {Channel.WHATSAPP}
    return wanted.to.phone is not None and first_of_phones(channels) is Channel.WHATSAPP


OUTSIDE_WINDOW = (
    "cannot go by whatsapp as it is: nobody with this number wrote within 24 hours; use a type whose template has an "
    "approved one"
)
