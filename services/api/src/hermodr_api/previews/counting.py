"""What a text would be paid by."""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel, Field

from hermodr_contracts.phones import country_of
from hermodr_contracts.segments import GSM_7, segments_and_left, strangers_in
from hermodr_servicekit.text_prices import Prices

_MOST_SHOWN = 20


class CostView(BaseModel):
    """At the first provider whose price of a segment is configured (`price=`, `price_DE=` in its DSN)."""

    provider: str
    per_segment: str = Field(description="A decimal number.", examples=["0.0075"])
    total: str = Field(description="Of all segments.", examples=["0.015"])
    currency: str | None = Field(description="As configured.", examples=["EUR"])


class CountView(BaseModel):
    """A text as providers count it. `used`, `left`: in septets of GSM-7 (characters; `^{}\\[~]|€` are two), or in code
    units of UCS-2 (characters; emoji are two or more)."""

    segments: int
    encoding: str = Field(description="`GSM-7`, or `UCS-2` if one character is not in its alphabet.")
    used: int
    left: int = Field(description="Until the next segment begins.")
    most_segments: int = Field(description="More are not sent.")
    country: str | None = Field(description="Of the recipient's phone: it decides the price.")
    cost: CostView | None = Field(description="`null` if no price is configured.")


class Counting:
    """Texts of at most `most` segments; `prices` of the providers in order."""

    def __init__(self, most: int, prices: Sequence[Prices]) -> None:
        self._most = most
        self._prices = prices

    def of(self, text: str, phone: str | None) -> CountView:
        """`phone` in E.164: the recipient's, if it is known."""
        counted, left = segments_and_left(text)
        country = country_of(phone) if phone is not None else None
        return CountView(
            segments=counted.number,
            encoding=counted.encoding,
            used=counted.units,
            left=left,
            most_segments=self._most,
            country=country,
            cost=self._cost(counted.number, country),
        )

    def warnings_of(self, text: str, counted: CountView) -> list[str]:
        warnings = []
        if not text:
            warnings.append("the text is empty: it would not be sent")
        if counted.segments > self._most:
            warnings.append(f"the text has {counted.segments} segments: at most {self._most} are sent")
        if counted.encoding != GSM_7:
            strangers = strangers_in(text)
            shown = " ".join(map(_shown, strangers[:_MOST_SHOWN]))
            shown += " …" if len(strangers) > _MOST_SHOWN else ""
            warnings.append(
                f"not in the GSM alphabet, so that a segment holds 70 instead of 160 characters: {shown}"
            )
        return warnings

    def _cost(self, segments: int, country: str | None) -> CostView | None:
        for prices in self._prices:
            price = prices.of(country)
            if price is not None:
                total = _plain(price * segments)
                return CostView(
                    provider=prices.provider,
                    per_segment=_plain(price),
                    total=total,
                    currency=prices.currency,
                )
        return None


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _shown(character: str) -> str:
    """Those that cannot be seen, such as a no-break space, by their number."""
    return character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
