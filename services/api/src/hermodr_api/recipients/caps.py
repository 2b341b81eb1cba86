"""Frequency caps: how many notifications somebody gets within a time."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hermodr_api.http.bodies import Part
from hermodr_api.http.fields import Type
from hermodr_contracts.spans import seconds_of

LONGEST_SECONDS = 31 * 86_400


def _is_span(text: str) -> str:
    seconds_of(text, most=LONGEST_SECONDS)
    return text


class CapIn(Part):
    """At most `max` notifications within any span of `per`. Urgent and critical ones pass, and are not counted."""

    max: Annotated[int, Field(ge=1, le=1_000, strict=True)] = Field(
        description="So many, at most.", examples=[3]
    )
    per: Annotated[str, Field(max_length=20), AfterValidator(_is_span)] = Field(
        description="The span: `90s`, `15m`, `24h`, `7d`; 1 s to 31 d.", examples=["24h"]
    )
    types: Annotated[list[Type], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="The types that are counted and held back; by default all.",
        examples=[["news"]],
    )
    overflow: Literal["digest", "defer", "skip"] = Field(
        default="defer",
        description="What becomes of those above: `defer` waits for a free place, `digest` makes one message of all "
        "that wait for it, `skip` drops them.",
    )


Caps = Annotated[list[CapIn], Field(max_length=20)]
