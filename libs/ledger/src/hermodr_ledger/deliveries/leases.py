"""Leases of claims, renewed while the provider takes long; the claims of a dead or hanging sender come back."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Contested, Ledger, Statements, locked


async def renew(
    ledger: Statements, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
) -> set[UUID]:
    """Extends claims (delivery, attempt) to `lease_seconds` from now; returns those still the owner's. `OFFSET 0`: see
    `engine`."""
    rows = await ledger.fetch(
        """
        UPDATE hermodr.deliveries d SET lease_until = now() + make_interval(secs => $4)
        FROM (SELECT id, number, 'sending' AS state FROM unnest($1::uuid[], $2::smallint[]) u(id, number) OFFSET 0) c
        WHERE d.id = c.id AND d.attempt = c.number AND d.state = c.state AND d.claimed_by = $3
        RETURNING d.id
        """,
        [delivery_id for delivery_id, _ in claims],
        [number for _, number in claims],
        owner,
        lease_seconds,
    )
    return {row["id"] for row in rows}


async def renew_free(
    ledger: Ledger, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
) -> set[UUID]:
    """`renew` without waiting for locked rows: nobody else can take those either, so they count as held."""
    try:
        return await renew(ledger, claims, owner=owner, lease_seconds=lease_seconds)
    except Contested:
        async with ledger.transaction() as transaction:
            numbers = dict(claims)
            free = await locked.free_deliveries(transaction, list(numbers))
            held = await renew(
                transaction,
                [(each, numbers[each]) for each in free],
                owner=owner,
                lease_seconds=lease_seconds,
            )
            left = [each for each in numbers if each not in free]
            rows = await transaction.fetch(
                """
                SELECT d.id FROM unnest($1::uuid[], $2::smallint[]) AS c(id, number)
                JOIN hermodr.deliveries d ON d.id = c.id AND d.attempt = c.number
                WHERE d.state = 'sending' AND d.claimed_by = $3
                """,
                left,
                [numbers[each] for each in left],
                owner,
            )
            return held | {row["id"] for row in rows}
