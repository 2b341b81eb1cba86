"""Texts to phones, as they came, and what their phones answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hermodr_contracts.segments import segments_of
from hermodr_sandbox.domain.faults import Provider


@dataclass(slots=True)
class Text:
    """`number` counts from 1 per process. `phone`: whose it is; `other`: our side, a number or a name. `inbound`: the
    phone sent it. `status` is the provider's word; `token` signs what Twilio reports to `callback`. `provider`: who
    pretended to take it; `reference`: what the sender calls it."""

    number: int
    sid: str
    at: datetime
    account: str
    phone: str
    other: str
    body: str
    inbound: bool = False
    status: str = "queued"
    error: str | None = None
    callback: str | None = None
    token: str = field(default="", repr=False)
    provider: Provider = "twilio"
    reference: str | None = None
    template: str | None = None
    """Of a WhatsApp message: the approved one it is."""

    @property
    def segments(self) -> int:
        return segments_of(self.body).number

    @property
    def encoding(self) -> str:
        return segments_of(self.body).encoding


class Texts:
    """The newest `most` texts, and the phones that want none. `changed` is called when one came."""

    def __init__(self, most: int, changed: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._changed = changed
        self.total = 0
        """Since the last clearing."""
        self._kept: OrderedDict[int, Text] = OrderedDict()
        self._last = 0
        self.opted_out: set[tuple[str, str]] = set()
        """Account and phone."""

    def __len__(self) -> int:
        return len(self._kept)

    def next_number(self) -> int:
        self._last += 1
        return self._last

    def keep(self, text: Text) -> None:
        self._kept[text.number] = text
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        self.total += 1
        self._changed()

    def get(self, number: int) -> Text | None:
        return self._kept.get(number)

    def newest_first(self) -> Iterator[Text]:
        return reversed(list(self._kept.values()))

    def clear(self) -> None:
        """Opt-outs as well."""
        self._kept.clear()
        self.total = 0
        self.opted_out.clear()
