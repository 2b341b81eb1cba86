"""Many items in requests of up to 10,000 or 10 MiB, read lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hermodr_client.errors import Flaw, NotSendable
from hermodr_client.models.notifications import Rejected
from hermodr_client.part import encoded

MOST_ITEMS = 10_000
MOST_OCTETS = 10 * 1024 * 1024
I = TypeVar("I")  # noqa: E741
T = TypeVar("T")


@dataclass(slots=True)
class Chunk:
    """What one request holds, as NDJSON. `places`: of its items, from 0 in what was given; `unsendable`: those read
    meanwhile that no request can carry."""

    places: list[int] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    octets: int = 0
    unsendable: list[Rejected] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.lines)

    def rejected(self, told: Iterable[Mapping[str, Any]]) -> list[Rejected]:
        """Those that the API has `told` of, and the unsendable ones, by their places."""
        by_api = (Rejected(self.places[int(each["index"])], _flaws(each)) for each in told)
        return sorted([*self.unsendable, *by_api], key=lambda each: each.index)

    def placed(self, told: Sequence[T]) -> list[T | None]:
        """What was `told` of each item of the request, in the order given; None for unsendable ones."""
        of_place = dict(zip(self.places, told, strict=False))
        return [of_place.get(at) for at in sorted({*self.places, *(each.index for each in self.unsendable)})]


def chunks(items: Iterable[I], document_of: Callable[[I], Mapping[str, Any]]) -> Iterator[Chunk]:
    """The last one may have no lines."""
    chunk = Chunk()
    for index, item in enumerate(items):
        try:
            line = _line(item, document_of)
        except NotSendable as error:
            chunk.unsendable.append(Rejected(index, (Flaw((), str(error)),)))
            continue
        if len(chunk.lines) == MOST_ITEMS or chunk.octets + len(line) > MOST_OCTETS:
            yield chunk
            chunk = Chunk()
        chunk.places.append(index)
        chunk.lines.append(line)
        chunk.octets += len(line)
    if chunk.lines or chunk.unsendable:
        yield chunk


def _flaws(entry: Mapping[str, Any]) -> tuple[Flaw, ...]:
    return tuple(
        Flaw(tuple(each.get("loc", ())), str(each.get("msg", ""))) for each in entry.get("errors", ())
    )


def _line(item: I, document_of: Callable[[I], Mapping[str, Any]]) -> bytes:
    """Raises `NotSendable` for an item that JSON cannot express or that is larger than 10 MiB."""
    try:
        line = encoded(document_of(item)) + b"\n"
    except NotSendable:
        raise
    except KeyError as error:
        raise NotSendable(f"has no `{error.args[0]}`") from error
    except Exception as error:  # whatever the item itself does when it is read
        raise NotSendable(f"cannot be read: {type(error).__name__}") from error
    if len(line) > MOST_OCTETS:
        raise NotSendable("is larger than a request may be (10 MiB)")
    return line
