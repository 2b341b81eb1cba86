"""What a posted form changes, and what undoes it."""

from typing import Any

import pytest

from hermodr_api.preference_page.form import (
    Changes,
    Flawed,
    before_of,
    changes_of,
    form_of,
    posted,
    undoing,
    zones,
)
from hermodr_api.preference_page.standing import Digest, Standing, wishing, wishing_nothing
from hermodr_api.recipients.reach import allowed
from hermodr_contracts.vocabulary import Channel
from tests.unit.api.preference_page.standings import schedule_of, standing_of, type_of

QUIET = {"start": "22:00", "end": "07:00", "days": [1, 2, 3, 4, 5, 6, 7]}
OFF = {"type": "news", "channel": "email", "enabled": False}


def fields_of(there: Standing, **changed: Any) -> dict[str, list[str]]:
    """What a browser posts of the page as it stands."""
    form = form_of(there)
    fields = {
        "do": ["save"],
        "shown": sorted(form.shown),
        "on": sorted(form.on),
        "quiet": ["", "on"] if form.quiet else [""],
        "quiet_start": [form.quiet_start],
        "quiet_end": [form.quiet_end],
        "quiet_day": ["", *map(str, form.quiet_days)],
        "timezone": [form.timezone],
        "cap": [form.cap],
    }
    for id, choice in form.digests.items():
        fields |= {f"digest-{id}": [choice.often], f"digest-at-{id}": [choice.at]}
    return fields | {name: value if isinstance(value, list) else [value] for name, value in changed.items()}


def changed(there: Standing, **fields: Any) -> Changes:
    return changes_of(posted(fields_of(there, **fields), there), there)


def everything() -> Standing:
    return standing_of(
        type_of("news"),
        type_of("offers"),
        digests=(Digest(schedule_of(), "Family"),),
        quiet_hours=QUIET,
        timezone="Europe/Vienna",
        caps=[{"max": 5, "per": "2h", "overflow": "skip"}, {"max": 1, "per": "1h", "types": ["news"]}],
        preferences=[{"type": "offers", "channel": None, "enabled": False}],
    )


def test_what_is_posted_as_it_stands_changes_nothing() -> None:
    for there in (standing_of(type_of("news")), everything(), standing_of()):
        assert changed(there) == Changes()


@pytest.mark.parametrize(
    "missing",
    [
        ("cap",),
        ("quiet",),
        ("quiet_day",),
        ("quiet_start", "quiet_end"),
        ("quiet", "quiet_start", "quiet_end", "quiet_day", "timezone", "cap", "on", "shown"),
    ],
)
def test_what_is_not_posted_stays_as_it_is(missing: tuple[str, ...]) -> None:
    there = everything()
    fields = {name: value for name, value in fields_of(there).items() if name not in missing}
    assert changes_of(posted(fields, there), there) == Changes()


def test_what_is_posted_empty_is_taken_away() -> None:
    there = everything()
    changes = changes_of(posted({"cap": [""], "quiet": [""]}, there), there).recipient
    assert changes == {"quiet_hours": None, "caps": [dict(there.recipient.caps[1])]}


def test_boxes_become_wishes_and_no_others_are_touched() -> None:
    there = everything()
    form = form_of(there)
    assert form.on == {"news/email", "news/in_app"}
    off = changed(there, on=["news/in_app"]).recipient["preferences"]
    assert off == [there.recipient.preferences[0], OFF]
    on = changed(there, on=[*form.on, "offers/email"]).recipient["preferences"]
    assert on[-1] == {"type": "offers", "channel": "email", "enabled": True}
    unseen = changed(there, on=[], shown=["news/email"]).recipient["preferences"]
    assert unseen == off
    strange = changed(there, on=[*form.on, "secret/email"], shown=[*form.shown, "secret/email"])
    assert strange == Changes()


def test_a_wish_is_said_once_and_only_where_it_says_something() -> None:
    assert wishing([OFF, OFF], "news", Channel.EMAIL, wanted=True) == []
    nothing = wishing_nothing([OFF, OFF | {"enabled": True, "type": "x"}])
    assert nothing == [OFF, {"type": None, "channel": None, "enabled": False}]
    assert wishing_nothing(nothing) == nothing
    again = wishing(nothing, "news", Channel.EMAIL, wanted=True)
    assert allowed(again, "news", Channel.EMAIL)
    assert not allowed(again, "other", Channel.EMAIL)


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        ({"quiet": [""]}, None),
        ({"quiet_end": "00:00"}, QUIET | {"end": "24:00"}),
        ({"quiet_day": ["6", "7"], "quiet_start": "23:30"}, QUIET | {"days": [6, 7], "start": "23:30"}),
    ],
)
def test_quiet_hours(fields: dict[str, Any], hours: dict[str, Any] | None) -> None:
    assert changed(everything(), **fields).recipient == {"quiet_hours": hours}


