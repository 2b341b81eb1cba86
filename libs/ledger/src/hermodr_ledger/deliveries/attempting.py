"""The steps of an attempt for senders: rows that are locked or fail are left out, and the rest goes on."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from hermodr_ledger.deliveries import leases
from hermodr_ledger.deliveries.attempts import (
    Attempt,
    Choice,
    Claim,
    Recorded,
    Settlement,
    claim,
    no_choice,
    owners,
    record,
    release,
)
from hermodr_ledger.engine import Contested, Ledger, LedgerUnavailable, locked
from hermodr_ledger.engine.locked import RowsLocked
from hermodr_ledger.engine.setting_aside import CLAIMING_DUTY, apart, set_aside

RELEASING_DUTY, RENEWING_DUTY, RECORDING_DUTY = "released claims", "renewed leases", "results"


async def record_free(ledger: Ledger, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
    """`record` without waiting for locks. Raises `RowsLocked` once the rest is recorded; `Contested`: nothing is."""
    async with ledger.transaction() as transaction:
        held = await locked.held_results(transaction, [each.delivery_id for each, _ in results])
        free = [each for each in results if each[0].delivery_id not in held]
        done = await record(transaction, free) if free else []
    if held:
        raise RowsLocked(held, done)
    return done


class Attempts:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def claim(
        self,
        ids: Sequence[UUID],
        *,
        owner: str,
        lease_seconds: float,
        choose: Callable[[Sequence[UUID]], Choice] = no_choice,
    ) -> list[Claim]:
        """See `claim`. A delivery that cannot be claimed is set aside."""
        begun = False

        async def some(among: Sequence[UUID]) -> list[Claim]:
            nonlocal begun
            try:
                claims = await claim(
                    self._ledger, among, owner=owner, lease_seconds=lease_seconds, choose=choose
                )
            except LedgerUnavailable:
                if not begun:
                    raise
                return []  # those claimed so far must be sent; the scheduler announces the others
            begun = begun or bool(claims)
            return claims

        return await apart(self._ledger, CLAIMING_DUTY, ids, some)

    async def owners(self, ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """See `owners`."""
        return await owners(self._ledger, ids)

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """See `release`. The leases of locked or failing rows run out."""
        by_id = {each.id: each for each in claims}

        async def some(ids: Sequence[UUID]) -> list[None]:
            try:
                await release(self._ledger, [by_id[each] for each in ids], held_seconds=held_seconds)
            except Contested:
                async with self._ledger.transaction() as transaction:
                    free = await locked.free_deliveries(transaction, ids)
                    await release(transaction, [by_id[each] for each in free], held_seconds=held_seconds)
            return []

        await apart(self._ledger, RELEASING_DUTY, list(by_id), some)

    async def renew(
        self, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
    ) -> set[UUID]:
        """See `leases.renew_free`. A claim that cannot be renewed is lost."""
        numbers = dict(claims)

        async def some(ids: Sequence[UUID]) -> list[UUID]:
            wanted = [(each, numbers[each]) for each in ids]
            return list(
                await leases.renew_free(self._ledger, wanted, owner=owner, lease_seconds=lease_seconds)
            )

        return set(await apart(self._ledger, RENEWING_DUTY, list(numbers), some))

    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
        """See `record_free`. Raises its errors: the caller retries halves; a result that fails alone is set aside."""
        try:
            return await record(self._ledger, results)
        except Contested:
            return await record_free(self._ledger, results)
        except LedgerUnavailable:
            raise
        except Exception as error:
            if len(results) == 1:
                await set_aside(self._ledger, RECORDING_DUTY, {str(results[0][0].delivery_id): error})
            raise
