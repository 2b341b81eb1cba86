"""WhatsApp's windows: within 24 hours of a person's message one may write to them freely, from the number they wrote
to. Later only with a template that Meta approved
(https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_contracts.phones import whatsapp_number
from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import recipients, whatsapp_windows

WINDOW = timedelta(hours=24)
MARGIN = timedelta(minutes=1)
"""So long before its end a window counts as closed: a message may be on its way when it ends."""

_ROW = whatsapp_windows.c
_OPEN = _ROW.opened_at > sa.func.now() - (WINDOW - MARGIN)
_OF_NUMBERS = _ROW.phone == sa.any_(sa.bindparam("numbers", type_=ARRAY(sa.Text)))
_FIND = sa.select(_ROW.phone, _ROW.provider).where(_OF_NUMBERS, _OPEN)
_PHONES = sa.select(recipients.c.id, recipients.c.phone).where(
    recipients.c.id == sa.any_(sa.bindparam("each_id", type_=ARRAY(sa.UUID))), recipients.c.phone.is_not(None)
)


# In one order, so that no two wait for each other.
_OPENED = """
INSERT INTO hermodr.whatsapp_windows AS w (phone, provider, opened_at)
SELECT given.phone, given.provider, least(max(given.at), now())
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS given(phone, provider, at)
GROUP BY given.phone, given.provider ORDER BY given.phone, given.provider
ON CONFLICT (phone, provider) DO UPDATE SET opened_at = greatest(w.opened_at, excluded.opened_at)
"""


class Message(NamedTuple):
    """A person's message to a provider's number; or one to them that failed for want of a window."""

    provider: str
    phone: str
    at: datetime


async def opened(statements: Statements, messages: Sequence[Message]) -> None:
    """A later message counts. One from the future is of now; one that is too old opens nothing."""
    await statements.fetch(
        _OPENED,
        [whatsapp_number(each.phone) for each in messages],
        [each.provider for each in messages],
        [each.at for each in messages],
    )


async def open_with(statements: Statements, phones: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """By phone, the providers whose window with it is open."""
    plain = {each: whatsapp_number(each) for each in phones}
    found: dict[str, set[str]] = {}
    for row in await fetch(statements, _FIND, numbers=list(set(plain.values()))):
        found.setdefault(row["phone"], set()).add(row["provider"])
    return {each: frozenset(found.get(number, ())) for each, number in plain.items()}


async def phones_of(statements: Statements, recipient_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Of those that have one."""
    return {row["id"]: row["phone"] for row in await fetch(statements, _PHONES, each_id=list(recipient_ids))}


_CLOSED = """
DELETE FROM hermodr.whatsapp_windows w
USING unnest($1::text[], $2::text[], $3::timestamptz[]) AS given(phone, provider, before)
WHERE w.phone = given.phone AND w.provider = given.provider AND w.opened_at < given.before
"""


async def close(statements: Statements, missing: Sequence[Message]) -> None:
    """The providers say that there is none; one that a message of after `at` opened stays."""
    await statements.fetch(
        _CLOSED,
        [whatsapp_number(each.phone) for each in missing],
        [each.provider for each in missing],
        [each.at for each in missing],
    )


async def forget(statements: Statements, phones: Sequence[str]) -> None:
    """Of an erased person."""
    if phones:
        numbers = [whatsapp_number(each) for each in phones]
        await fetch(statements, sa.delete(whatsapp_windows).where(_OF_NUMBERS), numbers=numbers)


async def forget_closed(statements: Statements, now: datetime) -> None:
    await fetch(statements, sa.delete(whatsapp_windows).where(_ROW.opened_at < now - WINDOW))