def test_until_midnight_is_until_midnight() -> None:
    there = standing_of(quiet_hours=QUIET | {"end": "24:00"})
    assert form_of(there).quiet_end == "00:00"
    assert changed(there) == Changes()


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"quiet_start": "07:00"}, "quiet_same"),
        ({"quiet_day": [""]}, "quiet_days"),
        ({"quiet_start": "00:00", "quiet_end": "00:00"}, "quiet_always"),
        ({"quiet_start": ""}, "time"),
        ({"quiet_start": "25:00"}, "time"),
        ({"timezone": "Mars/Olympus"}, "zone"),
        ({"cap": "1000/1s"}, "choice"),
    ],
)
def test_flaws(fields: dict[str, Any], flaw: str) -> None:
    with pytest.raises(Flawed) as raised:
        changed(everything(), **fields)
    assert raised.value.flaws == (flaw,)


def test_all_flaws_are_told_and_what_was_typed_stays() -> None:
    there = everything()
    fields = fields_of(there, quiet_start="7 o'clock", timezone="Mars/Olympus", on=[])
    with pytest.raises(Flawed) as raised:
        changes_of(posted(fields, there), there)
    assert raised.value.flaws == ("time", "zone")
    form = posted(fields, there)
    assert (form.quiet_start, form.timezone, form.on) == ("7 o'clock", "Mars/Olympus", frozenset())


def test_caps() -> None:
    there = everything()
    assert form_of(there).cap == "5/2h"
    (_, other) = there.recipient.caps
    caps = changed(there, cap="3/24h").recipient["caps"]
    assert caps == [{"max": 3, "per": "24h", "types": None, "overflow": "skip"}, other]
    assert changed(there, cap="").recipient["caps"] == [other]
    assert changed(standing_of(), cap="1/24h").recipient["caps"][0]["overflow"] == "defer"


def test_digests() -> None:
    there = everything()
    (digest,) = there.digests
    id = digest.schedule.id
    off = changed(there, **{f"digest-{id}": "off"}).digests[id]
    assert off.model_dump(exclude_unset=True) == {"is_active": False}
    daily = changed(there, **{f"digest-{id}": "daily/", f"digest-at-{id}": "18:00"}).digests[id]
    assert (daily.frequency, daily.delivery_day, daily.delivery_time) == ("daily", None, "18:00")
    for fields, flaw in (
        ({f"digest-{id}": "hourly/"}, "choice"),
        ({f"digest-{id}": "weekly/x"}, "choice"),
        ({f"digest-at-{id}": "late"}, "time"),
    ):
        with pytest.raises(Flawed) as raised:
            changed(there, **fields)
        assert raised.value.flaws == (flaw,)


def test_what_was_changed_is_undone() -> None:
    there = everything()
    (digest,) = there.digests
    changes = changed(
        there, on=[], quiet=[], timezone="UTC", cap="", **{f"digest-{digest.schedule.id}": "off"}
    )
    assert set(changes.recipient) == {"preferences", "quiet_hours", "timezone", "caps"}
    undone = undoing(before_of(changes, there))
    person = there.recipient
    assert undone.recipient["preferences"] == list(person.preferences)
    assert undone.recipient["quiet_hours"] == person.quiet_hours
    assert undone.recipient["timezone"] == person.timezone
    assert [each["max"] for each in undone.recipient["caps"]] == [5, 1]
    assert undone.digests[digest.schedule.id].delivery_day == 5
    once = changed(standing_of(type_of("news")), on=[])
    assert undoing(before_of(once, standing_of())).recipient == {"preferences": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        '{"columns": {"email": "eve@example.com"}, "digests": {}}',
        '{"columns": {}}',
        "1" * 5000,
    ],
)
def test_undoing_brings_back_nothing_but_preferences(text: str) -> None:
    with pytest.raises(Flawed):
        undoing(text)


def test_what_leads_to_no_address_of_theirs_is_not_shown() -> None:
    assert standing_of(type_of("news", "sms")).types == []


def test_zones_are_those_of_places() -> None:
    names = [name for _, region in zones() for name in region]
    assert {"UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires"} <= set(names)
    assert not any(each.startswith(("Etc/", "posix/")) for each in names)
