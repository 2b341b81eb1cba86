"""Options of every provider's DSN (`hermodr_servicekit.dsn`): `rate=50/s` (or `off`), `project_rate=5/s`,
`concurrency=20`, `weight=3`, `from=…`; unknown options are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hermodr_contracts.rates import parse as parse_rate
from hermodr_delivery.provider import ProviderOptions
from hermodr_servicekit import dsn
from hermodr_servicekit.dsn import ProviderConfigError, Unusable

__all__ = ["Dsn", "Kind", "ProviderConfigError", "Unusable", "providers_of"]

_MAX_CONCURRENCY = 1000
_MAX_WEIGHT = 1000

T = TypeVar("T")


@dataclass(slots=True)
class Dsn(dsn.Dsn):
    def options(self, default: ProviderOptions = ProviderOptions()) -> ProviderOptions:  # noqa: B008 - frozen
        """Takes the options of every provider; `default` where the entry has none."""
        self.take("events")  # what its receipts are signed with; the api reads it
        given, concurrency = self.take("rate"), self.take("concurrency")
        rate, burst = (default.rate, default.burst) if given is None else _rate(given)
        of_project = self.take("project_rate")
        project_rate, project_burst = (
            (None, None) if of_project is None else _rate(of_project, "project_rate")
        )
        return ProviderOptions(
            rate=rate,
            burst=burst,
            concurrency=default.concurrency if concurrency is None else _concurrency(concurrency),
            sender=self.take("from"),
            weight=None if (weight := self.take("weight")) is None else _weight(weight),
            keeps_keys_seconds=default.keeps_keys_seconds,
            project_rate=project_rate,
            project_burst=project_burst,
        )


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """`name` is the base of its providers' names (`smtp`, `smtp-2`). `build` makes a provider or raises `Unusable`."""

    name: str
    build: Callable[[Dsn, str], T]


def providers_of(variable: str, dsns: str | Sequence[str], kinds: Mapping[str, Kind[T]]) -> list[T]:
    """`dsns` is the variable's value or its entries; `kinds` are by scheme. Raises `ProviderConfigError`."""

    def build(one: Dsn, name: str) -> T:
        provider = kinds[one.scheme].build(one, name)
        one.refuse_unknown_options()
        return provider

    return dsn.each_of(variable, dsns, {scheme: each.name for scheme, each in kinds.items()}, build, Dsn)


def _rate(value: str, option: str = "rate") -> tuple[float | None, int | None]:
    """The rate and, if it is given, the burst."""
    try:
        limit = parse_rate(value, burst=0)
    except ValueError as error:
        raise Unusable(f"has a {option} that {error}") from None
    return (None, None) if limit is None else (limit.rate, limit.burst or None)


def _weight(value: str) -> int:
    if not value.isdecimal() or len(value) > 4 or not 1 <= int(value) <= _MAX_WEIGHT:
        raise Unusable(f"has a weight that is not a number from 1 to {_MAX_WEIGHT}")
    return int(value)


def _concurrency(value: str) -> int:
    if not value.isdecimal() or len(value) > 4 or not 1 <= int(value) <= _MAX_CONCURRENCY:
        raise Unusable(f"has a concurrency that is not a number from 1 to {_MAX_CONCURRENCY}")
    return int(value)
