"""What a segment of a text costs, as the operator says it: a DSN's `price=0.0075`, for single countries
`price_DE=0.08`, and `currency=EUR`. Previews show it; nothing is charged or limited by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hermodr_contracts.phones import COUNTRIES
from hermodr_servicekit.dsn import Dsn, Unusable, each_of

_COUNTRY = re.compile(r"price_([A-Z]{2})")
_PRICE = re.compile(r"\d{1,6}(\.\d{1,8})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a segment at one provider."""

    provider: str
    usual: Decimal | None
    by_country: Mapping[str, Decimal]
    currency: str | None

    def of(self, country: str | None) -> Decimal | None:
        """`None`: it is not said. Of an unknown country the usual one."""
        return self.usual if country is None else self.by_country.get(country, self.usual)


def take_prices(dsn: Dsn, provider: str) -> Prices:
    """Takes the options. Raises `Unusable`."""
    by_country: dict[str, Decimal] = {}
    for option in list(dsn.query):
        named = _COUNTRY.fullmatch(option)
        if named and named[1] in COUNTRIES:
            by_country[named[1]] = _price(dsn, option)
    usual = _price(dsn, "price") if "price" in dsn.query else None
    currency = dsn.take("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        raise Unusable("has a currency that is not three capital letters, such as EUR")
    return Prices(provider, usual, by_country, currency)


def prices_of(variable: str, dsns: str, kinds: Mapping[str, str]) -> Sequence[Prices]:
    """Of each provider, in order. Raises `ProviderConfigError`."""
    return each_of(variable, dsns, kinds, take_prices, Dsn)


def _price(dsn: Dsn, option: str) -> Decimal:
    given = dsn.take(option) or ""
    if not _PRICE.fullmatch(given):
        raise Unusable(f"has a {option} that is no price of a segment, such as 0.0075")
    return Decimal(given)
