"""Whom texts are from, by country: a DSN's `from=+15550100`, and for single countries `from_DE=Hermodr`.

A sender is a phone number in E.164, a short code (3 to 8 digits), or letters and digits (at most 11, with a letter;
3GPP TS 23.040 §9.1.2.5), which many countries refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_contracts.phones import COUNTRIES, phone_number
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.failures import PermanentError

_COUNTRY = re.compile(r"from_([A-Z]{2})")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_WORDS = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+._-]{1,11}")


@dataclass(frozen=True, slots=True)
class SenderIds:
    usual: str | None
    by_country: Mapping[str, str]

    def of(self, country: str | None) -> str:
        """Raises `PermanentError` if there is none for this country."""
        sender = self.by_country.get(country, self.usual) if country is not None else self.usual
        if sender is None:
            raise PermanentError("no_sender_for_country", f"no from= for {country or 'this number'}")
        return sender


def sender_ids(dsn: Dsn, usual: str | None, pool: re.Pattern[str]) -> SenderIds:
    """Takes `from_…`. `pool`: what a provider calls a group of senders that chooses by itself. Raises `Unusable`."""
    by_country: dict[str, str] = {}
    for option in list(dsn.query):
        named = _COUNTRY.fullmatch(option)
        if named and named[1] in COUNTRIES:
            by_country[named[1]] = _checked(dsn.take(option) or "", option, pool)
    if usual is not None:
        usual = _checked(usual, "from", pool)
    if usual is None and not by_country:
        raise Unusable("needs from=, whom texts are from")
    return SenderIds(usual, by_country)


def _checked(sender: str, option: str, pool: re.Pattern[str]) -> str:
    if pool.fullmatch(sender) or _SHORT_CODE.fullmatch(sender):
        return sender
    try:
        if sender.startswith("+"):
            return phone_number(sender)
    except ValueError as error:
        raise Unusable(f"has a {option} that {error}") from None
    if _WORDS.fullmatch(sender):
        return sender
    raise Unusable(
        f"has a {option} that is no phone number, short code, or name of at most 11 letters and digits"
    )
