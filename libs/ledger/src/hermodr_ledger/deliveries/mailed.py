"""Reports that come as mail. A signed return path shows which delivery one is about; its addresses are the words of
whoever wrote it, and count only if our mail went there."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.addresses import email_address
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import Receipt, ReceiptKind, take
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.tables import deliveries, jobs
from hermodr_servicekit.ids import job_in, job_of, last_child_of
from hermodr_servicekit.mail_reports import Mail, MailKind, MailReport, read
from hermodr_servicekit.return_paths import ReturnPaths

UNSIGNED = "unsigned"
"""Found by our Message-ID alone, which everybody knows who got the mail or an answer to it."""
UNCLEAR = "unclear"
"""The mail went to several, and the report names none of them."""
_OLDEST = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Told:
    """What a mail said. `known`: how many of its reports had been there before; `unknown`: of no delivery that is here,
    or of one that nobody signed for; `ignored`: tell nothing of a delivery."""

    mail: MailKind
    new: tuple[ReceiptKind, ...] = ()
    known: int = 0
    unknown: int = 0
    ignored: int = 0


class _About(NamedTuple):
    report: MailReport
    job_id: UUID
    signed: bool


async def take_mail(ledger: Ledger, paths: ReturnPaths, raw: bytes, now: datetime) -> Told:
    """Idempotent, see `take`. Raises `LedgerUnavailable`, and nothing for what the mail says."""
    mail = await asyncio.to_thread(read, raw)
    about = [each for report in mail.reports if (each := _about(report, paths)) is not None]
    rows = await _deliveries(ledger, {each.job_id for each in about})
    receipts = [_receipt(each, rows[each.job_id], mail, now) for each in about if each.job_id in rows]
    taken = await take(ledger, receipts) if receipts else None
    return Told(
        mail.kind,
        taken.new if taken is not None else (),
        taken.known if taken is not None else 0,
        len(mail.reports) - len(receipts) + (taken.unknown if taken is not None else 0),
        mail.ignored,
    )


def _about(report: MailReport, paths: ReturnPaths) -> _About | None:
    for each in report.paths:
        if (delivery := paths.delivery_in(each)) is not None:
            return _About(report, job_of(delivery), signed=True)
    for each in report.message_ids:
        if (job := job_in(each)) is not None:
            return _About(report, job, signed=False)
    return None


async def _deliveries(ledger: Ledger, job_ids: Iterable[UUID]) -> Mapping[UUID, Row]:
    ranges = [sa.and_(deliveries.c.id > each, deliveries.c.id <= last_child_of(each)) for each in job_ids]
    if not ranges:
        return {}
    asked = (
        sa.select(
            *(deliveries.c[name] for name in ("job_id", "address", "provider", "maybe_accepted_by")),
            jobs.c.envelope,
        )
        .join(jobs, jobs.c.id == deliveries.c.job_id)
        .where(sa.or_(*ranges), deliveries.c.channel == Channel.EMAIL)
    )
    return {row["job_id"]: row for row in await fetch(ledger, asked)}


def _receipt(about: _About, row: Row, mail: Mail, now: datetime) -> Receipt:
    report = about.report
    others = _others(row["envelope"])
    address = _one_of(report.addresses, [row["address"], *others])
    unclear = UNCLEAR if address is None and others else None
    return Receipt(
        job_id=about.job_id,
        provider=row["maybe_accepted_by"] or row["provider"] or "smtp",
        event_id=_event_id(about, mail),
        kind=ReceiptKind(report.kind.value),
        at=mail.at if mail.at is not None and now - _OLDEST < mail.at <= now else now,
        address=address,
        lasting=report.lasting,
        code=report.code,
        doubt=unclear if about.signed else UNSIGNED,
    )


def _others(envelope: str | None) -> list[str]:
    """Who got a copy."""
    given = object_of(envelope)
    lists = [given.get(name) for name in ("cc", "bcc")]
    return [each for some in lists if isinstance(some, list) for each in some if isinstance(each, str)]


def _one_of(said: Sequence[str], ours: Sequence[str]) -> str | None:
    by_form = {_form(each): each for each in reversed(ours) if each}
    return next((by_form[form] for each in said if (form := _form(each)) in by_form), None)


def _form(address: str) -> str:
    try:
        return email_address(address).casefold()
    except ValueError:
        return address.casefold()


def _event_id(about: _About, mail: Mail) -> str:
    """The same if the mail comes again, by whatever door."""
    report = about.report
    said = "\0".join((str(about.job_id), report.kind, report.code, mail.number, *report.addresses))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:24]
