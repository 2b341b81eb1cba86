"""What can be wrong with an installation, and what to do about each."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Code = Literal[
    "database",
    "lock",
    "overload",
    "read_only",
    "unseen",
    "missing",
    "broker",
    "unread",
    "dead_letters",
    "endpoints",
    "paused",
    "resting",
    "broken",
    "aside",
    "mailbox",
    "tasks",
]


class Wrong(NamedTuple):
    """`says` names what it is about, without addresses and secrets."""

    code: Code
    says: str


class Advice(NamedTuple):
    """`does`: what happens by itself. `runbook`: the words under which `docs/runbook.md` says more."""

    does: str
    do: str
    runbook: str


ADVICE: Mapping[Code, Advice] = {
    "database": Advice(
        "Requests get 503. Senders keep results in memory until it is back; everything reconnects by itself.",
        "Restore it. Do not kill senders meanwhile: what they could not write yet would become unknown.",
        "The database is down.",
    ),
    "lock": Advice(
        "Everything that the open transaction does not hold goes on.",
        "`hermodr doctor` names transactions that have been open for two minutes, and how to end them.",
        "`503` with the cause `lock`",
    ),
    "overload": Advice(
        "Requests get 503 for a moment; nothing that was accepted is lost.",
        "Look for slow statements and for what else uses the database; start another api.",
        "`overload` (no connection was free in time)",
    ),
    "read_only": Advice(
        "Nothing is accepted until it takes writes again; everything reconnects by itself.",
        "Promote the standby, or have the address lead to the primary.",
        "The database's primary is lost, a standby is promoted",
    ),
    "unseen": Advice(
        "What delivers may well go on; it could not be looked at.",
        "Look again in a moment; `hermodr doctor` looks closer.",
        "what is wrong, and what to do?",
    ),
    "missing": Advice(
        "What it does waits in the database, and is done once it is back.",
        "Start it, and look why it ended: its log says so.",
        "HermodrServiceMissing",
    ),
    "broker": Advice(
        "Requests are still accepted. What waits is in the database; there is nothing to replay.",
        "Restore it.",
        "The broker is down.",
    ),
    "unread": Advice(
        "Nothing is lost; other queues are not affected.",
        "The service that reads it is not running: start it.",
        "HermodrQueueUnread",
    ),
    "dead_letters": Advice(
        "Nothing: each is kept until somebody replays or deletes it.",
        "Read the reasons on the page Dead letters, correct the cause, then replay.",
        "Dead letters",
    ),
    "endpoints": Advice(
        "Nothing is sent to them; what would have been is kept for a while.",
        "Ask their owners, then enable them on the page Webhooks and recover what they missed.",
        "`webhook endpoints disabled …`",
    ),
    "paused": Advice(
        "Requests are accepted and decided as usual, and wait. No attempt is counted.",
        "Resume it on the page Queues once the reason is gone.",
        "Pausing a channel",
    ),
    "resting": Advice(
        "Messages wait, or go by another provider; it is asked again at that time.",
        "Correct what it refuses: credentials, host name, encryption. Or ask the provider.",
        "A provider rests",
    ),
    "broken": Advice(
        "Nothing is sent by it until a trial succeeds; another provider of the channel takes over.",
        "Look at its status page, and at the error that is named here.",
        "A provider does not work",
    ),
    "aside": Advice(
        "The row is left alone for a minute, then longer, an hour at most; all others are processed.",
        "`hermodr doctor` names the row. Correct it; it is tried again by itself.",
        "Rows set aside",
    ),
    "mailbox": Advice(
        "Bounces and complaints wait in it, and are read once it answers.",
        "Check its host, user and password.",
        "`the mailbox of bounces cannot be read`",
    ),
    "tasks": Advice(
        "They wait until a worker has their type.",
        "Start a worker that has it; the page Tasks shows the types.",
        "`tasks wait, …, whose types no worker has`",
    ),
}
