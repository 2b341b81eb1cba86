"""Quotas on a terminal."""

from rich.text import Text

from hermodr_cli.remote.columns import Column
from hermodr_client.models.operations import Quotas, Usage

OFF = "off"


def columns_of(quotas: Quotas, usage: Usage) -> list[Column]:
    """A row for each quota."""
    names = list(Quotas.model_fields)
    return [
        Column("quota", [Text(name) for name in names], whole=True),
        Column("used", [Text(number(getattr(usage, name))) for name in names], right=True),
        Column("limit", [Text(number(getattr(quotas, name))) for name in names], right=True),
    ]


def number(value: int | None) -> str:
    return OFF if value is None else f"{value:,}"


def limit_of(text: str) -> int | str | None:
    """`off`, `default`, or a number. Raises `ValueError`."""
    if text == OFF:
        return OFF
    return None if text == "default" else int(text.replace(",", "").replace("_", ""))
