"""Lists on a terminal. Ids are never cut or broken, so that they can be copied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from rich import box
from rich.table import Table
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote.showing import console, show_document, width

ModelT = TypeVar("ModelT", bound=BaseModel)

EDGES, BETWEEN = 2, 3
LEAST_FOLDED = 24
"""The least width of a folded column, unless its longest word is longer (`render_missing_variable`)."""


@dataclass(frozen=True, slots=True)
class Column:
    """`whole`: never folded. In a narrow terminal columns fold first (`folds`, or `leaves` is 0) down to `least`;
    then they are left out, `leaves` 1 first."""

    title: str
    cells: Sequence[Text]
    whole: bool = False
    leaves: int = 0
    folds: bool = False
    right: bool = False
    least: int = 0

    def widest(self) -> int:
        lines = (line for cell in self.cells for line in cell.split("\n"))
        return max(len(self.title), *(line.cell_len for line in lines), 0)

    def narrowest(self) -> int:
        words = (len(word) for cell in self.cells for word in cell.plain.split())
        longest = max(len(self.title), *words, 0)
        return (
            self.widest() if self.whole else max(self.least, min(longest, max(LEAST_FOLDED, len(self.title))))
        )


def show_list(
    found: Sequence[ModelT],
    columns_of: Callable[[Sequence[ModelT]], Sequence[Column]],
    *,
    none: str,
    as_json: bool,
) -> None:
    """The rows as a table, or as one JSON document. Without rows `none` is announced."""
    if as_json:
        show_document({"data": [each.model_dump(mode="json") for each in found]})
    elif found:
        show(columns_of(found))
    else:
        output.announce(none)


def show(columns: Sequence[Column]) -> None:
    """In a pipe nothing is folded or left out."""
    print(drawn(columns, width()))


def drawn(columns: Sequence[Column], room: int | None) -> str:
    """The table, in `room` characters if possible; `None`: each row is one line."""
    kept = fitting(columns, room)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in kept:
        table.add_column(
            column.title,
            no_wrap=column.whole or room is None,
            min_width=column.narrowest(),
            overflow="fold",
            justify="right" if column.right else "left",
        )
    for row in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*row)
    needed = _span([column.narrowest() for column in kept])
    most = _span([column.widest() for column in kept])
    screen = console(most if room is None else max(room, needed))
    with screen.capture() as capture:
        screen.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")


def fitting(columns: Sequence[Column], room: int | None) -> list[Column]:
    kept = list(columns)
    for leaver in sorted((column for column in columns if column.leaves), key=lambda column: column.leaves):
        if room is None or _span([_wanted(column) for column in kept]) <= room:
            break
        kept.remove(leaver)
    return kept


def _wanted(column: Column) -> int:
    return column.narrowest() if column.folds or not column.leaves else column.widest()


def _span(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1) + EDGES
