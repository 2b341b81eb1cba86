"""Declaring tasks, finding them, and what they are given."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from hermodr_worker import TaskCancelled, TaskContext, task
from hermodr_worker.context import MOST_OF_A_MESSAGE
from hermodr_worker.discovery import collected
from hermodr_worker.endings import failed, places
from hermodr_worker.errors import Unusable


class Model(BaseModel):
    number: int


@dataclass
class Plain:
    number: int


@task("typed", timeout=5, retries=0, users=True, concurrency=2, rate="30/m")
async def typed(ctx: TaskContext, payload: Model) -> Plain:
    return Plain(payload.number)


@task("free")
def free(ctx: TaskContext, payload: Any) -> Any:
    return payload


def context(**more: Any) -> TaskContext:
    return TaskContext(UUID(int=1), 1, project_id=UUID(int=2), **more)


async def test_a_task_can_be_called_as_its_function_and_is_declared_with_its_schema() -> None:
    assert await typed(context(), Model(number=1)) == Plain(1)
    said = typed.declared(1800.0)
    assert (said.name, said.users, said.timeout_seconds, said.retries) == ("typed", True, 5, 0)
    assert (said.concurrency, said.rate) == (2, 0.5)
    assert said.payload_schema is not None
    assert said.payload_schema["required"] == ["number"]
    assert free.declared(1800.0).payload_schema is None
    assert free.declared(1800.0).timeout_seconds == 1800.0


def test_payloads_are_read_and_results_written_by_their_types() -> None:
    assert typed.arguments(context(), '{"number": 7}')[1] == Model(number=7)
    with pytest.raises(ValidationError):
        typed.arguments(context(), '{"number": "x"}')
    assert typed.result(Plain(7)) == '{"number":7}'
    assert free.arguments(context(), '{"a": [1]}')[1] == {"a": [1]}
    assert free.result({"a": float("nan")}) == '{"a":null}'


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": 24 * 3600 + 1},
        {"retries": -1},
        {"retries": 31},
        {"concurrency": 0},
        {"retry_delay": -1},
        {"rate": "0/s"},
        {"rate": "often"},
    ],
)
def test_what_cannot_be_is_refused_when_declared(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unusable, match=next(iter(wrong))):
        task("some", **wrong)


@pytest.mark.parametrize("name", ["", "Capital", "-first", "a b", "x" * 101, "a\n"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(Unusable):
        task(name)


def test_a_function_takes_a_context_and_perhaps_a_payload() -> None:
    with pytest.raises(Unusable, match="TaskContext"):
        task("none")(lambda: None)
    with pytest.raises(Unusable, match="TaskContext"):
        task("three")(lambda _a, _b, _c: None)


def test_tasks_are_found_by_entry_points_alone_or_in_a_module() -> None:
    here = __name__ if __name__ != "__main__" else "tests.unit.worker.test_definition"
    one = EntryPoint("one", f"{here}:typed", "hermodr.tasks")
    whole = EntryPoint("whole", here, "hermodr.tasks")
    assert list(collected([one])) == ["typed"]
    assert set(collected([whole, one])) == {"typed", "free"}
    for wrong, said in (("nowhere.at_all", "nowhere"), (f"{here}:Model", "neither"), ("json", "neither")):
        with pytest.raises(Unusable, match=said):
            collected([EntryPoint("wrong", wrong, "hermodr.tasks")])


async def test_progress_is_told_awaited_or_not_and_ends_a_task_that_is_to_stop() -> None:
    told: list[None] = []
    ctx = context(told=lambda: told.append(None))
    await ctx.progress(1, 4, "x\0" + "y" * 1000)
    ctx.progress(2, 4)
    assert len(told) == 2
    assert ctx.latest is not None
    assert ctx.latest.shown() == {"current": 2, "total": 4, "percentage": 50, "message": None}
    for current, total in ((-1, 4), (5, 4), (1, 2**60)):
        with pytest.raises(ValueError, match="progress"):
            ctx.progress(current, total)
    ctx.stop()
    assert not ctx.obeyed
    with pytest.raises(TaskCancelled):
        ctx.progress(3, 4)
    assert ctx.obeyed


def test_messages_are_cut_and_can_be_stored() -> None:
    ctx = context()
    ctx.progress(0, 0, "\0\ud800" + "y" * 1000)
    assert ctx.latest is not None
    message = ctx.latest.message
    assert message is not None
    assert message.startswith("\ufffd\ufffdyy")
    assert len(message) == MOST_OF_A_MESSAGE
    assert ctx.latest.percentage == 0


def test_of_an_exception_type_and_places_are_kept() -> None:
    def connect(password: str) -> None:
        raise ConnectionError(f"postgres://me:{password}@host")

    with pytest.raises(ConnectionError) as caught:
        connect("hunter2")
    ended = failed(caught.value)
    assert ended.error == "ConnectionError"
    assert "in connect" in places(caught.value)
    assert "hunter2" not in f"{ended.error} {ended.detail}"
