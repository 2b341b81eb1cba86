"""The form of the page: as it stands, as it was posted, and what a posted one changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import Field, ValidationError

from hermodr_api.digests.models import DigestSchedulePatch
from hermodr_api.http.bodies import Body
from hermodr_api.preference_page.standing import Standing, wishing
from hermodr_api.recipients.models import PreferencesIn, QuietHours, Zone
from hermodr_api.recipients.reach import allowed
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.engine.documents import Object
from hermodr_ledger.people.wishes import MOST_WISHES
from hermodr_recurrence import zone_names

Fields = Mapping[str, Sequence[str]]
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
NO_LIMIT, OFF, UTC = "", "off", "UTC"
CAPS = ("1/24h", "3/24h", "10/24h", "3/7d", "10/7d")
"""Those that can be chosen: how many in what."""
_USUAL_QUIET = ("22:00", "07:00")
_MONTHLY = (1, 15)
_WEEK = {str(day): day for day in EVERY_DAY}


class Flawed(Exception):
    """`flaws`: names of sentences in `words`."""

    def __init__(self, *flaws: str) -> None:
        super().__init__(*flaws)
        self.flaws = flaws


class Choice(NamedTuple):
    """Of a digest: `off`, `daily/`, `weekly/1`, `monthly/15`; and its local time."""

    often: str
    at: str


@dataclass(frozen=True, slots=True)
class Form:
    """`on`: the boxes that are ticked, of those `shown`; a box is `type/channel`."""

    on: frozenset[str]
    shown: frozenset[str]
    quiet: bool
    quiet_start: str
    quiet_end: str
    quiet_days: frozenset[int]
    timezone: str
    cap: str
    digests: Mapping[UUID, Choice]


@dataclass(frozen=True, slots=True)
class Changes:
    """`recipient`: columns, as `recipients.overwrite` takes them."""

    recipient: dict[str, Any] = field(default_factory=dict)
    digests: dict[UUID, DigestSchedulePatch] = field(default_factory=dict)


class Before(PreferencesIn):
    """How it was before a change, as the page's own form brings it back."""

    timezone: Zone | None = None
    digests: dict[UUID, DigestSchedulePatch] = Field(default_factory=dict)

    def undoing(self) -> Changes:
        columns = self.changes()
        columns.pop("digests", None)
        return Changes(columns, dict(self.digests))


def form_of(standing: Standing) -> Form:
    """As it stands."""
    person = standing.recipient
    boxes = {f"{each.name}/{channel}": (each.name, channel) for each, on in standing.types for channel in on}
    hours = person.quiet_hours or {}
    return Form(
        on=frozenset(box for box, about in boxes.items() if allowed(_wishes(standing), *about)),
        shown=frozenset(boxes),
        quiet=bool(hours),
        quiet_start=str(hours.get("start", _USUAL_QUIET[0])),
        quiet_end=str(hours.get("end", _USUAL_QUIET[1])).replace("24:00", "00:00"),
        quiet_days=frozenset(hours.get("days", EVERY_DAY)),
        timezone=person.timezone or UTC,
        cap=_cap_of(person.caps),
        digests={each.schedule.id: choice_of(each.schedule) for each in standing.digests},
    )


def posted(fields: Fields, standing: Standing) -> Form:
    """As it was posted; what it does not hold is as it stands."""
    now = form_of(standing)

    def one(name: str, otherwise: str) -> str:
        return fields[name][-1].strip() if fields.get(name) else otherwise

    def boxes(name: str) -> Sequence[str] | None:
        """Of those that are ticked; the page posts an empty one beside them, so that none is not nothing."""
        return [each for each in fields[name] if each] if name in fields else None

    quiet, days = boxes("quiet"), boxes("quiet_day")
    return Form(
        on=frozenset(fields.get("on", ())),
        shown=frozenset(fields.get("shown", ())),
        quiet=now.quiet if quiet is None else bool(quiet),
        quiet_start=one("quiet_start", now.quiet_start),
        quiet_end=one("quiet_end", now.quiet_end),
        quiet_days=now.quiet_days
        if days is None
        else frozenset(_WEEK[each] for each in days if each in _WEEK),
        timezone=one("timezone", now.timezone),
        cap=one("cap", now.cap),
        digests={
            id: Choice(one(f"digest-{id}", each.often), one(f"digest-at-{id}", each.at))
            for id, each in now.digests.items()
        },
    )


def changes_of(form: Form, standing: Standing) -> Changes:
    """Only what differs from how it stands. Raises `Flawed`."""
    flaws: list[str] = []
    columns: dict[str, Any] = {}
    digests: dict[UUID, DigestSchedulePatch] = {}
    now = form_of(standing)
    for name, change in (
        ("preferences", _changed_wishes),
        ("quiet_hours", _changed_hours),
        ("timezone", _changed_zone),
        ("caps", _changed_caps),
    ):
        try:
            found = change(form, now, standing)
        except Flawed as flawed:
            flaws += flawed.flaws
        else:
            columns |= {name: found[0]} if found is not None else {}
    for id, choice in form.digests.items():
        try:
            if choice != now.digests[id]:
                digests[id] = _patch(choice)
        except Flawed as flawed:
            flaws += flawed.flaws
    if flaws:
        raise Flawed(*dict.fromkeys(flaws))
    return Changes(columns, digests)


