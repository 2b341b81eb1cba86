"""People who answered a text, or a message by WhatsApp, with STOP, or with START. An answer names only their number and
the provider's, so it counts for every project that wrote to this number by that provider. Their number is suppressed,
for texts and WhatsApp alike: who wants to be left alone does not name channels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.phones import whatsapp_spellings
from hermodr_contracts.vocabulary import Channel, SuppressionReason
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY, NewSuppression

_NOTE = "answered STOP"
_TOGETHER = 1000


class Answer(NamedTuple):
    """What somebody answered: `stop`, or start again."""

    provider: str
    phone: str
    channel: Channel
    stop: bool


async def heed(ledger: Ledger, answers: Sequence[Answer]) -> list[bool]:
    """Suppresses the numbers, or takes that back and nothing else. Of several by one person the last counts.
    Idempotent. Returns for each whether a project wrote to the number."""
    last: dict[tuple[str, str, Channel], Answer] = {}
    for each in answers:
        key = each.provider, each.phone, each.channel
        last.pop(key, None)  # its place is that of the last one
        last[key] = each
    heeded: set[Answer] = set()
    for some in _waves(list(last.values())):
        for start in range(0, len(some), _TOGETHER):
            async with ledger.transaction() as transaction:
                heeded |= await _heed(transaction, some[start : start + _TOGETHER])
    return [last[each.provider, each.phone, each.channel] in heeded for each in answers]


def _waves(answers: Sequence[Answer]) -> Iterator[list[Answer]]:
    """Groups in which each number occurs once, in order."""
    waves: list[list[Answer]] = []
    seen: Counter[str] = Counter()
    for each in answers:
        if seen[each.phone] == len(waves):
            waves.append([])
        waves[seen[each.phone]].append(each)
        seen[each.phone] += 1
    yield from waves


async def _heed(transaction: Transaction, answers: Sequence[Answer]) -> set[Answer]:
    heeded: set[Answer] = set()
    stops: list[NewSuppression] = []
    starts: list[tuple[UUID, str]] = []
    for answer, project, address in await _written_to(transaction, answers):
        heeded.add(answer)
        if answer.stop:
            stops.append(NewSuppression(project, address, SuppressionReason.OPT_OUT, note=_NOTE))
        else:
            starts.append((project, address))
    if stops:
        await suppressions.put(transaction, stops)
    if starts:
        await _take_back(transaction, starts)
    return heeded


async def _take_back(transaction: Transaction, starts: Sequence[tuple[UUID, str]]) -> None:
    await transaction.fetch(
        f"""
        DELETE FROM hermodr.suppressions s USING unnest($1::uuid[], $2::text[]) AS p(id, phone)
        WHERE s.project_id = p.id AND s.reason = $3
          AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, p.id, p.phone)
        """,
        [project for project, _ in starts],
        [address for _, address in starts],
        SuppressionReason.OPT_OUT,
    )


async def _written_to(transaction: Transaction, answers: Sequence[Answer]) -> list[tuple[Answer, UUID, str]]:
    """Each project with the number as it wrote to it: WhatsApp may call it by another spelling."""
    found: list[tuple[Answer, UUID, str]] = []
    for channel in (Channel.SMS, Channel.WHATSAPP):
        spelled = [
            (nth, spelling, each.provider)
            for nth, each in enumerate(answers)
            if each.channel is channel
            for spelling in (whatsapp_spellings(each.phone) if channel is Channel.WHATSAPP else (each.phone,))
        ]
        if not spelled:
            continue
        rows = await transaction.fetch(
            f"""
            SELECT DISTINCT a.nth, d.project_id, d.address
            FROM unnest($1::int[], $2::text[], $3::text[]) AS a(nth, phone, provider)
            JOIN hermodr.deliveries d ON d.channel = '{channel}' AND d.address = a.phone AND d.provider = a.provider
            ORDER BY d.project_id, d.address
            """,  # the channel is written out, for its partial index
            [nth for nth, _, _ in spelled],
            [spelling for _, spelling, _ in spelled],
            [provider for _, _, provider in spelled],
        )
        found += [(answers[row["nth"]], row["project_id"], row["address"]) for row in rows]
    return found
