from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hermodr_sandbox.domain.patterns import AddressPattern


class Stage(StrEnum):
    """The step at which a rule applies; `report` once Resend or SendGrid has the mail.

    `data` is the DATA command, or the first chunk once it is there; `after_data` the final dot, or the last chunk. A
    reply at `bdat` leaves the chunk unread, as a server without BDAT does, which takes it for commands.
    """

    CONNECT = "connect"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    BDAT = "bdat"
    DATA = "data"
    AFTER_DATA = "after_data"
    REPORT = "report"


Provider = Literal["smtp", "resend", "sendgrid", "twilio", "vonage", "whatsapp", "webhook"]
Reported = Literal["delayed", "delivered", "bounced", "blocked", "complained", "opened", "clicked", "scanned"]


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reply(_Action):
    """Answers `code text`. 421 also closes the connection."""

    kind: Literal["reply"] = "reply"
    code: int = Field(ge=400, le=599)
    text: str | None = Field(default=None, max_length=400)

    @field_validator("text")
    @classmethod
    def _one_printable_line(cls, text: str | None) -> str | None:
        if text is not None and not (text.isascii() and text.isprintable()):
            raise ValueError("must be one line of printable ASCII")
        return text


class Delay(_Action):
    """Continues after `seconds`. Delays add up, and combine with any other action."""

    kind: Literal["delay"] = "delay"
    seconds: float = Field(gt=0, le=3600)


class Drop(_Action):
    """Cuts the connection without a reply."""

    kind: Literal["drop"] = "drop"


class DropAfterData(_Action):
    """Stores the mail, then cuts the connection before the 250."""

    kind: Literal["drop_after_data"] = "drop_after_data"


class Lie(_Action):
    """Stores the mail, then answers `code text` as if it had not. Over HTTP 500 leaves the outcome open."""

    kind: Literal["lie"] = "lie"
    code: int = Field(default=500, ge=400, le=599)
    text: str | None = Field(default=None, max_length=400)

    _one_line = field_validator("text")(Reply._one_printable_line.__func__)  # type: ignore[attr-defined]


class DropBeforeAccept(_Action):
    """Reads the mail, stores nothing, cuts the connection."""

    kind: Literal["drop_before_accept"] = "drop_before_accept"


class Throttle(_Action):
    """Answers 421 4.7.0 and closes."""

    kind: Literal["throttle"] = "throttle"
    text: str | None = Field(default=None, max_length=400)

    _one_line = field_validator("text")(Reply._one_printable_line.__func__)  # type: ignore[attr-defined]


class Refuse(_Action):
    """Closes the listeners while the rule is active; `cut_open`: also open connections."""

    kind: Literal["refuse"] = "refuse"
    cut_open: bool = True


class Redirect(_Action):
    """A receiver of webhooks sends the caller elsewhere."""

    kind: Literal["redirect"] = "redirect"
    location: str = Field(default="http://169.254.169.254/latest/meta-data/", max_length=2000)
    code: Literal[301, 302, 303, 307, 308] = 302

    _one_line = field_validator("location")(Reply._one_printable_line.__func__)  # type: ignore[attr-defined]


class Flood(_Action):
    """A receiver of webhooks answers with so much content."""

    kind: Literal["flood"] = "flood"
    octets: int = Field(default=10_000_000, ge=1, le=100_000_000)
    code: int = Field(default=200, ge=200, le=599)


class Report(_Action):
    """What the provider reports of the mail, in this order, whatever its address says: `after` so many seconds, each
    `twice` with the same id, nothing at all if `outcomes` is empty."""

    kind: Literal["report"] = "report"
    outcomes: tuple[Reported, ...] = Field(max_length=20)
    after: float = Field(default=0.0, ge=0, le=3600)
    twice: bool = False


Action = Annotated[
    Reply
    | Lie
    | Delay
    | Drop
    | DropAfterData
    | DropBeforeAccept
    | Throttle
    | Refuse
    | Redirect
    | Flood
    | Report,
    Field(discriminator="kind"),
]

_FIXED_STAGE: dict[str, Stage] = {
    "refuse": Stage.CONNECT,
    "drop_after_data": Stage.AFTER_DATA,
    "lie": Stage.AFTER_DATA,
    "drop_before_accept": Stage.AFTER_DATA,
    "redirect": Stage.AFTER_DATA,
    "flood": Stage.AFTER_DATA,
    "report": Stage.REPORT,
}
_TEXT_PROVIDERS = frozenset({"twilio", "vonage", "whatsapp"})
_WITHOUT_ADDRESSES = frozenset({Stage.CONNECT, Stage.EHLO, Stage.AUTH})
Pattern = Annotated[str, Field(min_length=1, max_length=320)]


