"""Quotas on a terminal."""

from rich.text import Text

from hermodr_cli.remote.columns import Column
from hermodr_client.models.operations import Quotas, Usage
from hermodr_contracts.quotas import OFF, Quota, parse


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


def limit_of(quota: Quota, text: str) -> int | str | None:
    """`off`, `default`, or as in `HERMODR_QUOTA_…`; digits may be grouped. Raises `ValueError`."""
    if text == "default":
        return None
    limit = parse(quota, text.replace(",", "").replace("_", ""))
    return OFF if limit is None else limit
