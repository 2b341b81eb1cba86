"""The moments at which the tests have to pass. A run begins shortly before its moment. `zone` is that of the
machine and of PostgreSQL's sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Moment:
    name: str
    passes: datetime
    zone: str = "UTC"
    always: bool = False
    """In every `make test`; the others with `--all`."""


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MOMENTS = (  # in UTC
    Moment("saturday", _at("2026-11-28T23:30")),
    Moment("week-53-begins", _at("2026-12-28T00:00"), "America/New_York"),
    Moment("new-year", _at("2027-01-01T00:00"), "Asia/Kathmandu", always=True),
    Moment("week-53-ends", _at("2027-01-04T00:00"), "Europe/Vienna"),
    Moment("january-ends", _at("2027-02-01T00:00")),
    Moment("us-clocks-forward", _at("2027-03-14T07:00"), "America/New_York"),
    Moment("clocks-forward", _at("2027-03-28T01:00"), "Europe/Vienna", always=True),
    Moment("april-ends", _at("2027-05-01T00:00"), "Australia/Lord_Howe"),
    Moment("wednesday", _at("2027-06-30T22:00"), "Europe/Vienna"),
    Moment("clocks-back", _at("2027-10-31T01:00"), "Europe/Vienna"),
    Moment("us-clocks-back", _at("2027-11-07T06:00"), "America/New_York"),
    Moment("february-29", _at("2028-02-29T00:00"), always=True),
    Moment("february-ends", _at("2028-03-01T00:00")),
)
