"""A provider's report as all providers' readers give it."""

import hashlib
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import Receipt, ReceiptKind


class Unreadable(Exception):
    """What is wrong with a body, in words."""


class Report(NamedTuple):
    """See `Receipt`. `job` `None`: of no mail of ours."""

    job: UUID | None
    event_id: str
    kind: ReceiptKind
    at: datetime
    address: str | None = None
    lasting: bool = False
    automatic: bool = False
    code: str | None = None
    channel: Channel = Channel.EMAIL
    provider: str | None = None
    """Another one than that whose way it came: accounts may share one."""

    def of(self, provider: str) -> Receipt | None:
        if self.job is None:
            return None
        return Receipt(
            self.job,
            self.provider or provider,
            self.event_id,
            self.kind,
            self.at,
            address=self.address,
            lasting=self.lasting,
            automatic=self.automatic,
            code=self.code,
            channel=self.channel,
        )


class Answered(NamedTuple):
    """Somebody answered a text with a word that means `stop`, or start again. `provider`: see `Report`."""

    phone: str
    stop: bool
    channel: Channel = Channel.SMS
    provider: str | None = None


class Wrote(NamedTuple):
    """Somebody wrote a WhatsApp message to the provider's number: for 24 hours one may answer freely."""

    provider: str
    phone: str
    at: datetime


class NoWindow(NamedTuple):
    """WhatsApp refused a message because the person had not written within 24 hours, whatever we believed."""

    provider: str
    phone: str
    at: datetime


def event_id(number: str) -> str:
    """A provider's id of an event, in a length of its own."""
    return hashlib.sha256(number.encode()).hexdigest()[:24]
