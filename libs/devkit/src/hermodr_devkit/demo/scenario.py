"""What the demo sends and what must come of it: 200 requests of the kinds of the founding systems. Pure."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

from hermodr_devkit.demo.people import Person, people

SITE = "https://harbour-house.example.com"
LADDER = "1s,2s,4s"
AHEAD_SECONDS = 2
CROWD_DOMAIN = "crowd.example.org"
CROWD_SECONDS = 0.15
"""The sandbox delays each mail to the crowd by this."""
OVERTAKEN = 0.9
WORST_LATENESS_SECONDS = 1.0
TICK_SECONDS = 0.1
"""A due job is announced within this."""
UNWANTED = "weekly_digest"
FIRST_PROVIDER, SECOND_PROVIDER = "harbour-smtp", "resend"
REFUSED_DOMAIN = "takeover.example.org"
"""The first provider takes no mail to it just now."""
VOUCHER = "voucher.ics"
SEGMENTS = 2
"""Of each text."""


Naming = Literal["email", "phone", "external_id", "recipient_id"]


class Promise(Enum):
    """What a kind promises beside arriving."""

    ARRIVES = "arrives"
    ON_TIME = "not before its time, and soon after"
    OVERTAKES = "arrives before most of the crowd"
    RETRIED = "arrives on the third attempt"
    TAKEN_OVER = "the second provider takes over at once"
    SUPPRESSED = "is reported as bounced, and its address suppressed"
    ATTACHED = "arrives with its file"
    BOUNCES = "is tried once"
    SAME_ANSWER = "is one job however often it is asked for"
    EXPLAINED = "the timeline says why not"
    SIGNED = "every one has a signature that the public library verifies"
    APPROVED = "is sent by the template that WhatsApp approved, and reported as delivered"
    MEASURED = "is counted in segments, and reported as delivered"
    DIGESTED = "has the oldest updates, and keeps the others for the next one"
    GATHERED = "all are in one mail"
    REMINDED = "those who have not answered get one text each"
    CAPPED = "the timeline says which cap"
    WATCHED = "its progress is seen live, and its end is in the inbox"
    COUNTED = "the number of unread ones is told live"


@dataclass(frozen=True)
class Kind:
    """`attempts` is for each job, `arrivals` for all."""

    key: str
    title: str
    requests: int
    jobs: int
    arrivals: int
    attempts: int = 1
    state: str = "completed"
    delivery: str | None = "sent"
    promise: Promise = Promise.ARRIVES
    bulk: bool = False
    channel: str = "email"


@dataclass(frozen=True)
class Request:
    """`by`: how the recipient is named."""

    kind: str
    person: Person
    fields: Mapping[str, Any]
    by: Naming = "email"
    key: str | None = None

    def body(self, recipient_ids: Mapping[str, str]) -> dict[str, Any]:
        """The body of `POST /v1/notifications`; `recipient_ids` by external id."""
        named = {
            "email": lambda: self.person.email,
            "phone": lambda: self.person.phone,
            "external_id": lambda: self.person.external_id,
            "recipient_id": lambda: recipient_ids[self.person.external_id],
        }[self.by]()
        return {"to": {self.by: named}, **self.fields}


@dataclass(frozen=True)
class Scenario:
    kinds: Sequence[Kind]
    recipients: Sequence[Person]
    unwilling: Person
    requests: Mapping[str, Sequence[Request]] = field(repr=False)


MAGIC = Kind("magic", "magic link, urgent", 20, 20, 20)
BOOKING = Kind("booking", "booking confirmation, en/de", 46, 46, 46)
NOTICE = Kind("notice", "system notice, low, bulk", 42, 42, 42, bulk=True)
LATER = Kind("later", f"reminder, {AHEAD_SECONDS} s ahead", 20, 20, 20, promise=Promise.ON_TIME)
CROWD = Kind("crowd", "weekly digest, slow crowd", 40, 40, 40, bulk=True)
HURRY = Kind("hurry", "urgent behind the crowd", 1, 1, 1, promise=Promise.OVERTAKES)
BUSY = Kind("busy", "mailbox says 450 twice", 3, 3, 3, attempts=3, promise=Promise.RETRIED)
GONE = Kind("gone", "mailbox says 550", 3, 3, 0, 1, "failed", "bounced", Promise.BOUNCES)
TAKEN = Kind(
    "taken", "first provider unavailable", 5, 5, 5, 2, delivery="delivered", promise=Promise.TAKEN_OVER
)
RETURNED = Kind(
    "returned", "bounces after a while", 3, 3, 3, 2, delivery="bounced", promise=Promise.SUPPRESSED
)
ATTACHED = Kind("attached", "booking, calendar file", 5, 5, 5, promise=Promise.ATTACHED)
TWICE = Kind("twice", "the same request twice", 2, 1, 1, promise=Promise.SAME_ANSWER)
NEWS = Kind("news", "newsletter, unsubscribed", 1, 1, 1)
OFF = Kind("off", "the same after the click", 1, 1, 0, 0, "skipped", None, Promise.EXPLAINED)
TEXTED = Kind(
    "texted", "SMS in two segments", 5, 5, 5, delivery="delivered", promise=Promise.MEASURED, channel="sms"
)
WRITTEN = Kind(
    "written",
    "WhatsApp, closed window",
    *(3, 3, 3),
    delivery="delivered",
    promise=Promise.APPROVED,
    channel="whatsapp",
)

KINDS = (
    *(MAGIC, BOOKING, NOTICE, LATER, CROWD, HURRY, BUSY, GONE, TAKEN, RETURNED, ATTACHED, TWICE, NEWS, OFF),
    TEXTED,
    WRITTEN,
)


def scenario(run: str) -> Scenario:
    """`run` makes links, references and keys unique."""
    guests = people(BOOKING.jobs, "example.com", locales=("en", "de"))
    unwilling = Person("Wilhelmina Still", "w.still@example.com", external_id="guest-2000")
    asked = {
        MAGIC.key: [_magic_link(MAGIC, person, run) for person in people(20, "example.org", 60)],
        BOOKING.key: [_booking(guest, number) for number, guest in enumerate(guests)],
        NOTICE.key: [_notice(person) for person in people(NOTICE.jobs, "houses.example.com", 100)],
        LATER.key: [_reminder(guest, number) for number, guest in enumerate(guests[:20])],
        CROWD.key: [_digest(CROWD, person) for person in people(40, CROWD_DOMAIN, 200)],
        HURRY.key: [_magic_link(HURRY, Person("Astrid Vogel", "astrid.vogel@example.org"), run)],
        BUSY.key: [_magic_link(BUSY, person, run) for person in _tagged("450x2", 300)],
        GONE.key: [_magic_link(GONE, person, run) for person in _tagged("550", 320)],
        TAKEN.key: [_magic_link(TAKEN, person, run) for person in people(5, REFUSED_DOMAIN, 340)],
        RETURNED.key: [
            _magic_link(RETURNED, person, run) for person in _tagged("bounced", 360, REFUSED_DOMAIN)
        ],
        ATTACHED.key: [_with_calendar(guest, number) for number, guest in enumerate(guests[20:25])],
        TWICE.key: [_twice(run)] * 2,
        NEWS.key: [_digest(NEWS, unwilling, "normal", by="external_id")],
        OFF.key: [_digest(OFF, unwilling, "normal", by="external_id")],
        TEXTED.key: [_room_ready(TEXTED, guest, number) for number, guest in enumerate(guests[:5])],
        WRITTEN.key: [_room_ready(WRITTEN, guest, number) for number, guest in enumerate(guests[5:8])],
    }
    return Scenario(KINDS, [*guests, unwilling], unwilling, asked)


def _tagged(tag: str, start: int, domain: str = "example.net") -> list[Person]:
    return [
        replace(person, email=person.email.replace("@", f"+{tag}@")) for person in people(3, domain, start)
    ]


def _magic_link(kind: Kind, person: Person, run: str, key: str | None = None) -> Request:
    data = {"name": person.first_name, "minutes": 15, "magic_link": f"{SITE}/sign-in/{run}-{_slug(person)}"}
    return Request(kind.key, person, {"type": "magic_link", "priority": "urgent", "data": data}, key=key)


def _twice(run: str) -> Request:
    return _magic_link(TWICE, Person("Edda Janssen", "edda.janssen@example.org"), run, key=f"{run}-edda")


def _with_calendar(guest: Person, number: int) -> Request:
    booking = _booking(guest, number)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Harbour House//EN", "BEGIN:VEVENT"]
    lines += [f"UID:{_reference(number)}@harbour-house.example.com", "DTSTAMP:20270501T090000Z"]
    lines += ["DTSTART:20270514T150000Z", "SUMMARY:Harbour House", "END:VEVENT", "END:VCALENDAR", ""]
    content = base64.b64encode("\r\n".join(lines).encode()).decode()
    file = {"filename": VOUCHER, "content_type": "text/calendar", "content": content}
    return replace(booking, kind=ATTACHED.key, fields={**booking.fields, "attachments": [file]})


def _booking(guest: Person, number: int) -> Request:
    rooms = ("Lighthouse", "Ropewalk", "Captain's cabin", "Sail loft")
    days = (
        ("14 May", "15 May", "21 May", "2 June")
        if guest.locale == "en"
        else ("14. Mai", "15. Mai", "21. Mai", "2. Juni")
    )
    data = {
        "name": guest.name,
        "reference": _reference(number),
        "room": rooms[number % 4],
        "arrival": days[number // 2 % 4],
        "nights": 2 + number % 5,
        "link": f"{SITE}/bookings/{_reference(number)}",
    }
    naming: Naming = "external_id" if number % 5 < 2 else "recipient_id"
    return Request(BOOKING.key, guest, {"type": "booking_confirmation", "data": data}, by=naming)


def _reminder(guest: Person, number: int) -> Request:
    data = {"name": guest.first_name, "reference": _reference(number), "link": f"{SITE}/directions"}
    fields = {"type": "visit_reminder", "data": data, "delay_seconds": AHEAD_SECONDS}
    return Request(LATER.key, guest, fields, by="external_id")


def _notice(person: Person) -> Request:
    data = {
        "name": person.first_name,
        "headline": "Maintenance on Sunday night",
        "message": "From two to three o'clock no new bookings are taken. What is booked already is not touched.",
        "link": f"{SITE}/status",
    }
    return Request(NOTICE.key, person, {"type": "system_notice", "priority": "low", "data": data})


def _digest(kind: Kind, person: Person, priority: str = "low", by: Naming = "email") -> Request:
    items = [
        {"who": "Hanna", "what": "four photos of the regatta"},
        {"who": "Ole", "what": "a milestone: the boat is in the water again"},
        {"who": "Noor", "what": "“Who brings the cake on Sunday?”"},
    ]
    data = {"name": person.first_name, "items": items, "link": f"{SITE}/week"}
    return Request(kind.key, person, {"type": UNWANTED, "priority": priority, "data": data}, by=by)


def _room_ready(kind: Kind, person: Person, number: int) -> Request:
    data = {"name": person.first_name, "room": "Lighthouse", "code": 4711 + number, "link": f"{SITE}/arrival"}
    fields = {"type": "room_ready", "channels": [kind.channel], "priority": "urgent", "data": data}
    return Request(kind.key, person, fields, by="phone")


def _reference(number: int) -> str:
    return f"HH-{4711 + 13 * number}"


def _slug(person: Person) -> str:
    return person.email.partition("@")[0].replace(".", "-").replace("+", "-")
