"""Checks for `hermodr doctor` whether every provider of a sender lets us in. Nothing is sent."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hermodr_delivery.failures import DeliveryFailure
from hermodr_delivery.provider import Provider


async def checkup(providers: Sequence[Provider[Any]]) -> list[dict[str, object]]:
    """For each provider `name`, `place`, `ok` and `detail`, without credentials."""
    return await asyncio.gather(*map(_examined, providers))


async def _examined(provider: Provider[Any]) -> dict[str, object]:
    try:
        detail, ok = await provider.check(), True
    except DeliveryFailure as failure:
        detail, ok = str(failure), False
    return {"name": provider.name, "place": provider.place, "ok": ok, "detail": detail}
