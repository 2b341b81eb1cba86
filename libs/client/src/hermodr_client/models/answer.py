"""What all answers have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Answer(BaseModel):
    """Immutable. Members a newer Hermodr adds are kept, as attributes and in `model_dump()`. A validator is built when
    the first answer of its kind is read: most programs read few kinds, and all of them cost 0.1 s of an import."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class Page(Answer, Generic[T]):
    """A page of a list. `next_cursor` is None on the last one."""

    data: list[T]
    next_cursor: str | None = None


class Listed(Answer, Generic[T]):
    """A list that comes whole."""

    data: list[T]
