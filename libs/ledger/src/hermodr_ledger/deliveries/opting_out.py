"""People who answered a text, or a message by WhatsApp, with STOP, or with START. An answer names only their number and
the provider's, so it counts for every project that wrote to this number by that provider. Their number is suppressed,
for texts and WhatsApp alike: who wants to be left alone does not name channels."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_contracts.phones import whatsapp_spellings
from hermodr_contracts.vocabulary import Channel, SuppressionReason
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY, NewSuppression

_NOTE = "answered STOP"


async def opted_out(
    ledger: Ledger, provider: str, phone: str, channel: Channel = Channel.SMS
) -> Sequence[UUID]:
    """Suppresses the number; returns the projects. Idempotent."""
    async with ledger.transaction() as transaction:
        found = await _written_to(transaction, provider, phone, channel)
        wanted = [
            NewSuppression(project, address, SuppressionReason.OPT_OUT, note=_NOTE)
            for project, address in found
        ]
        if wanted:
            await suppressions.put(transaction, wanted)
    return list(dict.fromkeys(project for project, _ in found))


async def opted_in(
    ledger: Ledger, provider: str, phone: str, channel: Channel = Channel.SMS
) -> Sequence[UUID]:
    """Takes back what `opted_out` did, and nothing else; returns the projects that wrote to the number."""
    async with ledger.transaction() as transaction:
        found = await _written_to(transaction, provider, phone, channel)
        await transaction.fetch(
            f"""
            DELETE FROM hermodr.suppressions s USING unnest($1::uuid[], $2::text[]) AS p(id, phone)
            WHERE s.project_id = p.id AND s.reason = $3
              AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, p.id, p.phone)
            """,
            [project for project, _ in found],
            [address for _, address in found],
            SuppressionReason.OPT_OUT,
        )
    return list(dict.fromkeys(project for project, _ in found))


async def _written_to(
    transaction: Transaction, provider: str, phone: str, channel: Channel
) -> list[tuple[UUID, str]]:
    """Each project with the number as it wrote to it: WhatsApp may call it by another spelling."""
    spellings = whatsapp_spellings(phone) if channel is Channel.WHATSAPP else (phone,)
    rows = await transaction.fetch(
        f"""
        SELECT DISTINCT d.project_id, d.address FROM hermodr.deliveries d
        WHERE d.channel = '{channel}' AND d.address = ANY ($1::text[]) AND d.provider = $2
        ORDER BY d.project_id, d.address
        """,  # the channel is written out, for its partial index
        list(spellings),
        provider,
    )
    return [(row["project_id"], row["address"]) for row in rows]
