"""Commands that are imported when they are called: whoever asks for the version does not wait for a database driver."""

import gc
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, as `module:name` of its function or of the `Typer` of its group, and its line of help."""

    path: str
    help: str


class LazyGroup(TyperGroup):
    """A group whose commands are its `entries`. Its help needs none of them; a call imports the one it is about."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in self.entries.items():
            self.add_command(TyperCommand(name, help=entry.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, where its line of help stood."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.loaded(name) if name else None, rest

    def loaded(self, name: str) -> Any:
        """Imports the command."""
        module, _, attribute = self.entries[name].path.partition(":")
        gc.disable()  # imports make next to no garbage, and the search for it takes a tenth of their time
        try:
            found = getattr(importlib.import_module(module), attribute)
        finally:
            gc.enable()
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(name)(found)
            return get_command(alone)
        group = get_group(found)
        group.name = name
        return group
