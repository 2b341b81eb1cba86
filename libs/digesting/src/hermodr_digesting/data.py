"""What the template of a digest fills in."""

import functools
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_time

from hermodr_ledger.digests.choosing import Contents, Posted
from hermodr_recurrence import zone_named

_USUAL = "en"
_REMEMBERED = 1_000


def template_data(contents: Contents, locale: str | None) -> dict[str, Any]:
    """`items`, oldest first; `summary`, if one was written; `total` and `more` count all that is unread and what is
    left for the next digest. Dates are told in that locale and the schedule's zone (UTC if that is not known here);
    `at` is the moment itself."""
    zone = _zone(contents.timezone)
    shown = _locale(locale or _USUAL)
    summary = contents.summary.text if contents.summary is not None else None
    return ({"summary": summary} if summary is not None else {}) | {
        "title": contents.group_name,
        "group": {"id": str(contents.group_id), "name": contents.group_name},
        "items": [_item(each, shown, zone) for each in contents.updates],
        "total": len(contents.updates) + contents.more,
        "more": contents.more,
    }


def told_moment(moment: datetime, locale: str, zone: ZoneInfo) -> str:
    """Such as `So., 28. März, 14:00`, as the locale writes it, on the zone's clock."""
    return _told(moment, _locale(locale), zone)


def shown_locale(wanted: str | None, texts: str | None) -> str | None:
    """The reader's, if the texts are in its language; else that of the texts."""
    if texts is None or (wanted is not None and _language(wanted) == _language(texts)):
        return wanted
    return texts


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError:
        return zone_named("UTC")


def _language(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


def _item(posted: Posted, locale: Locale, zone: ZoneInfo) -> dict[str, Any]:
    text = f"{posted.text.rstrip()}…" if posted.text is not None and posted.cut else posted.text
    given = {
        "id": str(posted.id),
        "content_type": posted.content_type,
        "title": posted.title,
        "text": text,
        "url": posted.url,
        "author": posted.author,
        "author_id": str(posted.author_id) if posted.author_id is not None else None,
        "date": _told(posted.posted_at, locale, zone),
        "at": posted.posted_at.isoformat().replace("+00:00", "Z"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _told(moment: datetime, locale: Locale, zone: ZoneInfo) -> str:
    day = format_skeleton("MMMEd", moment, tzinfo=zone, locale=locale)
    return f"{day}, {format_time(moment, 'short', tzinfo=zone, locale=locale)}"


@functools.lru_cache(maxsize=_REMEMBERED)
def _locale(tag: str) -> Locale:
    """The locale, or its language, or English."""
    for each in (tag.replace("_", "-"), _language(tag)):
        try:
            return Locale.parse(each, sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale.parse(_USUAL)
