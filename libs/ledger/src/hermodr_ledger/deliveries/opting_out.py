"""People who answered a text with STOP, or with START. An answer names only their number and the provider's, so it
counts for every project that texted this number by that provider."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY, NewSuppression

_NOTE = "answered STOP"


async def opted_out(ledger: Ledger, provider: str, phone: str) -> Sequence[UUID]:
    """Suppresses the number; returns the projects. Idempotent."""
    async with ledger.transaction() as transaction:
        projects = await _projects(transaction, provider, phone)
        wanted = [NewSuppression(each, phone, SuppressionReason.OPT_OUT, note=_NOTE) for each in projects]
        if wanted:
            await suppressions.put(transaction, wanted)
    return projects


async def opted_in(ledger: Ledger, provider: str, phone: str) -> Sequence[UUID]:
    """Takes back what `opted_out` did, and nothing else; returns the projects that texted the number."""
    async with ledger.transaction() as transaction:
        projects = await _projects(transaction, provider, phone)
        await transaction.fetch(
            f"""
            DELETE FROM hermodr.suppressions s USING unnest($1::uuid[]) AS p(id)
            WHERE s.project_id = p.id AND s.reason = $3
              AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, p.id, $2)
            """,
            list(projects),
            phone,
            SuppressionReason.OPT_OUT,
        )
    return projects


async def _projects(transaction: Transaction, provider: str, phone: str) -> list[UUID]:
    rows = await transaction.fetch(
        """
        SELECT DISTINCT d.project_id FROM hermodr.deliveries d
        WHERE d.channel = 'sms' AND d.address = $1 AND d.provider = $2 ORDER BY d.project_id
        """,
        phone,
        provider,
    )
    return [row["project_id"] for row in rows]
