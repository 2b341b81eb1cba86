"""Refuses unknown, repeated and unreadable query parameters."""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from hermodr_api.errors import Flaw, invalid


async def known_parameters(request: Request) -> None:
    """A dependency for routes without a caller."""
    only_known(request)


def only_known(request: Request) -> None:
    """Raises `Refused` if one is unknown, repeated or not UTF-8: a misspelt filter would select too much."""
    query: bytes = request.scope["query_string"]
    if not query:
        return
    route = request.scope.get("route")
    known = dict.fromkeys(_names(route.dependant)) if isinstance(route, APIRoute) else {}
    unknown = f"there is no such parameter; there {_listed(list(known))}"
    names: Counter[str] = Counter()
    flaws = []
    for pair in query.split(b"&"):
        name, value = (_text(part) for part in (pair.partition(b"=")[0], pair.partition(b"=")[2]))
        shown = name if name is not None else "?"
        names[shown] += 1
        if name is None or value is None:
            flaws.append(Flaw(("query", shown), "is not UTF-8"))
        elif name not in known and pair:
            flaws.append(Flaw(("query", shown), unknown))
        elif names[shown] == 2 and pair:
            flaws.append(Flaw(("query", shown), "is given twice"))
    if flaws:
        raise invalid(*flaws)


def _listed(names: list[str]) -> str:
    return "are none here" if not names else f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"


def _text(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        return None


def _names(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        yield from _names(inner)
    for parameter in dependant.query_params:
        yield parameter.alias
