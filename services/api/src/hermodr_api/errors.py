"""Everything the API refuses, as exceptions without a framework; `problems` renders them (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

MOST_FLAWS = 100
"""The most flaws that an answer lists."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """`loc` is the path to the flaw (`("body", "to", "email")`), `msg` the reason."""

    loc: tuple[str | int, ...]
    msg: str


@dataclass(frozen=True)
class Kind:
    """`slug` ends the problem's `type`; `title` never varies (RFC 9457 §3.1.3)."""

    slug: str
    status: int
    title: str


MALFORMED = Kind("malformed-json", 400, "The body is not JSON")
UNAUTHENTICATED = Kind("unauthenticated", 401, "A valid API key or token is needed")
FORBIDDEN = Kind("forbidden", 403, "The caller may not do this")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This method is not possible here")
TOO_SLOW = Kind("body-too-slow", 408, "The body did not arrive in time")
CONFLICT = Kind("conflict", 409, "This is in conflict with what is there")
SINGLETON_TAKEN = Kind("singleton-taken", 409, "A job with this singleton key is not finished yet")
STILL_RUNNING = Kind("still-running", 409, "The first request with this key is still running")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "The body is of a type that is not understood")
INVALID = Kind("invalid-request", 422, "The request does not make sense")
KEY_REUSED = Kind("idempotency-key-reused", 422, "The Idempotency-Key was used for another request")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests")
QUOTA_EXCEEDED = Kind("quota-exceeded", 429, "A quota of the project is used up")
HEAD_TOO_LARGE = Kind(
    "head-too-large", 431, "The head of the request is too large"
)  # sent by the HTTP server
INTERNAL = Kind("internal-error", 500, "Something went wrong on our side")
UNAVAILABLE = Kind("unavailable", 503, "Not possible at the moment")

KINDS = tuple(value for value in dict(globals()).values() if isinstance(value, Kind))


@dataclass(eq=False)
class Refused(Exception):
    """`members` are extension members of the problem; `more` says in words how many flaws are not listed."""

    kind: Kind
    detail: str
    flaws: Sequence[Flaw] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    more: str = ""


_LONGEST_NAME = 100
_LONGEST_PLACE = 300
_LONGEST_WORDS = 500
_LONGEST_DETAIL = 1000
_MOST_STEPS = 12
_MOST_TOLD = 32 * 1024


def told(loc: Sequence[str | int]) -> list[str | int]:
    """A flaw's path as it is shown: long paths without their middle, client-made names cut short."""
    if len(loc) > _MOST_STEPS:
        loc = (*loc[: _MOST_STEPS // 2], "…", *loc[-_MOST_STEPS // 2 :])
    return [_name(part) if isinstance(part, str) else part for part in loc]


def listed(flaws: Sequence[Flaw], more: str = "") -> list[dict[str, Any]]:
    """The flaws as they are shown, within the size an answer may have. `more` as in `Refused`."""
    shown: list[dict[str, Any]] = []
    octets = 0
    for flaw in flaws[:MOST_FLAWS]:
        one = {"loc": told(flaw.loc), "msg": cut(flaw.msg)}
        octets += len(orjson.dumps(one))
        if octets > _MOST_TOLD:
            break
        shown.append(one)
    if more or len(shown) < len(flaws):
        shown.append({"loc": [], "msg": more or f"and {len(flaws) - len(shown)} more"})
    return shown


def cut(words: str, longest: int = _LONGEST_WORDS) -> str:
    return words if len(words) <= longest else f"{words[:longest]}…"


def _name(part: str) -> str:
    cut = part if len(part) <= _LONGEST_NAME else f"{part[:_LONGEST_NAME]}…"
    return cut.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def invalid(*flaws: Flaw, more: str = "") -> Refused:
    """A request with these flaws; `more` as in `Refused`."""
    first = flaws[0]
    where = ".".join(map(str, told(first.loc)))[:_LONGEST_PLACE]
    others = more or (f"and {len(flaws) - 1} more" if len(flaws) > 1 else "")
    detail = cut(f"{where}: {first.msg}", _LONGEST_DETAIL) + (f" ({others})" if others else "")
    return Refused(INVALID, detail, flaws, more=more)


def not_found(noun: str) -> Refused:
    """Also for what belongs to another project, so that nobody learns of it."""
    return Refused(NOT_FOUND, f"there is no such {noun}")


def contested(what: str) -> Refused:
    """An uncommitted transaction holds the request's own key; nothing was changed."""
    return Refused(
        STILL_RUNNING,
        f"another request, or a transaction in SQL, that is not committed yet holds {what}; "
        "nothing was changed, try again",
        headers={"retry-after": "1"},
    )


CAUSES: Mapping[str, str] = {
    "database": "the database cannot be reached; nothing was accepted for certain",
    "read_only": "the database takes no writes (a standby after a fail-over?); nothing was accepted",
    "lock": "a transaction that is not committed holds what this needs; nothing was accepted",
    "overload": "all connections to the database are busy; nothing was accepted for certain",
    "files": "the store of files does not answer",
    "keys": "the keys that tokens are signed with cannot be fetched",
}
"""The text for each `cause` of an `unavailable` problem."""


def unavailable(cause: str, detail: str | None = None) -> Refused:
    """A temporary failure; a retry with the same Idempotency-Key is safe."""
    return Refused(
        UNAVAILABLE, detail or CAUSES[cause], headers={"retry-after": "2"}, members={"cause": cause}
    )
