"""Frequency caps as rows of a form, of a recipient and of the project."""

from collections.abc import Mapping, Sequence
from typing import Any

from hermodr_api.console.forms import Form, whole, words


def typed(row: Mapping[str, str]) -> bool:
    """Whether anything stands in the row."""
    return any(row.get(name) for name in ("max", "per", "types"))


def caps_of(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The caps of `/v1`. Raises `Refused`."""
    return [
        {
            "max": whole(row.get("max"), f"caps.{number}.max"),
            "per": row.get("per", ""),
            "types": words(row.get("types")),
            "overflow": row.get("overflow", "defer"),
        }
        for number, row in enumerate(rows)
    ]


def cap_rows(form: Form) -> int:
    """How many rows to show: those there are, and an empty one."""
    return len(form.rows("caps", bool)) + 1
