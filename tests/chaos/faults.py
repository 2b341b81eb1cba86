"""Kinds of faults, and sequences of them: drawn from a seed, printed, stored, played again."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hermodr_devkit.supervisor import SANDBOX, SMS_SENDER, WEBHOOK_SENDER, ServiceSpec
from hermodr_devkit.supervisor.services import WORKER
from tests.support.installation import MAIL_SERVICES

SPECS = (
    *MAIL_SERVICES,
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
    ServiceSpec("email-sender-2", "hermodr_email_sender", 13),
    ServiceSpec("email-sender-3", "hermodr_email_sender", 14),
    SMS_SENDER,
    ServiceSpec("sms-sender-2", SMS_SENDER.module, 15),
    WEBHOOK_SENDER,
    ServiceSpec("webhook-sender-2", WEBHOOK_SENDER.module, 16),
    ServiceSpec("worker-2", WORKER.module, 17),
)
SERVICES = tuple(spec.name for spec in SPECS if spec.name != SANDBOX.name)
ROLES = ("api", "dispatcher", "scheduler", "email-sender", "sms-sender", "webhook-sender", "worker")
SENDERS = tuple(name for name in SERVICES if name.startswith("email-sender"))
TEXT_SENDERS = tuple(name for name in SERVICES if name.startswith("sms-sender"))
WIRES = (
    *(f"{name}/{server}" for name in SERVICES for server in ("ledger", "broker")),
    *(f"{name}/{provider}" for name in SENDERS for provider in ("smtp", "resend")),
    *(f"{name}/{provider}" for name in TEXT_SENDERS for provider in ("twilio", "whatsapp")),
    "producer/api",
)
SEND_SECONDS = 2.0
GREETING_SECONDS = 2 * SEND_SECONDS
LEASE_SECONDS = 5.0
LATE_SECONDS = LEASE_SECONDS + 2
"""A late answer of the provider that is in time."""
FINAL_SECONDS = LATE_SECONDS + 1
"""Senders wait longer than their lease, which they renew."""
AT_ONCE = 0.3
"""The share of faults that overlap the one before."""
FIRST = 2.0
LONG_RUN = 600.0
"""Seconds; longer runs have room for absences of minutes."""
ABSENCES = 2
LADDER_SECONDS = 480.0
"""At most so many absences of minutes begin within this time, a little more than the ladder of `site`: with a
third one, a mail would use up its attempts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` hits `target` for `seconds`, from `at` seconds after the start (or as soon as the target is free)."""

    at: float
    kind: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.kind} {self.target} ({self.seconds:.1f} s)"


@dataclass(frozen=True, slots=True)
class Choice:
    """The targets and duration of a kind. `worst`: the longest in long runs."""

    targets: tuple[str, ...]
    shortest: float
    longest: float
    worst: float | None = None


CATALOGUE = {
    "kill": Choice(SERVICES, 0.1, 3),
    "freeze": Choice(SERVICES, LEASE_SECONDS + 1, LEASE_SECONDS + 5),
    "rolling-restart": Choice(ROLES, 0, 0),
    "broker-kill": Choice(("broker",), 0.5, 4),
    "broker-alarm": Choice(("memory", "disk"), 2, 8),
    "queues-purged": Choice(("all",), 0, 0),
    "queues-deleted": Choice(("all",), 0, 0),
    "vhost-wiped": Choice(("/",), 0, 1),
    "ledger-restart": Choice(("fast", "immediate", "kill"), 0.1, 4),
    "ledger-terminate": Choice(("backends",), 0, 0),
    "ledger-transaction-open": Choice(("application",), 2, 8),
    "ledger-dumped": Choice(("tables",), 2, 8),
    "ledger-rows-locked": Choice(("jobs", "deliveries", "recipients"), 2, 8),
    "wire-cut": Choice(WIRES, 0, 4),
    "wire-held": Choice(WIRES, 1, 6),
    "wire-half-open": Choice(WIRES, 2, 8),
    "wire-muted": Choice(WIRES, 1, 6),
    "wire-delayed": Choice(WIRES, 2, 8),
    "wire-throttled": Choice(WIRES, 2, 8),
    "cut-after-the-dot": Choice(("provider",), 2, 6),
    "provider-times-out": Choice(("provider",), 2, 6),
    "provider-down": Choice(("provider",), 2, 8, worst=130),
    "provider-throttles": Choice(("provider",), 2, 6),
    "provider-without-bdat": Choice(("provider",), 2, 6),
    "provider-limits-connections": Choice(("provider",), 3, 8),
    "provider-limits-silently": Choice(("provider",), 3, 8),
    "provider-greets-late": Choice(("provider",), 3, 8),
    "provider-limits-pace": Choice(("provider",), 3, 8),
    "provider-greylists": Choice(("provider",), 2, 6),
    "provider-answers-late": Choice(("provider",), 4, 8),
    "resend-is-down": Choice(("provider",), 2, 8),
    "resend-is-unavailable": Choice(("provider",), 2, 6),
    "resend-throttles": Choice(("provider",), 3, 8),
    "resend-lies": Choice(("provider",), 3, 8),
    "resend-is-slow": Choice(("provider",), 3, 8),
    "twilio-is-down": Choice(("provider",), 2, 8),
    "twilio-throttles": Choice(("provider",), 3, 8),
    "twilio-lies": Choice(("provider",), 3, 8),
    "whatsapp-is-down": Choice(("provider",), 2, 8),
    "whatsapp-throttles": Choice(("provider",), 3, 8),
    "whatsapp-lies": Choice(("provider",), 3, 8),
    "endpoint-is-down": Choice(("receiver",), 2, 8),
    "endpoint-lies": Choice(("receiver",), 3, 8),
    "endpoint-is-slow": Choice(("receiver",), 3, 8),
    "ledger-disk-full": Choice(("tables", "journal"), 2, 8),
    "clock-ahead": Choice(SERVICES, 2, 8),
    "clock-behind": Choice(SERVICES, 2, 8),
    "messages-repeated": Choice(("all",), 2, 6),
    "messages-poisoned": Choice(("all",), 0, 0),
}


def sequence(seed: int, seconds: float, kinds: Iterable[str] = ()) -> list[Fault]:
    """The same for the same arguments. Every kind comes before any comes again."""
    rng = random.Random(seed)
    wanted = tuple(kinds) or tuple(CATALOGUE)
    deck: list[str] = []
    found: list[Fault] = []
    absences: list[float] = []
    at = FIRST
    while True:
        if not deck:
            deck = rng.sample(wanted, len(wanted))
        kind = deck.pop()
        choice = CATALOGUE[kind]
        longest = choice.longest
        if (
            choice.worst
            and seconds >= LONG_RUN
            and sum(at - each < LADDER_SECONDS for each in absences) < ABSENCES
        ):
            longest = choice.worst
            absences.append(at)
        fault = Fault(
            round(at, 1), kind, rng.choice(choice.targets), round(rng.uniform(choice.shortest, longest), 1)
        )
        if fault.at + fault.seconds > seconds:
            return found
        found.append(fault)
        at += rng.uniform(0.3, 2) if rng.random() < AT_ONCE else fault.seconds + rng.uniform(2, 6)


def dumped(faults: Sequence[Fault]) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(asdict(fault))}" for fault in faults) + "\n]\n"


def loaded(text: str) -> list[Fault]:
    """Raises ValueError."""
    documents: list[dict[str, Any]] = json.loads(text)
    try:
        faults = [Fault(**document) for document in documents]
    except TypeError as error:
        raise ValueError(f"not a sequence of faults: {error}") from error
    if strange := {fault.kind for fault in faults} - set(CATALOGUE):
        raise ValueError(f"no such faults: {', '.join(sorted(strange))}")
    return faults


def halves(faults: Sequence[Fault]) -> list[list[Fault]]:
    """Two shorter sequences, each starting at once."""
    if len(faults) < 2:
        return []
    middle = len(faults) // 2
    return [_from_the_start(faults[:middle]), _from_the_start(faults[middle:])]


def _from_the_start(faults: Sequence[Fault]) -> list[Fault]:
    first = faults[0].at
    return [Fault(round(each.at - first + FIRST, 1), each.kind, each.target, each.seconds) for each in faults]