def before_of(changes: Changes, standing: Standing) -> str:
    """What undoes the changes, for the page's form."""
    columns = {name: getattr(standing.recipient, name) for name in changes.recipient}
    columns = {
        name: list(value) if name in ("preferences", "caps") else value for name, value in columns.items()
    }
    there = ((id, standing.digest(id)) for id in changes.digests)
    digests = {id: _as_patch(schedule) for id, schedule in there if schedule is not None}
    return _Told(columns=columns, digests=digests).model_dump_json()


def undoing(text: str) -> Changes:
    """Raises `Flawed`."""
    try:
        told = _Told.model_validate_json(text)
        return Before.model_validate({**told.columns, "digests": told.digests}).undoing()
    except (ValidationError, ValueError):
        raise Flawed("undo") from None


def choice_of(schedule: DigestSchedule) -> Choice:
    often = f"{schedule.frequency}/{schedule.delivery_day or ''}" if schedule.is_active else OFF
    return Choice(often, schedule.delivery_time.isoformat("minutes"))


def digest_choices(schedule: DigestSchedule) -> list[str]:
    """Those that can be chosen, with the present one."""
    usual = [OFF, "daily/", *(f"weekly/{day}" for day in EVERY_DAY), *(f"monthly/{day}" for day in _MONTHLY)]
    present = choice_of(schedule).often
    return usual if present in usual else [*usual, present]


@lru_cache
def zones() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names of time zones by region."""
    regions: dict[str, list[str]] = {UTC: [UTC]}
    for name in sorted(zone_names()):
        region, slash, _ = name.partition("/")
        if slash and region not in (
            "Etc",
            "SystemV",
            "US",
            "posix",
            "right",
            "Brazil",
            "Canada",
            "Chile",
            "Mexico",
        ):
            regions.setdefault(region, []).append(name)
    return tuple((region, tuple(names)) for region, names in regions.items())


class _Told(Body):
    columns: dict[str, Any]
    digests: dict[UUID, dict[str, Any]]


def _wishes(standing: Standing) -> list[Object]:
    return [dict(each) for each in standing.recipient.preferences]


def _changed_wishes(form: Form, now: Form, standing: Standing) -> tuple[list[Object]] | None:
    before = after = _wishes(standing)
    for box in sorted(form.shown & now.shown):
        if (box in form.on) != (box in now.on):
            type_name, _, channel = box.rpartition("/")
            after = wishing(after, type_name, Channel(channel), box in form.on)
    if len(after) > max(MOST_WISHES, len(before)):
        raise Flawed("many")
    return (after,) if after != before else None


def _changed_hours(form: Form, now: Form, _standing: Standing) -> tuple[Object | None] | None:
    if not form.quiet:
        return (None,) if now.quiet else None
    names = ("quiet", "quiet_start", "quiet_end", "quiet_days")
    if all(getattr(form, name) == getattr(now, name) for name in names):
        return None
    if not form.quiet_days:
        raise Flawed("quiet_days")
    end = "24:00" if form.quiet_end == "00:00" else form.quiet_end
    if form.quiet_start == end:
        raise Flawed("quiet_same")
    if (form.quiet_start, end, len(form.quiet_days)) == ("00:00", "24:00", len(EVERY_DAY)):
        raise Flawed("quiet_always")
    try:
        hours = QuietHours(start=form.quiet_start, end=end, days=sorted(form.quiet_days))
    except ValidationError:
        raise Flawed("time") from None
    return (hours.model_dump(mode="json"),)


def _changed_zone(form: Form, now: Form, _standing: Standing) -> tuple[str] | None:
    if form.timezone == now.timezone:
        return None
    if not any(form.timezone in names for _, names in zones()):
        raise Flawed("zone")
    return (form.timezone,)


def _changed_caps(form: Form, now: Form, standing: Standing) -> tuple[list[Object] | None] | None:
    """The one for all types; others stay."""
    if form.cap == now.cap:
        return None
    if form.cap not in (NO_LIMIT, *CAPS):
        raise Flawed("choice")
    there = [dict(each) for each in standing.recipient.caps]
    general = next((each for each in there if not each.get("types")), None)
    others = [each for each in there if each is not general]
    if form.cap == NO_LIMIT:
        return (others or None,)
    most, _, per = form.cap.partition("/")
    overflow = general["overflow"] if general is not None else "defer"
    return ([{"max": int(most), "per": per, "types": None, "overflow": overflow}, *others],)


def _cap_of(caps: Sequence[Mapping[str, Any]]) -> str:
    general = next((each for each in caps if not each.get("types")), None)
    return f"{general['max']}/{general['per']}" if general is not None else NO_LIMIT


def _patch(choice: Choice) -> DigestSchedulePatch:
    if choice.often == OFF:
        return DigestSchedulePatch(is_active=False)
    frequency, _, day = choice.often.partition("/")
    try:
        given = {
            "frequency": frequency,
            "delivery_day": int(day) if day else None,
            "delivery_time": choice.at,
        }
        return DigestSchedulePatch.model_validate({**given, "is_active": True})
    except ValidationError as error:
        at_fault = {each["loc"][0] for each in error.errors()}
        raise Flawed("time" if at_fault == {"delivery_time"} else "choice") from None
    except ValueError:
        raise Flawed("choice") from None


def _as_patch(schedule: DigestSchedule) -> dict[str, Any]:
    return {
        "frequency": schedule.frequency,
        "delivery_day": schedule.delivery_day,
        "delivery_time": schedule.delivery_time.isoformat("minutes"),
        "is_active": schedule.is_active,
    }
