"""Declares tasks: `@task("data-export", timeout=1800, retries=3)` above a function."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

import pydantic_core
from pydantic import TypeAdapter

from hermodr_ledger.tasks.types import TaskType
from hermodr_worker.context import TaskContext
from hermodr_worker.errors import Unusable

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_RUN_SECONDS = 24 * 3600
MOST_RETRIES = 30
LONGEST_DELAY_SECONDS = 3600.0
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Task(Generic[P, R]):
    """A declared task; calling it calls its function. `timeout` `None`: the worker's default."""

    name: str
    function: Callable[P, R]
    timeout: float | None
    retries: int
    users: bool
    concurrency: int | None
    rate: float | None
    retry_delay: float
    process: bool = False
    per_key: int | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def limited(self) -> bool:
        """For all workers together."""
        return (self.concurrency, self.rate, self.per_key) != (None, None, None)

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return get_type_hints(self.function, include_extras=True)

    @cached_property
    def _parameters(self) -> list[str]:
        return list(inspect.signature(self.function).parameters)

    @cached_property
    def payload(self) -> TypeAdapter[Any] | None:
        """Reads payloads; `None`: the function takes none, or says nothing of its type."""
        annotation = self._hints.get(self._parameters[1], Any) if len(self._parameters) > 1 else Any
        return None if annotation is Any else TypeAdapter(annotation)

    @cached_property
    def _result(self) -> TypeAdapter[Any] | None:
        annotation = self._hints.get("return", Any)
        return None if annotation is Any else TypeAdapter(annotation)

    def arguments(self, context: TaskContext, payload: str) -> list[Any]:
        """Of the function. Raises `ValidationError` for a payload (JSON text) that does not fit."""
        if len(self._parameters) == 1:
            return [context]
        if self.payload is None:
            return [context, pydantic_core.from_json(payload)]
        return [context, self.payload.validate_json(payload)]

    def result(self, value: Any) -> str:
        """As JSON text. Raises `ValueError` or `TypeError` for what is none."""
        if self._result is not None:
            return self._result.dump_json(value, warnings="none").decode()
        return pydantic_core.to_json(value, inf_nan_mode="null").decode()

    def declared(self, default_timeout: float) -> TaskType:
        """What the api is told."""
        return TaskType(
            self.name,
            self.users,
            self.payload.json_schema() if self.payload is not None else None,
            self.timeout or default_timeout,
            self.retries,
            self.concurrency,
            self.rate,
        )


def task(
    name: str,
    *,
    timeout: float | None = None,
    retries: int = 3,
    users: bool = False,
    concurrency: int | None = None,
    rate: str | None = None,
    retry_delay: float = 10.0,
    process: bool = False,
    per_key: int | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Declares a function as a task. It takes a `TaskContext` and, if it needs one, a payload; both it and the result
    are of any type that pydantic can read and write. A function without `async` runs in a thread.

    `timeout`: seconds for one attempt. `retries`: attempts after the first, `retry_delay` seconds later, doubling up to
    an hour. `users`: end users may start it. `concurrency` and `rate` (`10/s`, `100/m`) limit all workers together;
    `per_key` limits how many run at a time of one `fairness_key`, which for end users is their own.
    `process`: it runs in a process of its own, which can be killed. Raises `Unusable`.
    """
    if not _NAME.fullmatch(name):
        raise Unusable(f"{name[:40]!r} is no name of a task: small letters, digits, - _ . only")
    limits = (
        (timeout is None or 0 < timeout <= LONGEST_RUN_SECONDS, "timeout: up to a day, in seconds"),
        (0 <= retries <= MOST_RETRIES, f"retries: 0 to {MOST_RETRIES}"),
        (concurrency is None or concurrency >= 1, "concurrency: 1 or more"),
        (per_key is None or per_key >= 1, "per_key: 1 or more"),
        (0 <= retry_delay <= LONGEST_DELAY_SECONDS, "retry_delay: up to an hour, in seconds"),
    )
    for holds, said in limits:
        if not holds:
            raise Unusable(f"task {name}: {said}")
    per_second = _rate_of(name, rate) if rate is not None else None

    def declare(function: Callable[P, R]) -> Task[P, R]:
        taken = len(inspect.signature(function).parameters)
        if taken not in (1, 2):
            raise Unusable(f"task {name}: its function takes a TaskContext and perhaps a payload")
        if process and inspect.iscoroutinefunction(function):
            raise Unusable(f"task {name}: process: is for functions without async")
        return Task(
            name, function, timeout, retries, users, concurrency, per_second, retry_delay, process, per_key
        )

    return declare


def _rate_of(name: str, text: str) -> float:
    """`"10/s"` → 10.0 a second."""
    written = re.fullmatch(r"([0-9]{1,6})/([smh])", text)
    if written is None or int(written[1]) == 0:
        raise Unusable(f"task {name}: rate: such as 10/s, 100/m or 1/h")
    return int(written[1]) / _PER[written[2]]


AnyTask = Task[..., Any]
Function = Callable[..., Awaitable[Any]] | Callable[..., Any]
