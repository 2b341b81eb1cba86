"""Finds tasks: an entry point of the group `hermodr.tasks` names a task, or a module with tasks in it."""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from hermodr_worker.definition import AnyTask, Task
from hermodr_worker.errors import Unusable

GROUP = "hermodr.tasks"


def discovered() -> Mapping[str, AnyTask]:
    """By name. Raises `Unusable` for one that cannot be imported, has no task, or declares a name again."""
    return collected(entry_points(group=GROUP))


def collected(points: Iterable[EntryPoint]) -> Mapping[str, AnyTask]:
    """As `discovered`, of these."""
    found: dict[str, AnyTask] = {}
    for point in points:
        try:
            loaded = point.load()
        except Exception as error:
            raise Unusable(
                f"entry point {point.name} ({point.value}): {type(error).__name__}: {error}"
            ) from error
        tasks = tasks_in(loaded)
        if not tasks:
            raise Unusable(
                f"entry point {point.name} ({point.value}) names neither a task nor a module with one"
            )
        for each in tasks:
            if found.setdefault(each.name, each) is not each:
                raise Unusable(f"two tasks are called {each.name}; the second is in {point.value}")
    return found


def tasks_in(what: object) -> list[AnyTask]:
    """The task itself, or those of a module."""
    if isinstance(what, Task):
        return [what]
    if isinstance(what, ModuleType):
        return [each for each in vars(what).values() if isinstance(each, Task)]
    return []
