"""What a notification says about the window in which it waits for others."""

from collections.abc import Iterator
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, Field, model_validator

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import JsonObject, Label, Part
from hermodr_api.http.json_text import dump
from hermodr_contracts.spans import seconds_of

LONGEST_SECONDS = 7 * 86_400
SUPPLIED = ("items", "total")
"""What Hermodr adds to the data."""


def _window(text: str) -> str:
    seconds_of(text, most=LONGEST_SECONDS)
    return text


Window = Annotated[str, Field(max_length=20), AfterValidator(_window)]


class DigestIn(Part):
    """What comes for the same recipient (or bare address) with the same `type` and `key` within the `window` becomes
    one message, whose template sees `items` (the `data` of each, newest last, at most 100) and their `total`."""

    key: Label = Field(description="What belongs together.", examples=["photo-4711"])
    window: Window = Field(
        description="From the first to the message: `90s`, `10m`, `24h`; 1 s to 7 d.", examples=["10m"]
    )
    max_window: Window | None = Field(
        default=None,
        description="With it the window slides: each puts the message off to `window` after itself, to at most this "
        "after the first. Without it the message comes `window` after the first, however many follow.",
        examples=["1h"],
    )
    first: Literal["wait", "now"] = Field(
        default="wait", description="`now`: the first is sent at once, by itself; those that follow wait."
    )

    @model_validator(mode="after")
    def _longer(self) -> Self:
        if self.max_window is not None and seconds_of(self.max_window) < seconds_of(self.window):
            raise ValueError("max_window is shorter than window")
        return self

    @property
    def stored(self) -> str:
        """`NewJob.digest`."""
        longest = seconds_of(self.max_window) if self.max_window is not None else None
        return dump(
            {
                "key": self.key,
                "window": seconds_of(self.window),
                "max_window": longest,
                "first": self.first,
            }
        )


class _Wanted(Protocol):
    @property
    def digest(self) -> DigestIn | None: ...
    @property
    def has_content(self) -> bool: ...
    @property
    def attachments(self) -> object: ...
    @property
    def data(self) -> JsonObject: ...


def digest_flaws(wanted: _Wanted, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    """What cannot stand beside a `digest`."""
    if wanted.digest is None:
        return
    if wanted.has_content:
        yield Flaw((*at, "digest"), "needs a type alone: only a template shows several items")
    if wanted.attachments:
        yield Flaw((*at, "attachments"), "cannot stand beside digest: a message of many takes none along")
    for name in SUPPLIED:
        if name in wanted.data:
            yield Flaw((*at, "data", name), "needs another name: with digest this one is supplied by Hermodr")
