"""Commands that are imported when they are called, so that `--version` loads no database driver."""

import gc
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from hermodr_cli import devkit


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, as `module:name` of its function or its group's `Typer`, and its line of help. `None`: in
    hermodr-devkit, under its own name."""

    path: str | None
    help: str


class LazyGroup(TyperGroup):
    """A group whose commands are its `entries`. Only a call imports a command, its help does not.

    Help leaves out those of hermodr-devkit where it is not installed; calling one says what to install.
    """

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in self.entries.items():
            self.add_command(TyperCommand(name, help=entry.help))

    def list_commands(self, _ctx: Any) -> list[str]:
        return [name for name, entry in self.entries.items() if entry.path or devkit.installed(name)]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.loaded(name) if name else None, rest

    def loaded(self, name: str) -> Any:
        """Raises `Refusal` when the command's package is not installed."""
        path = self.entries[name].path
        gc.disable()  # imports make next to no garbage, and the search for it takes a tenth of their time
        try:
            found = _imported(path) if path else devkit.command(name)
        finally:
            gc.enable()
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(name)(found)
            return get_command(alone)
        group = get_group(found)
        group.name = name
        return group


def _imported(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
