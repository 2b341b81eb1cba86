from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Answer(BaseModel):
    """Immutable. Members that a newer Hermodr adds are kept, as attributes and in `model_dump()`. Validators are
    built at first use: building all of them takes 0.1 s."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class Page(Answer, Generic[T]):
    """A page of a list. `next_cursor` is None on the last one."""

    data: list[T]
    next_cursor: str | None = None


class Listed(Answer, Generic[T]):
    """A list without pages."""

    data: list[T]
