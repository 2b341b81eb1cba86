"""What a notification says about channels that follow each other until somebody looked."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Part
from hermodr_api.http.json_text import dump
from hermodr_contracts.spans import seconds_of

LONGEST_SECONDS = 30 * 86_400
"""Of all steps together: as long the job is unfinished."""


def _span(text: str) -> str:
    seconds_of(text, most=LONGEST_SECONDS)
    return text


Span = Annotated[str, Field(max_length=20), AfterValidator(_span)]


class EscalateIn(Part):
    """One channel after another, in the order of `channels`, until somebody looked."""

    after: Span | Annotated[list[Span], Field(min_length=1, max_length=4)] = Field(
        description="How long each channel but the first waits for a look: a span (`10m`, `1h`, `2d`), or one for each "
        "of them; 1 s to 30 d together.",
        examples=["1h"],
    )
    unless: Literal["read"] = Field(
        default="read",
        description="What ends it: `read`, archived, snoozed or deleted in the inbox; a mail that its reader opened, "
        "where the provider reports that.",
    )

    @property
    def spans(self) -> list[int]:
        """In seconds; a single one holds for every step."""
        return [seconds_of(each) for each in ([self.after] if isinstance(self.after, str) else self.after)]

    def stored(self, steps: int) -> str:
        """`NewJob.escalate`, of so many channels."""
        spans = self.spans
        after = spans * (steps - 1) if len(spans) == 1 else spans
        return dump({"after": after, "unless": self.unless})


class _Wanted(Protocol):
    @property
    def escalate(self) -> EscalateIn | None: ...
    @property
    def channels(self) -> Sequence[object] | None: ...
    @property
    def digest(self) -> object: ...


def escalate_flaws(wanted: _Wanted, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    """What cannot stand beside `escalate`."""
    if wanted.escalate is None:
        return
    if wanted.digest is not None:
        yield Flaw((*at, "escalate"), "cannot stand beside digest: what is sent as one message goes at once")
    asked = wanted.channels
    if asked is None or len(asked) < 2:
        yield Flaw((*at, "escalate"), "needs channels: two or more, in their order")
        return
    if len(set(asked)) < len(asked):
        yield Flaw((*at, "channels"), "a channel stands twice; with escalate each is one step")
        return
    spans = wanted.escalate.spans
    if len(spans) not in (1, len(asked) - 1):
        reason = f"needs one span, or {len(asked) - 1}: one before each channel but the first"
        yield Flaw((*at, "escalate", "after"), reason)
    elif (sum(spans) if len(spans) > 1 else spans[0] * (len(asked) - 1)) > LONGEST_SECONDS:
        yield Flaw((*at, "escalate", "after"), f"is longer than {LONGEST_SECONDS // 86_400} days in all")
