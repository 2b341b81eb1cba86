"""Many items in requests of up to 10,000 or 10 MiB, read lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hermodr_client.errors import Flaw, NotSendable
from hermodr_client.models.notifications import Rejected
from hermodr_client.part import encoded

MOST_ITEMS = 10_000
MOST_OCTETS = 10 * 1024 * 1024
I = TypeVar("I")  # noqa: E741


@dataclass(frozen=True, slots=True)
class Chunk:
    """`first` is the place of its first item; `body` is NDJSON."""

    first: int
    body: bytes


def chunks(items: Iterable[I], document_of: Callable[[I], Mapping[str, Any]]) -> Iterator[Chunk]:
    """Raises `NotSendable` for an item that JSON cannot express or that is larger than 10 MiB."""
    lines: list[bytes] = []
    size = 0
    index = -1
    for index, item in enumerate(items):
        line = _line(item, index, document_of)
        if len(lines) == MOST_ITEMS or size + len(line) > MOST_OCTETS:
            yield Chunk(index - len(lines), b"".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield Chunk(index + 1 - len(lines), b"".join(lines))


def rejected(entry: Mapping[str, Any], first: int) -> Rejected:
    flaws = tuple(
        Flaw(tuple(each.get("loc", ())), str(each.get("msg", ""))) for each in entry.get("errors", ())
    )
    return Rejected(first + int(entry["index"]), flaws)


def _line(item: I, index: int, document_of: Callable[[I], Mapping[str, Any]]) -> bytes:
    try:
        line = encoded(document_of(item)) + b"\n"
    except (KeyError, TypeError, ValueError) as error:
        reason = f"has no `{error.args[0]}`" if isinstance(error, KeyError) else str(error)
        raise NotSendable(f"item {index}: {reason}") from error
    if len(line) > MOST_OCTETS:
        raise NotSendable(f"item {index}: is larger than a request may be (10 MiB)")
    return line
