"""The pages behind links in messages: plain HTML, usable without a script. They fetch nothing."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_day_names
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from hermodr_api.http.html import environment
from hermodr_api.preference_page.form import (
    CAPS,
    EVERY_DAY,
    NO_LIMIT,
    OFF,
    UTC,
    Form,
    digest_choices,
    form_of,
    zones,
)
from hermodr_api.preference_page.standing import Standing
from hermodr_api.preference_page.words import WORDS, Words
from hermodr_api.recipients.reach import allowed
from hermodr_contracts.vocabulary import Channel
from hermodr_templates.colors import shades

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "style.css").read_text("utf-8")


def _filled(text: str, about: str) -> Markup:
    return escape(text).replace("{}", Markup("<b>{}</b>").format(about))


_ENVIRONMENT = environment(_FOLDER / "templates")
_ENVIRONMENT.globals["filled"] = _filled


class Preview(NamedTuple):
    """For who looks at the page of somebody else."""

    name: str
    back: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is said above: `said` and `flaws` are names of sentences in `words`; `before`: what undoes it."""

    said: str | None = None
    flaws: Sequence[str] = ()
    before: str | None = None


NOTHING = Told()


def preferences(
    standing: Standing,
    language: str,
    *,
    type_name: str = "",
    form: Form | None = None,
    told: Told = NOTHING,
    preview: Preview | None = None,
    status: int = 200,
) -> HTMLResponse:
    """The page of a person. `type_name`: the type that the link is about, if it is about one; `form`: what was posted
    and is wrong."""
    words, person = WORDS[language], standing.recipient
    asked = standing.named(type_name)
    style = _style_of(standing.brand.get("color"))
    text = _ENVIRONMENT.get_template("preferences.html").render(
        language=language,
        words=words,
        style=Markup(style),
        brand={"name": standing.brand.get("name"), "logo": standing.brand.get("logo")},
        person=_masked(person.email) if person.email else person.name,
        said=told.said,
        flaws=told.flaws,
        before=told.before,
        asking=_asking(standing, type_name),
        title=asked.label(language).title if asked is not None else type_name,
        form=form or form_of(standing),
        groups=_groups(standing, language),
        more=standing.more,
        caps=_caps(standing, words),
        other_caps=_other_caps(standing, words),
        digests=_digests(standing, words, language, form or form_of(standing)),
        zones=_zones(standing),
        days=_days(language),
        paused_until=_paused(standing, language),
        preview=preview,
    )
    return _answer(text, style, status)


def note(name: str, language: str, about: str = "", status: int = 200) -> HTMLResponse:
    """One of `notes` of the words, for who has no preferences here. `about`: what it is about, such as an address."""
    style = _style_of(None)
    text = _ENVIRONMENT.get_template("note.html").render(
        name=name, language=language, said=WORDS[language]["notes"][name], about=about, style=Markup(style)
    )
    return _answer(text, style, status)


def _answer(text: str, style: str, status: int) -> HTMLResponse:
    sealed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    headers = {
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{sealed}'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "vary": "accept-language",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex, nofollow",
    }
    return HTMLResponse(text, status, headers=headers)


@lru_cache(maxsize=256)
def _style_of(color: str | None) -> str:
    if color is None:
        return _STYLE
    shade = shades(color)
    deed = f"--deed: {shade.deed}; --on-deed: {shade.on_deed}"
    return (
        f"{_STYLE}:root {{ {deed}; --accent: {shade.light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {deed}; --accent: {shade.dark} }} }}\n"
    )


def _asking(standing: Standing, type_name: str) -> str | None:
    """`asking` or `done`, where the link is about a type that comes by email, or would."""
    asked = standing.named(type_name)
    if not type_name or (asked is not None and asked.critical):
        return None
    wishes = [dict(each) for each in standing.recipient.preferences]
    return "asking" if allowed(wishes, type_name, Channel.EMAIL) else "done"


def _groups(standing: Standing, language: str) -> list[dict[str, Any]]:
    """The types by category, those without one last; what is required last in each."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for type, channels in standing.types:
        label = type.label(language)
        shown = {
            "name": type.name,
            "critical": type.critical,
            "channels": [each.value for each in channels],
            "title": label.title,
            "description": label.description,
        }
        groups.setdefault(label.category or "", []).append(shown)
    return [
        {"title": title, "types": sorted(types, key=lambda it: (it["critical"], it["title"].lower()))}
        for title, types in sorted(groups.items(), key=lambda it: (not it[0], it[0].lower()))
    ]


def _caps(standing: Standing, words: Words) -> list[tuple[str, str]]:
    present = form_of(standing).cap
    choices = [NO_LIMIT, *CAPS] if present in (NO_LIMIT, *CAPS) else [NO_LIMIT, *CAPS, present]
    return [(each, _cap(each, words)) for each in choices]


def _cap(choice: str, words: Words) -> str:
    if choice == NO_LIMIT:
        return str(words["often"]["no_limit"])
    most, _, per = choice.partition("/")
    known = {"24h": "in_a_day", "7d": "in_a_week"}
    if per in known:
        return _put(words["often"][known[per]], most)
    return _put(words["often"]["in_a_span"], most, per)


def _other_caps(standing: Standing, words: Words) -> list[str]:
    shown = words["often"]["of_types"]
    return [
        _put(shown, str(each["max"]), str(each["per"]), ", ".join(map(str, each["types"])))
        for each in standing.recipient.caps
        if each.get("types")
    ]


def _put(text: str, *parts: str) -> str:
    for part in parts:
        text = text.replace("{}", part, 1)
    return text


def _digests(standing: Standing, words: Words, language: str, form: Form) -> list[dict[str, Any]]:
    names = dict(_days(language))
    often = words["often"]

    def label(choice: str) -> str:
        frequency, _, day = choice.partition("/")
        about = names[int(day)] if frequency == "weekly" else day
        return str(often["off"]) if choice == OFF else _put(often[frequency], about)

    return [
        {
            "id": each.schedule.id,
            "group": each.group,
            "choices": [(choice, label(choice)) for choice in digest_choices(each.schedule)],
            "choice": form.digests[each.schedule.id].often,
            "at": form.digests[each.schedule.id].at,
            "zone": each.schedule.timezone,
        }
        for each in standing.digests
    ]


def _zones(standing: Standing) -> Sequence[tuple[str, Sequence[str]]]:
    present = standing.recipient.timezone
    if present is None or any(present in names for _, names in zones()):
        return zones()
    return (("–", (present,)), *zones())


def _days(language: str) -> list[tuple[int, str]]:
    names = get_day_names("wide", "stand-alone", locale=language)
    return [(day, names[day - 1]) for day in EVERY_DAY]


def _paused(standing: Standing, language: str) -> str | None:
    until, zone = standing.paused_until, standing.recipient.timezone or UTC
    if until is None:
        return None
    try:
        local = until.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError):  # of a zone that came by SQL
        local, zone = until.astimezone(ZoneInfo(UTC)), UTC
    return f"{format_date(local, 'full', locale=language)}, {local:%H:%M} ({zone})"


def _masked(address: str) -> str:
    """Enough to know one's own by: a link may have been passed on."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…{at}{domain}"