class FaultSpec(BaseModel):
    """A rule. It fires when all its conditions hold; `provider`: only for mails that come by its interface.

    `nth`, `every`, `first` count what stage and patterns match (at `rcpt` recipients, at `after_data` mails);
    `first_per_address` counts per address. `above_connections` holds while more are open, `above_rate` for what
    exceeds so many a second. `times` limits how often it fires, `expires_in` (seconds) how long it lives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage = Stage.RCPT
    action: Action
    provider: Provider | None = None
    recipient: Pattern | None = None
    sender: Pattern | None = None
    nth: int | None = Field(default=None, ge=1)
    every: int | None = Field(default=None, ge=1)
    first: int | None = Field(default=None, ge=1)
    first_per_address: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, gt=0, le=1)
    above_connections: int | None = Field(default=None, ge=1)
    above_rate: float | None = Field(default=None, gt=0, le=100_000)
    times: int | None = Field(default=None, ge=1)
    expires_in: float | None = Field(default=None, gt=0, le=86400)
    note: str | None = Field(default=None, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _stage_of_action(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("stage") is None and isinstance(data.get("action"), dict):
            fixed = _FIXED_STAGE.get(str(data["action"].get("kind")))
            return {key: value for key, value in data.items() if key != "stage"} | (
                {"stage": fixed} if fixed else {}
            )
        return data

    @model_validator(mode="after")
    def _possible(self) -> FaultSpec:
        fixed = _FIXED_STAGE.get(self.action.kind)
        if fixed is not None and self.stage is not fixed:
            raise ValueError(f"action {self.action.kind} belongs to stage {fixed.value}")
        if self.stage is Stage.REPORT and not isinstance(self.action, Report):
            raise ValueError("stage report takes action report alone")
        if self.stage is Stage.REPORT and self.provider in _TEXT_PROVIDERS:
            raise ValueError("texts are reported by the digits of their number")
        if isinstance(self.action, Redirect | Flood) and self.provider != "webhook":
            raise ValueError(f"action {self.action.kind} is for provider webhook")
        if self.stage in _WITHOUT_ADDRESSES and (self.recipient or self.sender or self.first_per_address):
            raise ValueError(f"no address is known at stage {self.stage.value}")
        if self.stage is Stage.MAIL and self.recipient:
            raise ValueError("no recipient is known at stage mail")
        counting = (
            *(self.nth, self.every, self.first, self.first_per_address, self.probability, self.times),
            *(self.above_connections, self.above_rate),
        )
        if self.action.kind == "refuse" and any(value is not None for value in counting):
            raise ValueError(
                "refuse takes only expires_in: while the listener is closed nothing can be counted"
            )
        return self


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known at a stage. `recipients`: at `rcpt` the current one, else all so far; `connections`: the open
    ones, with this one."""

    stage: Stage
    sender: str = ""
    recipients: tuple[str, ...] = ()
    connections: int = 0
    provider: Provider = "smtp"


@dataclass(frozen=True, slots=True)
class Verdict:
    """First wait `delay` seconds, then do `action` (None: continue)."""

    delay: float = 0.0
    action: Action | None = None


class _Allowance:
    """A token bucket of one second's worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._left = self._most
        self._at: float | None = None

    def exceeded(self, tick: float) -> bool:
        """Takes one at monotonic time `tick`; true if none is left."""
        since = 0.0 if self._at is None else tick - self._at
        self._left, self._at = min(self._most, self._left + since * self._rate), tick
        if self._left < 1:
            return True
        self._left -= 1
        return False


class FaultRule:
    def __init__(self, number: int, spec: FaultSpec, expires_at: float | None) -> None:
        self.number = number
        self.spec = spec
        self.expires_at = expires_at
        self.matched = 0
        self.fired = 0
        self._recipient = AddressPattern(spec.recipient) if spec.recipient else None
        self._sender = AddressPattern(spec.sender) if spec.sender else None
        self._per_address: Counter[str] = Counter()
        self._allowance = _Allowance(spec.above_rate) if spec.above_rate is not None else None

    def active(self, tick: float) -> bool:
        """Whether it can still fire at monotonic time `tick`."""
        if self.expires_at is not None and tick >= self.expires_at:
            return False
        spec = self.spec
        used_up = (
            (spec.times is not None and self.fired >= spec.times)
            or (spec.nth is not None and self.matched >= spec.nth)
            or (spec.first is not None and self.matched >= spec.first)
        )
        return not used_up

    def fires(self, moment: Moment, tick: float, draw: float) -> bool:
        """Counts this moment and says whether the rule fires. `draw` is random in [0, 1)."""
        address = self._address(moment)
        spec = self.spec
        if address is None or spec.provider not in (None, moment.provider):
            return False
        self.matched += 1
        hit = (
            (spec.nth is None or self.matched == spec.nth)
            and (spec.every is None or self.matched % spec.every == 0)
            and (spec.first is None or self.matched <= spec.first)
            and (spec.probability is None or draw < spec.probability)
            and (spec.above_connections is None or moment.connections > spec.above_connections)
            and (self._allowance is None or self._allowance.exceeded(tick))
        )
        if spec.first_per_address is not None:
            self._per_address[address] += 1
            hit = hit and self._per_address[address] <= spec.first_per_address
        return hit

    def _address(self, moment: Moment) -> str | None:
        if self._sender is not None and not self._sender.matches(moment.sender):
            return None
        if self._recipient is None:
            return (moment.recipients[0] if moment.recipients else moment.sender).lower()
        recipient = self._recipient
        return next((r.lower() for r in moment.recipients if recipient.matches(r)), None)


_CODE_TEXTS = {
    421: "4.3.2 Service not available, closing channel",
    450: "4.2.1 Mailbox busy, try again later",
    451: "4.3.0 Local error in processing, try again later",
    452: "4.2.2 Insufficient storage",
    454: "4.7.0 Maximum sending rate exceeded",
    550: "5.1.1 Mailbox unavailable",
    552: "5.2.2 Mailbox full",
    553: "5.1.3 Mailbox name not allowed",
    554: "5.7.1 Transaction failed",
}
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3} ")


def reply_line(code: int, text: str | None) -> bytes:
    """With an enhanced status code (RFC 2034)."""
    default = _CODE_TEXTS.get(code, f"{code // 100}.0.0 Refused by a sandbox fault rule")
    if text is None:
        text = default
    elif not _ENHANCED.match(text):
        text = f"{default.split(' ', 1)[0]} {text}"
    return f"{code} {text}\r\n".encode("ascii", "replace")
