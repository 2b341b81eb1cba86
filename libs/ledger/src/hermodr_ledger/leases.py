"""Leases of claims whose provider takes long to answer: they are renewed, so that nobody sends again what is still
being sent. Whoever dies or hangs renews nothing, and its claims come back when the lease is over."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Ledger


async def renew(
    ledger: Ledger, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
) -> set[UUID]:
    """Has the claims, as (delivery, attempt), hold for `lease_seconds` from now on; returns the deliveries of those
    that are still the owner's. The others were given up meanwhile. For the fence see `engine.Ledger`."""
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
