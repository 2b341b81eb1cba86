"""Operations are written once, as plans, and work in both clients.

    class Jobs(Part[W]):
        @operation
        def get(self, job_id: UUID) -> Steps[JobDetail]: ...

    Hermodr().jobs.get(…)             → JobDetail
    await AsyncHermodr().jobs.get(…)  → JobDetail

The type checker tells them apart by `W`.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from hermodr_client.awaiting import Awaiting
from hermodr_client.blocking import Blocking
from hermodr_client.exchange import Steps
from hermodr_client.paging import Listing
from hermodr_client.part import Part
from hermodr_client.streaming import Following

P = ParamSpec("P")
T = TypeVar("T")


class operation(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a plan into a method that blocks or is awaited."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self.plan = plan
        functools.update_wrapper(self, plan)  # type: ignore[arg-type]

    @overload
    def __get__(self, part: Part[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, part: Any, owner: type) -> Any:
        if part is None:
            return self

        @functools.wraps(self.plan)
        def call(*arguments: Any, **named: Any) -> Any:
            return part._way.run(self.plan(part, *arguments, **named))

        return call


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a `Listing` into an iterator, blocking or asynchronous."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Listing[T]]) -> None:
        self.plan = plan
        functools.update_wrapper(self, plan)  # type: ignore[arg-type]

    @overload
    def __get__(self, part: Part[Blocking], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, part: Any, owner: type) -> Any:
        if part is None:
            return self

        @functools.wraps(self.plan)
        def call(*arguments: Any, **named: Any) -> Any:
            return part._way.each(self.plan(part, *arguments, **named))

        return call


class streaming(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a `Following` into a generator, blocking or asynchronous."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Following[T]]) -> None:
        self.plan = plan
        functools.update_wrapper(self, plan)  # type: ignore[arg-type]

    @overload
    def __get__(self, part: Part[Blocking], owner: type) -> Callable[P, Generator[T]]: ...
    @overload
    def __get__(self, part: Part[Awaiting], owner: type) -> Callable[P, AsyncGenerator[T]]: ...
    def __get__(self, part: Any, owner: type) -> Any:
        if part is None:
            return self

        @functools.wraps(self.plan)
        def call(*arguments: Any, **named: Any) -> Any:
            return part._way.follow(self.plan(part, *arguments, **named))

        return call
