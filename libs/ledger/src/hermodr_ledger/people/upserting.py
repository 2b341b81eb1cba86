"""Many recipients at once, made or changed by their external ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.engine import Contested, Ledger, Transaction, repeats_itself
from hermodr_ledger.people.recipients import GIVEN
from hermodr_servicekit.ids import new_id

_ROWS = 1000
"""Per statement."""
_TRIES = 5
_FIELDS = tuple(name for name in GIVEN if name != "external_id")
_TYPES = ", ".join(f"${number}::text[]" for number in range(3, 3 + len(_FIELDS)))
_NAMES = ", ".join(_FIELDS)
_VALUES = ", ".join(
    "coalesce(g.attributes::jsonb, '{}')" if each == "attributes" else f"g.{each}" for each in _FIELDS
)

# In the order of their external ids, so that two such requests never wait for each other.
_LOCK = f"""
SELECT id, external_id, {_NAMES} FROM hermodr.recipients
WHERE project_id = $1 AND external_id = ANY($2::text[]) ORDER BY external_id FOR UPDATE
"""
_CHANGE = f"""
UPDATE hermodr.recipients r SET ({_NAMES}) = ROW({_VALUES}), updated_at = clock_timestamp()
FROM unnest($2::uuid[], {_TYPES}) AS g(id, {_NAMES}) WHERE r.id = g.id AND r.project_id = $1
  AND ({", ".join(f"r.{each}" for each in _FIELDS)}) IS DISTINCT FROM ({_VALUES})
"""
_ADD = f"""
INSERT INTO hermodr.recipients (id, project_id, external_id, {_NAMES})
SELECT g.id, $1, g.external_id, {_VALUES}
FROM unnest(${3 + len(_FIELDS)}::uuid[], $2::text[], {_TYPES}) AS g(id, external_id, {_NAMES}) ORDER BY g.external_id
ON CONFLICT (project_id, external_id) DO NOTHING RETURNING id, external_id
"""


@dataclass(frozen=True, slots=True)
class Upserted:
    id: UUID
    created: bool


async def upsert(
    transaction: Transaction, project_id: UUID, wanted: Mapping[str, Mapping[str, str | None]]
) -> dict[str, Upserted]:
    """By external id: the fields that are given are set, those left out stay. Raises `Contested`."""
    done: dict[str, Upserted] = {}
    keys = sorted(wanted)
    for start in range(0, len(keys), _ROWS):
        left = keys[start : start + _ROWS]
        for _ in range(_TRIES):  # another transaction may have made one since we looked
            done |= await _upsert(transaction, project_id, {key: wanted[key] for key in left})
            left = [key for key in left if key not in done]
            if not left:
                break
        else:
            raise Contested("recipients of these external ids come and go")
    return done


async def refused(
    ledger: Ledger, project_id: UUID, wanted: Mapping[str, Mapping[str, str | None]]
) -> set[str]:
    """Those that the database refuses: each is tried alone, and nothing is kept."""
    found: set[str] = set()
    for key, fields in wanted.items():
        try:
            async with ledger.transaction() as transaction:
                await _upsert(transaction, project_id, {key: fields})
                raise _OnlyTried
        except _OnlyTried:
            continue
        except Exception as error:
            if not repeats_itself(error):
                raise
            found.add(key)
    return found


class _OnlyTried(Exception):
    pass


async def _upsert(
    transaction: Transaction, project_id: UUID, wanted: Mapping[str, Mapping[str, str | None]]
) -> dict[str, Upserted]:
    there = {row["external_id"]: row for row in await transaction.fetch(_LOCK, project_id, list(wanted))}
    done = {key: Upserted(row["id"], False) for key, row in there.items()}
    changed = {
        key: {name: wanted[key].get(name, row[name]) for name in _FIELDS}
        for key, row in there.items()
        if any(row[name] != value for name, value in wanted[key].items() if name in _FIELDS)
    }
    if changed:
        ids = [there[key]["id"] for key in changed]
        await transaction.fetch(_CHANGE, project_id, ids, *_arrays(list(changed.values())))
    if new := [key for key in wanted if key not in there]:
        arrays = _arrays([wanted[key] for key in new])
        rows = await transaction.fetch(_ADD, project_id, new, *arrays, [new_id() for _ in new])
        done |= {row["external_id"]: Upserted(row["id"], True) for row in rows}
    return done


def _arrays(rows: Sequence[Mapping[str, str | None]]) -> list[list[str | None]]:
    return [[row.get(name) for row in rows] for name in _FIELDS]
