"""Writes in-app notifications in the transaction that records the decision: nobody claims and sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState, InboxEvent
from hermodr_ledger.engine import Contested, Ledger, Row, Transaction, columns, news
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.jobs.decisions import Decision, Lanes, NewDelivery
from hermodr_ledger.jobs.redeciding import record_in
from hermodr_servicekit.ids import job_of, new_id


@dataclass(frozen=True, slots=True)
class Content:
    """What a notification is rendered from, as JSON: the job's data, with the recipient if its template reads that; or
    its content as given."""

    data: str
    content: str | None


class Worded(NamedTuple):
    """How it reads; with `code` it could not be rendered. `detail` holds nothing of the data. `shown`: a JSON array of
    the names of the job's data that the user may read; `None`: all of it."""

    title: str
    message: str
    started_at: datetime
    code: str | None = None
    detail: str | None = None
    shown: str | None = None


class Delivered(NamedTuple):
    """Deliveries on other channels by lane, and the jobs that ended: their kind and state."""

    lanes: Lanes
    ended: tuple[tuple[str, str], ...] = ()


def in_app(decision: Decision) -> NewDelivery | None:
    """The delivery to write into an inbox, if it is decided to make one now."""
    if decision.joining is not None:
        return None
    return next((each for each in decision.open if each.channel is Channel.IN_APP), None)


async def contents(ledger: Ledger, decisions: Sequence[Decision]) -> Mapping[UUID, Content]:
    """By job. Raises `LedgerUnavailable`."""
    deliveries = [each for decision in decisions if (each := in_app(decision)) is not None]
    rows = await ledger.fetch(
        """
        SELECT j.id, j.content, CASE WHEN u.recipient IS NULL THEN j.data
            ELSE j.data || jsonb_build_object('recipient', u.recipient::jsonb) END AS data
        FROM unnest($1::uuid[], $2::text[]) u(id, recipient) JOIN hermodr.jobs j ON j.id = u.id
        """,
        *columns([each.job.id for each in decisions], [each.recipient for each in deliveries]),
    )
    return {row["id"]: Content(row["data"], row["content"]) for row in rows}


_DELIVER = statement("hermodr_ledger.inbox", "deliver")


async def deliver(ledger: Ledger, wanted: Sequence[tuple[Decision, Worded]]) -> Delivered:
    """Records decisions and writes the notifications, all or nothing; jobs that are not queued any more are left out.
    If a row is locked, each for itself; locked ones are left to the scheduler. Raises `LedgerUnavailable`."""
    try:
        async with ledger.transaction() as transaction:
            return await _deliver(transaction, wanted)
    except Contested:
        if len(wanted) == 1:
            return Delivered({})
        return _together([await deliver(ledger, [each]) for each in wanted])


async def _deliver(transaction: Transaction, wanted: Sequence[tuple[Decision, Worded]]) -> Delivered:
    lanes = await record_in(transaction, [decision for decision, _ in wanted])
    made = [id_ for (channel, _), ids in lanes.items() if channel is Channel.IN_APP for id_ in ids]
    worded = {decision.job.id: words for decision, words in wanted}
    mine = [(id_, worded[job_of(id_)]) for id_ in made]
    rows: list[Row] = []
    if mine:
        rows = await transaction.fetch(
            _DELIVER,
            *columns(
                [id_ for id_, _ in mine],
                [new_id() for _ in mine],
                [words.title for _, words in mine],
                [words.message for _, words in mine],
                [words.code for _, words in mine],
                [words.detail for _, words in mine],
                [words.started_at for _, words in mine],
                [words.shown for _, words in mine],
            ),
        )
        transaction.tell(news.of_both(rows))
        written = [
            {**row, "id": row["notification_id"]} for row in rows if row["state"] == DeliveryState.DELIVERED
        ]
        transaction.tell(news.of_inbox(written, InboxEvent.CREATED))
    others = {lane: ids for lane, ids in lanes.items() if lane[0] is not Channel.IN_APP}
    ended = [
        (row["kind"], row["state"]) for row in rows if row["id"] is None and row["state"] != "processing"
    ]
    return Delivered(others, tuple(ended))


def _together(each: Sequence[Delivered]) -> Delivered:
    lanes: Lanes = {}
    for some in each:
        for lane, ids in some.lanes.items():
            lanes.setdefault(lane, []).extend(ids)
    return Delivered(lanes, tuple(ended for some in each for ended in some.ended))
